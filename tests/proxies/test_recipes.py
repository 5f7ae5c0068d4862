"""The recipes of infra/nginx and infra/caddy, run by the real programs, before a real Countersign and a small
application: which requests pass, what the application learns about the user, and that none pass while Countersign is down."""

import gzip
import os
import re
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest
import yaml

import programs
from programs import PASSWORD, ROOT, running, upstream

COMPOSE = ROOT / "infra/docker-compose.yml"
IDENTITY = ["X-Auth-User", "X-Auth-Email", "X-Auth-Scope"]
# All spellings that applications treat as the same name: WSGI and CGI also accept underscores, PHP also dots.
SIGNS = ["--", "__", "_-", "-_", "..", ".-", "-."]
FORGED = [(spelling, "forged") for name in IDENTITY for spelling in (name.lower(), *("X{}Auth{}".format(*signs) + name[7:] for signs in SIGNS))]


@dataclass
class Person:
    id: str
    email: str
    token: str
    server: object


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("countersign")


@pytest.fixture(scope="session")
def server(folder):
    with running(folder, COUNTERSIGN_LIMITS__ENABLED="false") as server:
        yield server


@pytest.fixture(scope="session")
def sign_up(server, folder):
    """A new user with these scopes."""

    def sign_up(*scopes, on=server, email=None):
        account = on.register() if email is None else registered(on, email)
        if scopes:
            grant = [os.environ["COUNTERSIGN_TEST_BIN"], "users", "grant", account["email"], *scopes]
            subprocess.run(grant, cwd=folder, check=True, capture_output=True, timeout=30)
        return Person(account["id"], account["email"], on.login(account["email"])["access_token"], on)

    return sign_up


def registered(server, email):
    answer = server.post("/api/auth/register", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="session")
def eve(sign_up):
    return sign_up()


@pytest.fixture(scope="session")
def ada(sign_up):
    return sign_up("reports:read", "vectors")


@pytest.fixture(scope="session")
def behind():
    with upstream(b"the application\n") as application:
        yield application


@pytest.fixture
def application(behind):
    behind.answers(200)
    return behind


@pytest.fixture(scope="session")
def gateways(server, behind, tmp_path_factory):
    """Each recipe in front of Countersign itself; started when it is first asked for."""
    with recipes(port_of(server), behind.port, tmp_path_factory) as gateways:
        yield gateways


@pytest.fixture(scope="session")
def stand_in():
    """Answers in Countersign's place as it is told to."""
    with upstream() as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def strange_gateways(stand_in, behind, tmp_path_factory):
    """Each recipe in front of the stand-in."""
    with recipes(stand_in.port, behind.port, tmp_path_factory) as gateways:
        yield gateways


@contextmanager
def recipes(countersign, application, tmp_path_factory):
    """Starts a recipe's proxy when it is first asked for."""
    gateways = {}
    with ExitStack() as stack:

        def gateway(name):
            if name not in gateways:
                folder = tmp_path_factory.mktemp(name)
                proxy = programs.started(getattr(programs, name), folder, countersign, application)
                gateways[name] = stack.enter_context(proxy)
            return gateways[name]

        yield gateway


def port_of(server):
    return int(server.base.rsplit(":", 1)[1])


@pytest.fixture(params=["nginx", "caddy", "compose"])
def every(request, gateways):
    return gateways(request.param)


@pytest.fixture(params=["nginx", "caddy"])
def gateway(request, gateways):
    return gateways(request.param)


@pytest.mark.parametrize("authorization", [None, "Bearer a.b.c", "Bearer", "Basic YTpi"])
def test_a_stranger_is_challenged_and_the_application_hears_nothing(every, application, authorization):
    headers = [*FORGED, *([("Authorization", authorization)] if authorization else [])]
    for method, path in [("GET", "/"), ("POST", "/products"), ("OPTIONS", "/reports/7"), ("HEAD", "/a%2Fb?scope=")]:
        answer = every.send(method, path, headers=headers, body=b"{}" if method == "POST" else None)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="http')
    assert application.asked == []


def test_the_identity_arrives_and_a_forged_one_does_not(gateway, application, ada, eve):
    for person, scopes in [(ada, "reports:read vectors"), (eve, "")]:
        application.answers(200)
        answer = gateway.send(token=person.token, headers=FORGED)
        assert (answer.status, answer.text) == (200, "the application\n")
        [asked] = application.asked
        user, email, scope = (asked.all(name) for name in IDENTITY)
        # An empty header may be omitted.
        assert (user, email, scope or [""]) == ([person.id], [person.email], [scopes])
        assert asked.all("Authorization") == [f"Bearer {person.token}"]
        assert asked.all("X-Forwarded-For") == ["127.0.0.1"]


@pytest.mark.parametrize(
    "lines",
    [
        [", ".join(IDENTITY)],
        ["x-auth-user"],
        ["close, X-Auth-User"],
        ["keep-alive", "X-Auth-Email, X-Auth-Scope"],
        ["Upgrade, X-Auth-User"],
        ["Upgrade", "X-Auth-User"],
        [",X-Auth-User;,"],
    ],
)
def test_a_client_cannot_take_the_identity_away(gateway, application, ada, lines):
    """RFC 9110 §7.6.1: a proxy removes what Connection names. It must not remove what it has put there itself."""
    named = [("Connection", line) for line in lines]
    for upgrade in ([], [("Upgrade", "websocket")]):
        application.answers(200)
        assert gateway.send(token=ada.token, headers=[*named, *upgrade, *FORGED]).status == 200
        [asked] = application.asked
        identity = [asked.all(name) for name in IDENTITY]
        assert identity == [[ada.id], [ada.email], ["reports:read vectors"]]


@pytest.mark.parametrize("query", ["scope=openid+profile", "scope=%22", "a=" + "b" * 7000])
def test_the_applications_own_query_is_none_of_countersigns_business(gateway, application, eve, query):
    assert gateway.send(path=f"/authorize?{query}", token=eve.token).status == 200
    [asked] = application.asked
    assert asked.path == f"/authorize?{query}"


@pytest.mark.parametrize("name", ["Authorization", "X-Forwarded-For"])
def test_a_client_cannot_take_away_what_countersign_is_told(gateway, application, ada, name):
    assert gateway.send(token=ada.token, headers=[("Connection", name)]).status == 200
    [asked] = application.asked
    assert asked.all("X-Forwarded-For") == ["127.0.0.1"]
    assert asked.all("X-Auth-User") == [ada.id]


def test_caddy_passes_a_websocket_on_and_no_other_upgrade(gateways, application, ada):
    gateway = gateways("caddy")
    for upgrade, passed in [("websocket", ["Upgrade"]), ("h2c", [])]:
        application.answers(200)
        headers = [("Connection", "keep-alive, Upgrade"), ("Upgrade", upgrade)]
        assert gateway.send(token=ada.token, headers=headers).status == 200
        [asked] = application.asked
        assert asked.all("Connection") == passed


def test_an_address_that_is_not_ascii_arrives_percent_encoded(gateway, application, sign_up):
    email = f"\u00e9va-{gateway.port}@b\u00fccher.example"
    assert gateway.send(token=sign_up(email=email).token).status == 200
    [asked] = application.asked
    assert asked.all("X-Auth-Email") == [f"%C3%A9va-{gateway.port}@b%C3%BCcher.example"]


def test_a_location_demands_its_scope(gateway, application, ada, eve):
    odd = ["/reports", "/reports/7?scope=", "//reports/7", "/x/../reports/7", "/%72eports/7", "/reports;a=b", "/./reports/"]
    for path in odd:
        answer = gateway.send(path=path, token=eve.token, headers=FORGED)
        assert answer.status == 403, path
        challenge = answer.headers["WWW-Authenticate"]
        assert 'error="insufficient_scope", scope="reports:read"' in challenge, path
    assert application.asked == []
    for path in ["/reports", "/reports/7?page=2"]:
        assert gateway.send(path=path, token=ada.token).status == 200
    assert [asked.path for asked in application.asked] == ["/reports", "/reports/7?page=2"]


def test_several_scopes_are_demanded_at_once(server, application, tmp_path, ada, eve):
    """As the snippet's first lines say."""

    def both(folder, *rest):
        command = programs.nginx(folder, *rest)
        recipe = folder / "countersign.conf"
        recipe.write_text(recipe.read_text().replace("/reports:read;", "/reports:read+vectors;"))
        return command

    with programs.started(both, tmp_path, port_of(server), application.port) as gateway:
        answer = gateway.send(path="/reports", token=eve.token)
        assert (answer.status, answer.headers["WWW-Authenticate"].split("scope=")[1]) == (403, '"reports:read vectors"')
        assert gateway.send(path="/reports", token=ada.token).status == 200


def test_a_session_that_was_ended_is_refused_at_once(gateway, application, sign_up):
    person = sign_up()
    assert gateway.send(token=person.token).status == 200
    answer = person.server.post("/api/auth/logout", headers={"Authorization": f"Bearer {person.token}"})
    assert answer.status_code == 204
    application.answers(200)
    answer = gateway.send(token=person.token)
    assert answer.status == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert application.asked == []


def test_two_tokens_are_not_two_readings(gateway, application, ada, eve):
    """Whichever is judged, or none: what arrives is of one and the same person."""
    for first, second in [(ada.token, eve.token), (eve.token, "a.b.c"), ("a.b.c", ada.token)]:
        application.answers(200)
        tokens = [("Authorization", f"Bearer {token}") for token in (first, second)]
        answer = gateway.send(headers=tokens)
        if answer.status != 200:
            assert answer.status in (400, 401)
            assert application.asked == []
            continue
        [asked] = application.asked
        [token] = asked.all("Authorization")
        [person] = [person for person in (ada, eve) if token == f"Bearer {person.token}"]
        assert asked.all("X-Auth-User") == [person.id]


def test_bodies_and_large_headers_reach_the_application_alone(gateway, application, eve):
    # More than Countersign accepts of either.
    body = bytes(range(256)) * 1200
    cookies = [("Cookie", f"{name}={'x' * 7000}") for name in "abc"]
    uploads = [
        (body, cookies),
        (gzip.compress(body), [("Content-Encoding", "gzip"), ("Content-Type", "application/json")]),
        (iter([body, body]), []),
    ]
    for sent, headers in uploads:
        assert gateway.send("POST", "/products", eve.token, headers, sent).status == 200
    whole, compressed, chunked = application.asked
    assert whole.body == body and len("".join(whole.all("Cookie"))) > 21_000
    assert gzip.decompress(compressed.body) == body and compressed.all("Content-Encoding") == ["gzip"]
    assert chunked.body == body + body
    # Also a body of a GET.
    assert gateway.send("GET", "/search", eve.token, body=body).status == 200
    assert application.asked[-1].body == body


def test_nobody_gets_through_when_countersign_has_ended(tmp_path_factory, application, sign_up):
    with ExitStack() as stack:
        with running(tmp_path_factory.mktemp("ending")) as server:
            person = sign_up(on=server)
            gateways = stack.enter_context(recipes(port_of(server), application.port, tmp_path_factory))
            assert [gateways(name).send(token=person.token).status for name in ("nginx", "caddy")] == [200, 200]
        # An earlier success makes no difference.
        application.answers(200)
        for name, status in [("nginx", 503), ("caddy", 502)]:
            for token in (person.token, None):
                assert gateways(name).send(token=token, headers=FORGED).status == status
        assert application.asked == []


@pytest.mark.parametrize("status", [302, 400, 404, 413, 429, 431, 500, 503])
@pytest.mark.parametrize("name", ["nginx", "caddy", "compose"])
def test_no_other_answer_lets_anybody_through(strange_gateways, stand_in, application, name, status):
    stand_in.answers(status, Retry_After="7", Location="http://127.0.0.1:1/")
    answer = strange_gateways(name).send("POST", token="anything", headers=FORGED, body=b"x")
    # nginx cannot return other statuses here; 503 is the closest.
    assert answer.status == (status if name == "caddy" else 503)
    assert answer.headers["Retry-After"] == "7"
    assert application.asked == []


@pytest.mark.parametrize("name", ["nginx", "caddy"])
def test_countersign_is_asked_for_little_and_all_connections_are_kept(strange_gateways, stand_in, application, name):
    gateway = strange_gateways(name)
    stand_in.answers(200)
    before = stand_in.connections + application.connections
    headers = [("Cookie", "secret=1"), ("Forwarded", "for=192.0.2.9"), ("Content-Type", "text/plain"), *FORGED]
    for _ in range(6):
        assert gateway.send("POST", "/reports/7?page=2", "anything", headers, b"a body").status == 200
    # Six times two requests, over at most two connections to each.
    assert stand_in.connections + application.connections - before <= 4
    for asked in stand_in.asked:
        assert (asked.method, asked.body) == ("GET", b"")
        assert asked.path == "/api/auth/forward?scope=reports:read"
        assert asked.all("Authorization") == ["Bearer anything"]
        assert asked.all("X-Forwarded-For") == ["127.0.0.1"]
        assert asked.all("Cookie") == asked.all("Forwarded") == asked.all("X-Auth-User") == []
    # The response contained no user, so the application gets none, whatever the client sent.
    for asked in application.asked:
        assert asked.body == b"a body"
        assert not [value for name in IDENTITY for value in asked.all(name) if "forged" in value]


def test_nginx_s_own_way_of_asking_is_not_for_clients(gateways, application, ada):
    for name in ("nginx", "compose"):
        assert gateways(name).send(path="/_countersign/", token=ada.token).status == 404
    assert application.asked == []


def test_the_gateway_of_the_compose_file_lets_in_the_scope_alone(gateways, application, ada, eve):
    gateway = gateways("compose")
    answer = gateway.send("PUT", "/collections/test", eve.token, FORGED, b"{}")
    assert answer.status == 403
    assert 'scope="vectors"' in answer.headers["WWW-Authenticate"]
    assert application.asked == []
    assert gateway.send("PUT", "/collections/test", ada.token, FORGED, b"{}").status == 200
    [asked] = application.asked
    assert (asked.method, asked.path, asked.body) == ("PUT", "/collections/test", b"{}")
    for name in ["Authorization", *IDENTITY]:
        assert asked.all(name) == []


def test_qdrant_has_no_other_way_in():
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert "ports" not in services["qdrant"]
    assert services["qdrant"]["networks"] == ["vectors"]
    assert services["qdrant"]["profiles"] == services["gateway"]["profiles"] == ["vectors"]
    neighbours = [name for name, service in services.items() if "vectors" in service.get("networks", [])]
    assert neighbours == ["gateway", "qdrant"]
    for port in services["gateway"]["ports"]:
        assert port.startswith("127.0.0.1:")


def test_the_gateway_is_healthy_while_it_turns_strangers_away(gateways, strange_gateways, stand_in):
    [first, *command] = yaml.safe_load(COMPOSE.read_text())["services"]["gateway"]["healthcheck"]["test"]
    assert first == "CMD" and "/8080 " in command[-1]

    def check(gateway):
        here = [word.replace("/8080 ", f"/{gateway.port} ") for word in command]
        return subprocess.run(here, capture_output=True, timeout=10).returncode

    assert check(gateways("compose")) == 0
    for status in (200, 503):
        stand_in.answers(status)
        assert check(strange_gateways("compose")) != 0, status


def test_the_guide_s_own_lines(gateways, server, application):
    guide = (ROOT / "docs/guides/reverse-proxies.md").read_text()
    [lines] = [block for block in re.findall(r"```sh\n(.*?)```", guide, re.DOTALL) if "8080/reports" in block]
    for name in ("nginx", "caddy"):
        script = lines.replace("http://127.0.0.1:8000", server.base).replace("http://127.0.0.1:8080", gateways(name).base)
        script = script.replace("grace@", f"grace-{name}@")
        done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["401", "200", "403"], done.stdout

