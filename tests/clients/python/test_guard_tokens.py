"""Tokens that no library makes: signed by the issuer's own key, and still to be refused."""

import base64
import json

import jwt
import pytest
from countersign_guard import Guard, InvalidToken
from guard_issuer import FakeIssuer
from guard_support import outcome

ES256 = jwt.get_algorithm_by_name("ES256")


@pytest.fixture(scope="module")
def issuer():
    with FakeIssuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def guard(issuer):
    with Guard(issuer.url) as guard:
        yield guard


def encoded(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def signed(issuer, header, claims):
    """A good signature over any two texts."""
    text = encoded(header) + b"." + encoded(claims)
    return (text + b"." + encoded(ES256.sign(text, issuer.key.private))).decode()


def parts(issuer):
    good = issuer.token()
    header = json.dumps(jwt.get_unverified_header(good)).encode()
    return header, json.dumps(jwt.decode(good, options={"verify_signature": False})).encode()


def test_this_is_how_a_good_one_is_made(issuer, guard):
    assert outcome(guard, signed(issuer, *parts(issuer))) == "ok"


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(b'"alg": "ES256"', id="a name twice"),
        pytest.param(b'"x": NaN', id="NaN"),
        pytest.param(b'"x": ' + b"9" * 5000, id="a long number"),
        pytest.param(b'"x": "\xff"', id="no UTF-8"),
        pytest.param(b'"b64": false', id="b64"),
    ],
)
def test_a_header_that_is_read_in_two_ways(issuer, guard, more):
    header, claims = parts(issuer)
    assert outcome(guard, signed(issuer, header[:-1] + b", " + more + b"}", claims)) == "invalid_token"


@pytest.mark.parametrize(
    "more",
    [
        pytest.param(b'"exp": 9999999999', id="a name twice"),
        pytest.param(b'"x": {"a": 1, "a": 2}', id="a name twice, deep"),
        pytest.param(b'"x": Infinity', id="Infinity"),
        pytest.param(b'"x": "\xff"', id="no UTF-8"),
        pytest.param(b'"nbf": true', id="nbf true"),
        pytest.param(b'"nbf": 1e300', id="nbf far away"),
    ],
)
def test_claims_that_are_read_in_two_ways(issuer, guard, more):
    header, claims = parts(issuer)
    assert outcome(guard, signed(issuer, header, claims[:-1] + b", " + more + b"}")) == "invalid_token"


@pytest.mark.parametrize("depth", [16, 500, 2500])
@pytest.mark.parametrize("which", [0, 1])
def test_deep_nesting_breaks_nothing(issuer, guard, which, depth):
    texts = list(parts(issuer))
    texts[which] = texts[which][:-1] + b', "x": ' + b"[" * depth + b"]" * depth + b"}"
    assert outcome(guard, signed(issuer, *texts)) == "invalid_token"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda token: token + "==", id="padded"),
        pytest.param(lambda token: token + "\n", id="a line's end"),
        pytest.param(lambda token: " " + token, id="a space"),
        pytest.param(lambda token: token[:-10] + "!" + token[-10:], id="junk within"),
        pytest.param(lambda token: token[:-1] + chr(ord(token[-1]) + 1), id="bits left over"),
        pytest.param(lambda token: token.replace(".", "..", 1), id="an empty part"),
    ],
)
def test_a_token_written_in_another_way(issuer, guard, change):
    assert outcome(guard, change(issuer.token())) == "invalid_token"


@pytest.mark.parametrize("uuid", ["{01980000-0000-7000-8000-000000000001}", "01980000000070008000000000000001"])
def test_a_uuid_written_in_another_way(issuer, guard, uuid):
    assert outcome(guard, issuer.token(sub=uuid)) == "invalid_token"


def test_the_audiences_are_named_to_the_service_and_not_to_the_client(issuer, guard):
    token = issuer.token(aud=["https://other.example", "\n\x1b[31m" + "x" * 200])
    with pytest.raises(InvalidToken) as raised:
        guard.verify_sync(token)
    denied = raised.value
    shown = "https://other.example,??[31m" + "x" * 72 + "..."
    assert denied.detail == "The token is for another audience."
    assert str(denied.__cause__) == f"the token is for {shown}, and this guard expects {issuer.url}"
    assert "other.example" not in json.dumps([denied.headers, denied.problem])


def test_a_token_for_another_audience_is_logged_once(issuer, caplog):
    with Guard(issuer.url) as guard:
        # A forged token is not logged.
        head, body, _ = issuer.token(aud="https://forged.example").split(".")
        assert outcome(guard, f"{head}.{body}.{'A' * 86}") == "invalid_token"
        for _ in range(2):
            assert outcome(guard, issuer.token(aud="https://other.example")) == "invalid_token"
    assert [record.getMessage() for record in caplog.records if record.name == "countersign_guard"] == [
        f"rejected a token: the token is for https://other.example, and this guard expects {issuer.url}; "
        "if it is meant for this service, correct `audience`"
    ]
