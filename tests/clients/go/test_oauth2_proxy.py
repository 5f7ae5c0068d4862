"""oauth2-proxy before a small application, by the recipe of the guide: sign-in, what the application learns, and sign-out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
sys.path[:0] = [str(TESTS / "clients/python"), str(TESTS / "proxies")]
from conftest import PASSWORD, end, eventually, free_port, running, wait_until_listening  # noqa: E402
from guide import countersign, filled_in, snippets  # noqa: E402
from oauth_person import Person  # noqa: E402
from programs import upstream  # noqa: E402

GUIDE = ("connect-an-application.md", "oauth2-proxy")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("oauth2-proxy")


@pytest.fixture(scope="module")
def issuer(folder):
    with running(folder, COUNTERSIGN_LIMITS__ENABLED="false") as server:
        yield server


@pytest.fixture(scope="module")
def application():
    with upstream(b"the application\n") as application:
        yield application


@pytest.fixture(scope="module")
def app(issuer, folder, application):
    port = free_port()
    base = f"http://localhost:{port}"
    register, *_ = snippets(*GUIDE, "sh")
    made = countersign(folder, filled_in(register, {"https://app.example.com": base}))
    recipe, _ = snippets(*GUIDE, "text")
    values = {
        "https://auth.example.com": issuer.base,
        '"auth.example.com"': f'"{issuer.base.removeprefix("http://")}"',
        "https://app.example.com": base,
        "csc_…": made["client_secret"],
        '"…"': f'"{os.urandom(16).hex()}"',
        "127.0.0.1:3000": f"127.0.0.1:{application.port}",
        '"5m"': '"1s"',
    }
    # Without TLS.
    around = f'http_address = "127.0.0.1:{port}"\ncookie_secure = false\n'
    (folder / "oauth2-proxy.cfg").write_text(filled_in(recipe, values) + around)
    command = [os.environ["COUNTERSIGN_TEST_OAUTH2_PROXY"], "--config", folder / "oauth2-proxy.cfg"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        wait_until_listening(process, port)
        yield base
        assert process.poll() is None, "oauth2-proxy ended by itself"
    finally:
        end(process)


@pytest.fixture
def user(issuer, folder):
    account = issuer.register()
    countersign(folder, f"countersign users verify {account['email']}")
    return account


@pytest.fixture
def person(issuer, user):
    return Person(issuer.base, user["email"], PASSWORD)


def test_a_user_signs_in_and_the_application_learns_who_it_is(app, application, person, user):
    application.asked.clear()
    page = person.open(f"{app}/orders/7?x=%2F")
    assert (page.status_code, page.text, str(page.url)) == (200, "the application\n", f"{app}/orders/7?x=%2F")
    [asked] = application.asked
    assert asked.path == "/orders/7?x=%2F"
    assert (asked.all("X-Forwarded-User"), asked.all("X-Forwarded-Email")) == ([user["id"]], [user["email"]])


def test_an_unverified_email_address_is_not_let_in(app, application, issuer):
    application.asked.clear()
    account = issuer.register()
    assert Person(issuer.base, account["email"], PASSWORD).open(app).status_code == 403
    assert application.asked == []


def test_the_link_of_the_guide_signs_out_of_both(app, issuer, person):
    person.open(app)
    _, link = snippets(*GUIDE, "text")
    quoted = {
        "https%3A%2F%2Fauth.example.com": issuer.base.replace(":", "%3A").replace("/", "%2F"),
        "https%253A%252F%252Fapp.example.com": app.replace(":", "%253A").replace("/", "%252F"),
    }
    answer = person.browser.get(app + filled_in(link.strip(), quoted))
    answer = person.browser.get(answer.headers["location"])
    assert answer.headers["location"] == f"{app}/"
    assert leads_to_sign_in(person, app, issuer)
    assert person.browser.get(f"{issuer.base}/account").is_redirect


def test_the_session_is_refreshed_until_the_user_signs_out_of_countersign(app, application, issuer, person):
    before = cookies(person, app)
    eventually(lambda: cookies(person, app) != before, True)
    person.sign_out()
    eventually(lambda: leads_to_sign_in(person, app, issuer), True)


def cookies(person, app):
    assert person.open(app).status_code == 200
    return {cookie.name: cookie.value for cookie in person.browser.cookies.jar if "oauth2_proxy" in cookie.name}


def leads_to_sign_in(person, app, issuer):
    answer = person.browser.get(app)
    return answer.is_redirect and answer.headers["location"].startswith(f"{issuer.base}/oauth2/authorize?")
