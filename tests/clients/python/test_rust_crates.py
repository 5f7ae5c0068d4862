"""The crates openidconnect and oauth2, as the program of tests/clients/rust uses them."""

import hashlib
import json
import os
import subprocess
from contextlib import contextmanager

import pytest
from conftest import running

API = "https://api.example.com/orders"
REDIRECT_URI = "https://app.example.com/callback"
SECRET = "a secret of a client, with : % and + in it"
HASH = hashlib.sha256(SECRET.encode()).hexdigest()

CONFIGURATION = f"""
[[apis]]
identifier = "{API}"
name = "Orders"
clients = "any"
scopes = [{{ name = "orders:read", grant = "open", words = {{ en = "See your orders" }} }}]

[[clients]]
client_id = "rs256"
redirect_uris = ["{REDIRECT_URI}"]
secret_sha256 = "{HASH}"

[[clients]]
client_id = "es256"
redirect_uris = ["{REDIRECT_URI}"]
secret_sha256 = "{HASH}"
id_token_signed_response_alg = "ES256"

[[clients]]
client_id = "tool"
public = true
grant_types = ["device_code", "refresh_token"]

[[clients]]
client_id = "nightly"
secret_sha256 = "{HASH}"
grant_types = ["client_credentials"]
scope = "orders:read"
"""


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crates")
    (folder / "countersign.toml").write_text(CONFIGURATION)
    with running(folder, COUNTERSIGN_LIMITS__ENABLED="false") as server:
        yield server


@contextmanager
def program(*arguments):
    command = [os.environ["COUNTERSIGN_TEST_OAUTH_CRATES"], *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def last(process):
    """The object on its last line."""
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return json.loads(output)


@pytest.mark.parametrize(("client", "algorithm"), [("rs256", "RsaSsaPkcs1V15Sha256"), ("es256", "EcdsaP256Sha256")])
def test_openidconnect_signs_in(issuer, person, user, client, algorithm):
    with program("sign-in", issuer.base, client, SECRET, REDIRECT_URI) as process:
        answer = person.visit(process.stdout.readline().strip())
        process.stdin.write(f"{answer}\n")
        seen = last(process)
    assert (seen["sub"], seen["email"], seen["algorithm"]) == (user["id"], user["email"], algorithm)
    assert (seen["replaced"], seen["active"]) == (True, [True, False])
    assert "invalid_grant" in seen["refused"]


def test_openidconnect_signs_in_on_a_device(issuer, person, user):
    with program("device", issuer.base, "tool") as process:
        # It prints the code after it was told that the user has not decided yet.
        address, code = process.stdout.readline().split()
        person.enter_code(address, code)
        seen = last(process)
    assert seen == {"sub": user["id"], "waited": 1, "refreshable": True}


def test_oauth2_gets_a_token_without_a_user(issuer):
    with program("program", issuer.base, "nightly", SECRET, API) as process:
        seen = last(process)
    assert (seen["scopes"], seen["expires_in"]) == (["orders:read"], 600)
