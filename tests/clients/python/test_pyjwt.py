"""PyJWT verifies our access tokens from the published key set, with nothing else from us."""

import base64
import hashlib
import json

import httpx
import jwt
import pytest


@pytest.fixture
def keys(server):
    return jwt.PyJWKClient(f"{server.base}/.well-known/jwks.json")


def decode(token, keys, **expected):
    return jwt.decode_complete(
        token,
        keys.get_signing_key_from_jwt(token).key,
        algorithms=["ES256"],
        options={"require": ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]},  # RFC 9068 §2.2
        **expected,
    )


def test_an_access_token_is_verified_from_the_key_set(server, account, tokens, keys):
    verified = decode(tokens["access_token"], keys, issuer=server.base, audience=server.base)

    header, claims = verified["header"], verified["payload"]
    assert header["alg"] == "ES256"
    assert header["typ"] == "at+jwt"  # RFC 9068 §2.1
    assert claims["sub"] == account["id"]
    assert claims["client_id"] == "countersign"
    assert claims["exp"] - claims["iat"] == tokens["expires_in"] == 15 * 24 * 3600
    assert len(verified["signature"]) == 64  # RFC 7518 §3.4


def test_the_key_id_is_the_thumbprint(server, tokens):
    header = jwt.get_unverified_header(tokens["access_token"])
    [key] = [key for key in server.get("/.well-known/jwks.json").json()["keys"] if key["kid"] == header["kid"]]
    # RFC 7638 §3: the required members in alphabetical order, without white space.
    text = json.dumps({name: key[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).digest()
    assert key["kid"] == base64.urlsafe_b64encode(digest).decode().rstrip("=")
    assert "d" not in key


def test_a_token_is_for_one_audience_and_one_issuer(server, tokens, keys):
    with pytest.raises(jwt.InvalidAudienceError):
        decode(tokens["access_token"], keys, issuer=server.base, audience="https://other.example")
    with pytest.raises(jwt.InvalidIssuerError):
        decode(tokens["access_token"], keys, issuer=server.base + "/", audience=server.base)


def test_a_refreshed_token_belongs_to_the_same_session(server, tokens, keys):
    answer = server.post("/api/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert answer.status_code == 200, answer.text
    refreshed = answer.json()
    assert refreshed["refresh_token"] != tokens["refresh_token"]

    first = decode(tokens["access_token"], keys, issuer=server.base, audience=server.base)["payload"]
    second = decode(refreshed["access_token"], keys, issuer=server.base, audience=server.base)["payload"]
    assert second["sid"] == first["sid"]
    assert second["jti"] != first["jti"]


def test_the_server_refuses_what_pyjwt_signs_with_a_key_of_its_own(server, tokens, keys):
    from cryptography.hazmat.primitives.asymmetric import ec

    genuine = decode(tokens["access_token"], keys, issuer=server.base, audience=server.base)
    forged = jwt.encode(
        genuine["payload"], ec.generate_private_key(ec.SECP256R1()), algorithm="ES256", headers=genuine["header"]
    )
    assert server.get("/api/auth/me", tokens["access_token"]).status_code == 200
    answer = server.get("/api/auth/me", forged)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_the_key_set_may_be_kept_as_long_as_it_says(server):
    first = server.get("/.well-known/jwks.json")
    assert first.headers["Cache-Control"] == "public, max-age=300"
    again = httpx.get(first.url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
