"""Ruby's omniauth-openid-connect, in the version of Debian, which has no PKCE."""

import os
import subprocess
from pathlib import Path

import pytest
from conftest import PASSWORD, end, free_port, running, wait_until_listening
from guide import countersign
from oauth_person import Person

APPLICATION = Path(__file__).parent.parent / "ruby/app.rb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ruby")


@pytest.fixture(scope="module")
def issuer(folder):
    with running(folder, COUNTERSIGN_LIMITS__ENABLED="false") as server:
        yield server


@pytest.fixture(scope="module")
def app(issuer, folder):
    port = free_port()
    base = f"http://localhost:{port}"
    redirect_uri = f"{base}/auth/countersign/callback"
    made = countersign(folder, f"countersign clients create ruby --name Ruby --redirect-uri {redirect_uri}")
    command = [os.environ["COUNTERSIGN_TEST_RUBY"], APPLICATION, str(port), issuer.base, "ruby", made["client_secret"]]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        wait_until_listening(process, port)
        yield base
    finally:
        end(process)


def test_omniauth_openid_connect_signs_in_once_its_client_needs_no_pkce(app, issuer, folder):
    user = issuer.register()
    person = Person(issuer.base, user["email"], PASSWORD)
    assert person.open(f"{app}/auth/countersign").json() == {"error": "invalid_request"}
    # As the guide says about old programs.
    countersign(folder, "countersign clients update ruby --metadata '{\"require_pkce\":false}'")
    assert person.open(f"{app}/auth/countersign").json() == {"uid": user["id"], "email": user["email"]}
