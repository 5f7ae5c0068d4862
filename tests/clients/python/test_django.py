"""Django with mozilla-django-oidc and with django-allauth, by the recipes of the guide."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
from conftest import PASSWORD, end, eventually, free_port, running
from guide import countersign, filled_in, snippets
from oauth_person import Person

GUIDE = "connect-an-application.md"
MOZILLA = "Django (mozilla-django-oidc)"
ALLAUTH = "Django (django-allauth)"

# A project as `startproject` makes it, as far as the recipes need it.
SETTINGS = """
SECRET_KEY = "of-this-test"
DEBUG = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.db"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
# As its documentation says.
ALLAUTH_SETTINGS = """
INSTALLED_APPS += ["allauth", "allauth.account", "allauth.socialaccount"]
MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_REDIRECT_URL = "/"
SOCIALACCOUNT_LOGIN_ON_GET = True
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
"""
URLS = """
from django.contrib.auth.decorators import login_required
from django.http import JsonResponse
from django.middleware.csrf import get_token
from django.urls import include, path


def user(request):
    user = request.user
    shown = {{"name": user.username, "email": getattr(user, "email", ""), "is_admin": user.is_superuser}}
    return JsonResponse(shown | {{"csrfmiddlewaretoken": get_token(request)}})


urlpatterns = [path("", user), path("orders", login_required(user)), {include}]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("django")


@pytest.fixture(scope="module")
def issuer(folder):
    with running(folder, COUNTERSIGN_LIMITS__ENABLED="false") as server:
        yield server


@contextmanager
def shop(folder, address, urls, settings, **modules):
    """Runs a project of these settings and modules, with an administrator `root@example.com` of its own."""
    (folder / "shop").mkdir(parents=True)
    (folder / "shop/settings.py").write_text(SETTINGS + settings)
    (folder / "shop/urls.py").write_text(URLS.format(include=urls))
    for name, text in modules.items():
        (folder / f"shop/{name}.py").write_text(text)
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "shop.settings",
        "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
        "PYTHONPATH": str(folder),
    }
    django = [sys.executable, "-m", "django"]
    at = {"cwd": folder, "env": environment, "stdin": subprocess.DEVNULL}
    subprocess.run([*django, "migrate", "--verbosity=0"], check=True, timeout=60, **at)
    create = ["createsuperuser", "--no-input", "--username=root", "--email=root@example.com"]
    subprocess.run([*django, *create], check=True, timeout=60, **at)
    process = subprocess.Popen([*django, "runserver", "--noreload", address], **at)
    base = f"http://{address}"
    try:
        eventually(lambda: process.poll() is not None or is_up(base), True, 60)
        assert process.poll() is None, "Django did not start"
        yield base
        assert process.poll() is None, "Django ended by itself"
    finally:
        end(process)


def is_up(base):
    try:
        return httpx.get(base).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def mozilla(issuer, folder):
    # Not one of the names of the user's own device: at those, the user confirms every sign-in, so none is silent.
    address = f"127.0.0.2:{free_port()}"
    base = f"http://{address}"
    register, *_ = snippets(GUIDE, MOZILLA, "sh")
    register = filled_in(register, {"https://shop.example.com": base}).strip()
    made = countersign(folder, f"""{register} --metadata '{{"insecure_redirects":true}}'""")
    settings, oidc = snippets(GUIDE, MOZILLA, "python")
    settings = filled_in(settings, {"https://auth.example.com": issuer.base, "csc_…": made["client_secret"]})
    settings += "OIDC_RENEW_ID_TOKEN_EXPIRY_SECONDS = 1\n"
    oidc = filled_in(oidc, {"https://auth.example.com": issuer.base, "https://shop.example.com": base})
    urls = 'path("oidc/", include("mozilla_django_oidc.urls"))'
    with shop(folder / "mozilla", address, urls, settings, oidc=oidc) as base:
        yield base


@pytest.fixture(scope="module")
def allauth(issuer, folder):
    address = f"127.0.0.1:{free_port()}"
    callback = f"http://{address}/accounts/oidc/countersign/login/callback/"
    made = countersign(folder, f"countersign clients create allauth --name Shop --redirect-uri {callback}")
    settings, *_ = snippets(GUIDE, ALLAUTH, "python")
    values = {"https://auth.example.com": issuer.base, "csc_…": made["client_secret"], '"shop"': '"allauth"'}
    settings = ALLAUTH_SETTINGS + filled_in(settings, values)
    urls = 'path("accounts/", include("allauth.urls"))'
    with shop(folder / "allauth", address, urls, settings) as base:
        yield base


def signed_in(page):
    assert page.status_code == 200, page.text
    return {name: value for name, value in json.loads(page.text).items() if name != "csrfmiddlewaretoken"}


NOBODY = {"name": "", "email": "", "is_admin": False}


def test_mozilla_django_oidc_signs_in(mozilla, person, user):
    page = person.open(f"{mozilla}/orders")
    assert str(page.url) == f"{mozilla}/orders"
    assert signed_in(page) == {"name": user["id"], "email": user["email"], "is_admin": False}


def test_mozilla_django_oidc_signs_out_of_both(mozilla, issuer, person):
    page = person.open(f"{mozilla}/orders")
    form = {"csrfmiddlewaretoken": page.json()["csrfmiddlewaretoken"]}
    left = person.follow(person.browser.post(f"{mozilla}/oidc/logout/", data=form))
    assert str(left.url) == f"{mozilla}/"
    assert signed_in(left) == NOBODY
    assert person.browser.get(f"{issuer.base}/account").is_redirect


def test_mozilla_django_oidc_asks_again_whether_the_user_is_signed_in(mozilla, person, user):
    person.open(f"{mozilla}/orders")
    # It asks without showing a page.
    eventually(lambda: person.browser.get(mozilla).is_redirect, True)
    assert signed_in(person.open(mozilla))["name"] == user["id"]
    person.sign_out()
    eventually(lambda: signed_in(person.open(mozilla)), NOBODY)


@pytest.mark.parametrize("library", ["mozilla", "allauth"])
def test_an_administrators_email_address_makes_no_administrator(library, request, issuer):
    base = request.getfixturevalue(library)
    issuer.post("/api/auth/register", json={"email": "root@example.com", "password": PASSWORD})
    person = Person(issuer.base, "root@example.com", PASSWORD)
    start = {"mozilla": "/orders", "allauth": "/accounts/oidc/countersign/login/"}[library]
    person.open(f"{base}{start}")
    seen = signed_in(person.browser.get(base))
    assert not seen["is_admin"]
    assert seen["name"] != "root"


def test_django_allauth_signs_in(allauth, person, user):
    page = person.open(f"{allauth}/accounts/oidc/countersign/login/")
    assert str(page.url) == f"{allauth}/"
    assert signed_in(page)["email"] == user["email"]
