"""The vectors that every verifier of ours runs: what a token and a status list may be, and what not."""

import asyncio
import json
from pathlib import Path

import pytest
from countersign_guard import Account, Client, Denied, Guard, InvalidToken, Revoked, UserRequired, VerifiedClient
from countersign_guard.jws import read_kid
from countersign_guard.key_set import usable_keys
from countersign_guard.options import Options
from countersign_guard.status_list import LONGEST, TYPE, verify_status_list

from guard_issuer import KEYS, METADATA, FakeIssuer, saying

VECTORS = json.loads((Path(__file__).parents[3] / "clients" / "vectors.json").read_text())
AUDIENCE, LEEWAY = VECTORS["audience"], VECTORS["leeway"]


def named(cases):
    return [pytest.param(case, id=case["name"]) for case in cases]


def now():
    return VECTORS["now"]


@pytest.fixture(scope="module")
def guard():
    # It is reached at a URL other than its name, as in a container.
    with FakeIssuer() as issuer:
        issuer.lies[METADATA] = saying({"issuer": VECTORS["issuer"], "jwks_uri": VECTORS["issuer"] + KEYS})
        issuer.lies[KEYS] = saying(VECTORS["jwks"])
        for uri, text in VECTORS["status_lists"].items():
            issuer.lies[uri.removeprefix(VECTORS["issuer"])] = saying(text)
        with Guard(VECTORS["issuer"], audience=AUDIENCE, base_url=issuer.url, leeway=LEEWAY, now=now) as guard:
            yield guard


@pytest.mark.parametrize("twice", ["first", "remembered"])
@pytest.mark.parametrize("case", named(VECTORS["tokens"]))
def test_a_token(guard, case, twice):
    expected = case["expect"]
    if expected == "valid":
        token = guard.verify_sync(case["token"])
        assert {"client" if isinstance(token.caller, VerifiedClient) else "account": str(token.caller.id)} == case["verified"]["subject"]
        assert shown(token) == case["verified"] | {"scopes": sorted(case["verified"]["scopes"])}
        assert asyncio.run(guard.verify(case["token"])) == token
        if isinstance(token.subject, Client):
            with pytest.raises(UserRequired) as denied:
                token.require_user()
            assert (denied.value.status, denied.value.code) == (403, "insufficient_scope")
            assert denied.value.headers["WWW-Authenticate"].startswith(f'Bearer realm="{VECTORS["issuer"]}", error=')
        else:
            assert token.require_user().id == token.subject.id
    else:
        with pytest.raises(InvalidToken) as denied:
            guard.verify_sync(case["token"])
        assert denied.type is (Revoked if expected == "revoked" else InvalidToken)
        assert denied.value.status == 401


def shown(token):
    """A verified token as the table writes it."""
    session = {} if token.session is None else {"session": str(token.session)}
    user = token.require_user() if isinstance(token.subject, Account) else None
    known = {name: getattr(user, name, None) for name in ("email", "email_verified", "name")}
    about = {name: value for name, value in known.items() if value is not None}
    return {
        "subject": {type(token.subject).__name__.lower(): str(token.subject.id)},
        "client_id": token.client_id,
        "scopes": sorted(token.scopes),
    } | session | about


@pytest.mark.parametrize("case", named(VECTORS["lists"]))
def test_a_status_list(case):
    options = Options(issuer=VECTORS["issuer"], audience=frozenset(AUDIENCE), leeway=LEEWAY, now=now)
    keys = usable_keys(json.dumps(VECTORS["jwks"]).encode())

    def read():
        return verify_status_list(case["jwt"], case["uri"], keys[read_kid(case["jwt"], TYPE, LONGEST)], options)

    if case["expect"] == "valid":
        statuses = case["statuses"]
        assert {idx: read().status(int(idx)) for idx in statuses} == statuses
    else:
        with pytest.raises((Denied, KeyError)):
            read()


def test_there_are_enough_of_each():
    assert len(VECTORS["tokens"]) >= 60
    assert len(VECTORS["lists"]) >= 15
    assert {kind for case in VECTORS["tokens"] for kind in case.get("verified", {}).get("subject", {})} == {"account", "client"}
    assert {case["expect"] for case in VECTORS["tokens"]} == {"valid", "invalid", "revoked"}
