"""Authlib and requests-oauthlib sign in, refresh, ask for user information, introspect and revoke."""

import hashlib

import httpx
import pytest
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oidc.core import CodeIDToken
from conftest import running
from joserfc import jwt
from joserfc.jwk import KeySet
from oauthlib.oauth2 import BackendApplicationClient, InvalidGrantError
from requests_oauthlib import OAuth2Session

API = "https://api.example.com/orders"
REDIRECT_URI = "https://app.example.com/callback"
SECRET = "a secret of a client, with : % and + in it"
SCOPE = "openid email offline_access"

CONFIGURATION = f"""
[[apis]]
identifier = "{API}"
name = "Orders"
clients = "any"
scopes = [{{ name = "orders:read", grant = "open", words = {{ en = "See your orders" }} }}]

[[clients]]
client_id = "web"
client_name = "Web"
redirect_uris = ["{REDIRECT_URI}"]
secret_sha256 = "{hashlib.sha256(SECRET.encode()).hexdigest()}"
grant_types = ["authorization_code", "refresh_token"]

[[clients]]
client_id = "nightly"
client_name = "Nightly job"
secret_sha256 = "{hashlib.sha256(SECRET.encode()).hexdigest()}"
grant_types = ["client_credentials"]
scope = "orders:read"
"""


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("oauth")
    (folder / "countersign.toml").write_text(CONFIGURATION)
    with running(folder, COUNTERSIGN_LIMITS__ENABLED="false") as server:
        yield server


@pytest.fixture(scope="module")
def metadata(issuer):
    return httpx.get(f"{issuer.base}/.well-known/openid-configuration").raise_for_status().json()


@pytest.fixture(autouse=True)
def without_tls(monkeypatch):
    # The server of the tests has no TLS.
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_authlib_signs_in(metadata, person, user, method):
    client = OAuth2Client(
        "web",
        SECRET,
        scope=SCOPE,
        redirect_uri=REDIRECT_URI,
        code_challenge_method="S256",
        token_endpoint_auth_method=method,
    )
    verifier, nonce = generate_token(48), generate_token()
    address, state = client.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    answer = person.visit(address)
    endpoint = metadata["token_endpoint"]
    tokens = client.fetch_token(endpoint, authorization_response=answer, code_verifier=verifier, state=state)

    keys = KeySet.import_key_set(httpx.get(metadata["jwks_uri"]).json())
    options = {"iss": {"value": metadata["issuer"]}, "aud": {"value": "web"}}
    parameters = {"nonce": nonce, "client_id": "web", "access_token": tokens["access_token"]}
    verified = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"])
    claims = CodeIDToken(verified.claims, verified.header, options, parameters)
    claims.validate()
    assert claims["sub"] == user["id"]
    assert client.get(metadata["userinfo_endpoint"]).json()["email"] == user["email"]

    refreshed = client.refresh_token(endpoint, refresh_token=tokens["refresh_token"])
    introspection = metadata["introspection_endpoint"]
    assert client.introspect_token(introspection, token=refreshed["access_token"]).json()["sub"] == user["id"]
    revocation = metadata["revocation_endpoint"]
    assert client.revoke_token(revocation, token=refreshed["refresh_token"]).status_code == 200
    assert client.introspect_token(introspection, token=refreshed["access_token"]).json() == {"active": False}
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.refresh_token(endpoint, refresh_token=refreshed["refresh_token"])


def test_authlib_gets_a_token_without_a_user(metadata):
    client = OAuth2Client("nightly", SECRET, token_endpoint_auth_method="client_secret_basic")
    tokens = client.fetch_token(metadata["token_endpoint"], grant_type="client_credentials", resource=API)
    assert tokens["scope"] == "orders:read"
    assert "refresh_token" not in tokens


def test_requests_oauthlib_signs_in(metadata, person, user):
    session = OAuth2Session("web", redirect_uri=REDIRECT_URI, scope=SCOPE.split(), pkce="S256")
    address, state = session.authorization_url(metadata["authorization_endpoint"], nonce=generate_token())
    answer = person.visit(address)
    endpoint = metadata["token_endpoint"]
    tokens = session.fetch_token(endpoint, authorization_response=answer, client_secret=SECRET, state=state)
    assert session.get(metadata["userinfo_endpoint"]).json()["sub"] == user["id"]

    refreshed = session.refresh_token(endpoint, refresh_token=tokens["refresh_token"], auth=("web", SECRET))
    assert refreshed["refresh_token"] != tokens["refresh_token"]
    told = httpx.post(metadata["revocation_endpoint"], data={"token": refreshed["refresh_token"]}, auth=("web", SECRET))
    assert told.status_code == 200
    with pytest.raises(InvalidGrantError):
        session.refresh_token(endpoint, refresh_token=refreshed["refresh_token"], auth=("web", SECRET))


def test_requests_oauthlib_gets_a_token_without_a_user(metadata):
    session = OAuth2Session(client=BackendApplicationClient("nightly"))
    tokens = session.fetch_token(metadata["token_endpoint"], client_secret=SECRET, resource=API)
    assert tokens["scope"] == ["orders:read"]
