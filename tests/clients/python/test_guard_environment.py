"""What of the environment counts: certificates do, and are read when the guard is made; proxies do not."""

import os
import subprocess
import sys

import pytest

from guard_issuer import FakeIssuer

PROGRAM = """
import sys
from countersign_guard import Denied, Guard
with Guard(sys.argv[1]) as guard:
    try:
        guard.verify_sync(sys.argv[2])
        print("ok")
    except Denied as denied:
        print(denied.code)
"""

PROXIES = [
    {"ALL_PROXY": "socks5://127.0.0.1:1"},
    {"all_proxy": "http://127.0.0.1:1"},
    {"HTTP_PROXY": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1"},
    {"http_proxy": "nonsense"},
    {"ALL_PROXY": "http://127.0.0.1:1", "NO_PROXY": "[::1]"},
    {"NO_PROXY": "[::1]"},
    {"NO_PROXY": "[::1],*,::,http://x:y"},
]


def said(environment, *arguments, program=PROGRAM):
    unset = {name for name in os.environ if name.upper().endswith("_PROXY") or name.startswith("SSL_CERT")}
    environment = {name: value for name, value in os.environ.items() if name not in unset} | environment
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def issuer():
    with FakeIssuer() as issuer:
        yield issuer


@pytest.mark.parametrize("environment", PROXIES, ids=str)
def test_proxies_do_not_count(issuer, environment):
    assert said(environment, issuer.url, issuer.token()) == "ok"


@pytest.mark.parametrize("environment", [{"SSL_CERT_FILE": "/nonexistent"}, {"SSL_CERT_DIR": "/nonexistent"}], ids=str)
def test_certificates_that_are_not_needed_are_not_read(issuer, environment):
    assert said(environment, issuer.url, issuer.token()) == "ok"


def test_certificates_that_cannot_be_read_are_refused_at_once(tmp_path):
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    made = "import sys; from countersign_guard import Guard; Guard(sys.argv[1]); print('made')"
    for environment in (
        {"SSL_CERT_FILE": "/nonexistent"},
        {"SSL_CERT_FILE": str(tmp_path)},
        {"SSL_CERT_FILE": str(nonsense)},
        {"SSL_CERT_DIR": "/nonexistent"},
    ):
        answer = said(environment, "https://auth.example.com", program=made)
        assert answer.startswith("ValueError: cannot read the certificates of SSL_CERT_FILE"), (environment, answer)
    assert said({}, "https://auth.example.com", program=made) == "made"
    # As OpenSSL reads it: several folders, some of which may be missing.
    for folders in ([tmp_path], [tmp_path, tmp_path], ["/nonexistent", tmp_path], ["", tmp_path]):
        environment = {"SSL_CERT_DIR": os.pathsep.join(map(str, folders))}
        assert said(environment, "https://auth.example.com", program=made) == "made", environment
    nowhere = {"SSL_CERT_DIR": os.pathsep.join(["/nonexistent", "/missing"])}
    assert said(nowhere, "https://auth.example.com", program=made).startswith("ValueError: cannot read the certificates of")
    answer = said({"SSLKEYLOGFILE": "/nonexistent/keys"}, "https://auth.example.com", program=made)
    assert answer.startswith("ValueError: cannot write to SSLKEYLOGFILE=/nonexistent/keys"), answer
