"""A few thousand tokens that the Rust guard has judged already (crates/guard/tests/vectors/mutations): this guard says the
same of each, and PyJWT takes none that is forged, expired or for others.

`COUNTERSIGN_TEST_MUTATIONS` names the file, which is made anew in each run of scripts/test.
"""

import json
import os
from collections import Counter
from pathlib import Path

import jwt
import pytest
from countersign_guard import Guard

from guard_issuer import KEYS, METADATA, FakeIssuer, saying
from guard_support import verdict


@pytest.fixture(scope="module")
def mutations():
    path = os.environ.get("COUNTERSIGN_TEST_MUTATIONS")
    assert path, "COUNTERSIGN_TEST_MUTATIONS must name the file of mutations; scripts/test clients makes it"
    return json.loads(Path(path).read_text())


@pytest.fixture(scope="module")
def issuer(mutations):
    with FakeIssuer() as issuer:
        publish(issuer, mutations, "", saying(mutations["jwks"]))
        for number, key_set in enumerate(mutations["key_sets"]):
            publish(issuer, mutations, f"/sets/{number}", saying(key_set["jwks"]))
        yield issuer


def publish(issuer, mutations, base, keys):
    issuer.lies[base + METADATA] = saying({"issuer": mutations["issuer"], "jwks_uri": mutations["issuer"] + KEYS})
    issuer.lies[base + KEYS] = keys
    for uri, text in mutations["status_lists"].items():
        issuer.lies[base + uri.removeprefix(mutations["issuer"])] = saying(text)


def guard(mutations, base):
    return Guard(
        mutations["issuer"],
        audience=mutations["audience"],
        base_url=base,
        leeway=mutations["leeway"],
        now=lambda: mutations["now"],
    )


def test_every_token_is_judged_as_the_rules_say(mutations, issuer):
    with guard(mutations, issuer.url) as ours:
        judged = [(case, verdict(ours, case["token"])) for case in mutations["tokens"]]
    wrong = [
        f"{case['rules']} {case['name']}: {got}, not {wanted(case)}" for case, got in judged if got != wanted(case)
    ]
    assert not wrong, f"{len(wrong)} of {len(judged)}:\n" + "\n".join(wrong)
    assert len(judged) > 3000


def wanted(case):
    return (case["expect"], case["subject"]) if case["expect"] == "valid" else case["expect"]


def test_every_key_set_is_read_as_the_rules_say(mutations, issuer):
    wrong = []
    for number, case in enumerate(mutations["key_sets"]):
        with guard(mutations, f"{issuer.url}/sets/{number}") as ours:
            got = verdict(ours, case["token"])
        if got != wanted(case | {"subject": "account"}):
            wrong.append(f"{case['rule']} {case['name']}: {got}, not {case['expect']}")
    assert not wrong, "\n".join(wrong)


def test_pyjwt_takes_none_that_is_forged_or_past(mutations):
    """It takes much that we refuse: it knows no `typ`, `kid`, `sid`. How much, the output tells (`--capture=no`)."""
    first = next(key for key in mutations["jwks"]["keys"] if key.get("crv") == "P-256")
    key = jwt.PyJWK(first)

    def takes(token):
        options = {"require": ["exp", "iat", "iss", "aud", "sub"]}
        try:
            jwt.decode(
                token,
                key,
                algorithms=["ES256"],
                issuer=mutations["issuer"],
                audience=mutations["audience"],
                leeway=mutations["leeway"],
                options=options,
            )
        except (jwt.PyJWTError, TypeError, ValueError, RecursionError, OverflowError):
            return False
        return True

    taken = [case for case in mutations["tokens"] if takes(case["token"])]
    assert [case["name"] for case in taken if case["must_refuse"]] == []
    laxer = [case for case in taken if case["expect"] == "invalid"]
    stricter = [case for case in mutations["tokens"] if case["expect"] == "valid" and case not in taken]
    rules = Counter(rule for case in laxer if len(case["rules"]) == 1 for rule in case["rules"])
    print(f"\nPyJWT takes {len(laxer)} that the rules refuse ({rules}), and refuses {len(stricter)} that they allow")
