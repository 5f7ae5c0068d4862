"""Apache with mod_auth_openidc, by the recipe of the guide: sign-in, user information, refresh, both kinds of sign-out, and a
change of the key that signs ID tokens."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import jwt
import pytest
from conftest import PASSWORD, end, eventually, free_port, running, wait_until_listening
from guide import countersign, filled_in, snippets
from oauth_person import Person

GUIDE = ("connect-an-application.md", "Apache (mod_auth_openidc)")

# What surrounds the recipe on Debian, and headers in which the application shows what it learns.
AROUND = """
ServerRoot {folder}
ServerName localhost
Listen 127.0.0.1:{port}
PidFile {folder}/apache.pid
DefaultRuntimeDir {folder}
ErrorLog {folder}/error.log
User nobody
Group nogroup
DocumentRoot {folder}/pages
DirectoryIndex index.html
Header set Seen-User "expr=%{{REMOTE_USER}}"
Header set Seen-Subject "expr=%{{req:OIDC_CLAIM_sub}}"
Header set Seen-Name "expr=%{{req:OIDC_CLAIM_name}}"
Header set Seen-Token "expr=%{{req:OIDC_access_token}}"
Header set Seen-Id-Token "expr=%{{req:OIDC_id_token}}"
OIDCPassIDTokenAs claims serialized
"""
MODULES = ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc", "dir", "headers"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("apache")


@pytest.fixture(scope="module")
def issuer(folder):
    with running(folder, COUNTERSIGN_LIMITS__ENABLED="false") as server:
        yield server


@pytest.fixture(scope="module")
def wiki(issuer, folder):
    port = free_port()
    base = f"http://localhost:{port}"
    register, *_ = snippets(*GUIDE, "sh")
    made = countersign(folder, filled_in(register, {"https://wiki.example.com": base}))
    recipe, *_ = snippets(*GUIDE, "text")
    values = {
        "https://auth.example.com": issuer.base,
        "https://wiki.example.com": base,
        "csc_…": made["client_secret"],
        "OIDCCryptoPassphrase …": "OIDCCryptoPassphrase a-passphrase-of-this-test",
    }
    with apache(filled_in(recipe, values), port):
        yield base


@contextmanager
def apache(recipe, port):
    # As root, Apache serves pages as another user, who cannot enter the folders of pytest.
    folder = Path(tempfile.mkdtemp(prefix="countersign-apache-"))
    folder.chmod(0o755)
    (folder / "pages").mkdir()
    for page in ("index", "goodbye"):
        (folder / f"pages/{page}.html").write_text(f"{page}\n")
    loaded = "".join(f"LoadModule {name}_module ${{modules}}/mod_{name}.so\n" for name in MODULES)
    (folder / "apache.conf").write_text(loaded + AROUND.format(folder=folder, port=port) + recipe)
    command = [os.environ["COUNTERSIGN_TEST_APACHE"], "-D", "FOREGROUND", "-f", folder / "apache.conf"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        wait_until_listening(process, port)
        yield
        assert process.poll() is None, "Apache ended by itself"
    finally:
        end(process)
        print((folder / "error.log").read_text())
        shutil.rmtree(folder)


@pytest.fixture
def user(issuer, folder):
    account = issuer.register()
    countersign(folder, f"countersign users verify {account['email']}")
    countersign(folder, f"countersign users profile {account['email']} --set given_name=Ada")
    return account


def test_a_user_signs_in(wiki, person, user):
    page = person.open(f"{wiki}/index.html")
    assert (page.status_code, page.text) == (200, "index\n")
    assert page.headers["Seen-User"] == user["email"]
    # From the ID token, and from the user information.
    assert (page.headers["Seen-Subject"], page.headers["Seen-Name"]) == (user["id"], "Ada")
    # The session is Apache's own from now on.
    assert person.browser.get(f"{wiki}/index.html").status_code == 200


def test_an_unverified_email_address_is_not_let_in(wiki, issuer):
    account = issuer.register()
    assert Person(issuer.base, account["email"], PASSWORD).open(f"{wiki}/index.html").status_code == 401


def test_a_token_is_refreshed(wiki, person):
    before = person.open(f"{wiki}/index.html").headers["Seen-Token"]
    back = quote(f"{wiki}/index.html", safe="")
    page = person.open(f"{wiki}/oidc/callback?refresh={back}&access_token={before}")
    assert page.url.path == "/index.html"
    assert "error_code" not in page.url.params
    assert page.headers["Seen-Token"] not in ("", before)


def test_a_link_signs_out_of_both(wiki, issuer, person):
    person.open(f"{wiki}/index.html")
    page = person.open(f"{wiki}/oidc/callback?logout={quote(f'{wiki}/goodbye.html', safe='')}")
    assert (page.status_code, page.text) == (200, "goodbye\n")
    assert leads_to_sign_in(person, wiki, issuer)
    assert person.browser.get(f"{issuer.base}/account").is_redirect


def test_signing_out_of_countersign_signs_out_of_apache(wiki, issuer, person):
    person.open(f"{wiki}/index.html")
    assert not leads_to_sign_in(person, wiki, issuer)
    person.sign_out()
    eventually(lambda: leads_to_sign_in(person, wiki, issuer), True)


def leads_to_sign_in(person, wiki, issuer):
    answer = person.browser.get(f"{wiki}/index.html")
    return answer.is_redirect and answer.headers["location"].startswith(f"{issuer.base}/oauth2/authorize?")


def test_a_new_key_is_accepted_without_a_restart(wiki, issuer, folder, person, user):
    """Apache fetches the keys once, and again when it sees an ID token of an unknown key."""
    person.open(f"{wiki}/index.html")
    [first] = rsa_keys(issuer)
    countersign(folder, "countersign keys rotate --rsa")
    eventually(lambda: len(rsa_keys(issuer)), 2)
    [second] = rsa_keys(issuer) - {first}
    # As if it had been published for long enough.
    with sqlite3.connect(folder / "data/countersign.db", timeout=30) as database:
        database.execute("UPDATE signing_keys SET first_seen_at = 1 WHERE kid = ?", (second,))
    database.close()
    countersign(folder, "countersign keys rotate --rsa --activate")

    def header():
        person.browser.cookies.clear()
        page = person.open(f"{wiki}/index.html")
        assert page.headers["Seen-User"] == user["email"]
        return jwt.get_unverified_header(page.headers["Seen-Id-Token"])

    eventually(header, {"typ": "JWT", "alg": "RS256", "kid": second})


def rsa_keys(issuer):
    keys = httpx.get(f"{issuer.base}/.well-known/jwks.json").json()["keys"]
    return {key["kid"] for key in keys if key["kty"] == "RSA"}
