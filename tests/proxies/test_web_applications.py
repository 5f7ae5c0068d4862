"""The recipes for web applications, run by the real programs, before a real Countersign and a small application: a browser
signs in and out, a program gets 401, and no header lets a client pass for another user."""

import gzip
import os
import re
import subprocess
import time
from contextlib import ExitStack, contextmanager

import httpx
import pytest
import yaml

import programs
from programs import PASSWORD, ROOT, Server, free_port, running, upstream
from test_recipes import FORGED, IDENTITY, port_of

NAMES = ["nginx_web", "caddy_web", "traefik_web"]
BROWSER = [
    ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "none"),
]
TRUSTED = {"COUNTERSIGN_TRUSTED_PROXIES": "127.0.0.1", "COUNTERSIGN_LIMITS__ENABLED": "false"}


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with running(tmp_path_factory.mktemp("countersign-web"), **TRUSTED) as server:
        yield server


@pytest.fixture(scope="session")
def behind():
    with upstream(b"the application\n") as application:
        yield application


@pytest.fixture
def application(behind):
    behind.answers(200)
    return behind


@contextmanager
def recipes(countersign, application, tmp_path_factory):
    gateways = {}
    with ExitStack() as stack:

        def gateway(name):
            if name not in gateways:
                folder = tmp_path_factory.mktemp(name)
                proxy = programs.started(getattr(programs, name), folder, countersign, application)
                gateways[name] = stack.enter_context(proxy)
                if name == "traefik_web":
                    wait_for_routes(gateways[name])
            return gateways[name]

        yield gateway


def wait_for_routes(gateway):
    """Traefik listens before it has read its routes."""
    for _ in range(200):
        if gateway.send().status != 404:
            return
        time.sleep(0.05)


@pytest.fixture(scope="session")
def gateways(server, behind, tmp_path_factory):
    with recipes(port_of(server), behind.port, tmp_path_factory) as gateways:
        yield gateways


@pytest.fixture(params=NAMES)
def gateway(request, gateways):
    return gateways(request.param)


class Browser:
    """A browser by its cookies and headers; the tests of the pages use a real one."""

    def __init__(self, server):
        self.client = httpx.Client(headers=dict(BROWSER), timeout=30)
        self.server = server
        self.id = None

    def sign_up(self):
        account = self.server.register()
        self.id, self.email = account["id"], account["email"]
        form = {"email": self.email, "password": PASSWORD}
        answer = self.client.post(f"{self.server.base}/signin", data=form, headers={"Sec-Fetch-Site": "same-origin"})
        assert answer.status_code == 303, answer.text
        return self

    def open(self, url, **more):
        return self.client.get(url, follow_redirects=True, **more)

    @property
    def cookies(self):
        """As a header."""
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.client.cookies.jar)


@pytest.fixture
def ada(server):
    return Browser(server).sign_up()


def test_a_browser_is_sent_to_sign_in_and_comes_back(gateway, server, application):
    wanted = f"{gateway.base}/orders/7?x=%2F&y=1"
    stranger = Browser(server)
    answer = stranger.open(wanted)
    assert [step.status_code for step in answer.history] == [302, 303]
    assert str(answer.url).startswith(f"{server.base}/signin?return_to=")
    assert dict(answer.url.params)["return_to"] == wanted
    assert application.asked == []
    # The browser signs in there, and the way begins again.
    ada = stranger.sign_up()
    answer = ada.open(wanted)
    assert (answer.status_code, answer.text, str(answer.url)) == (200, "the application\n", wanted)
    [asked] = application.asked
    user, email, scope = (asked.all(name) for name in IDENTITY)
    assert (user, email, scope or [""]) == ([ada.id], [ada.email], [""])
    assert asked.path == "/orders/7?x=%2F&y=1"
    assert asked.all("Host") == [f"127.0.0.1:{gateway.port}"]
    # It never gets what would let it act as the user.
    assert "countersign" not in str(asked.all("Cookie"))


def test_signing_out_at_the_application_ends_the_session(gateway, server, application, ada):
    assert ada.open(gateway.base).status_code == 200
    answer = ada.client.get(f"{gateway.base}/.countersign/signout", headers={"Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{gateway.base}/")
    application.answers(200)
    assert str(ada.open(gateway.base).url).startswith(f"{server.base}/signin")
    assert ada.client.get(f"{server.base}/account").status_code == 303
    # A link on another site asks first.
    ada.client.cookies.clear()
    answer = ada.client.get(f"{gateway.base}/.countersign/signout", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.headers["Location"].startswith(f"{server.base}/signout?return_to=")
    assert application.asked == []


@pytest.mark.parametrize("authorization", [None, "Bearer a.b.c", "Bearer", "Basic YTpi"])
def test_a_program_is_challenged(gateway, application, authorization):
    bearer = [("Authorization", authorization)] if authorization else []
    for method, path, own in [
        ("GET", "/", []),
        ("GET", "/", [("Accept", "application/json")]),
        ("POST", "/products", BROWSER),
        ("OPTIONS", "/reports/7", BROWSER),
        ("GET", "/", [("Accept", "text/html"), ("Sec-Fetch-Mode", "cors")]),
    ]:
        answer = gateway.send(method, path, headers=[*FORGED, *own, *bearer], body=b"{}" if method == "POST" else None)
        assert answer.status == 401, (method, path, own, answer.text)
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="http')
        assert answer.headers["Location"] is None
    assert application.asked == []


def test_a_token_still_opens_everything(gateway, server, application):
    account = server.register()
    token = server.login(account["email"])["access_token"]
    assert gateway.send("POST", "/products", token, body=b"{}").status == 200
    [asked] = application.asked
    assert asked.all("X-Auth-User") == [account["id"]]
    assert gateway.send(path="/reports/7", token=token).status == 403


def test_forged_identities_and_cookies_do_not_arrive(gateway, server, application, ada):
    ada.open(gateway.base)
    for connection in [
        [],
        [", ".join([*IDENTITY, "Cookie"])],
        ["x-auth-user"],
        ["close, X-Auth-User"],
        ["keep-alive", "X-Auth-Email, X-Auth-Scope"],
        ["Upgrade, X-Auth-User, X-Forwarded-Host, X-Forwarded-Proto"],
    ]:
        application.answers(200)
        named = [("Connection", value) for value in connection]
        cookies = [("Cookie", f"theme=dark; {ada.cookies}; lang=en")]
        answer = gateway.send(headers=[*FORGED, *named, *cookies])
        # A proxy may drop what Connection names before it asks; then no request passes.
        assert answer.status in (200, 401), (connection, answer.text)
        for asked in application.asked:
            user, email, scope = (asked.all(name) for name in IDENTITY)
            assert (user, email, scope or [""]) == ([ada.id], [ada.email], [""]), connection
            assert asked.all("Cookie") in (["theme=dark; lang=en"], []), connection
        if connection == []:
            assert answer.status == 200


def test_what_a_client_says_of_its_request_does_not_count(gateway, server, application, ada):
    """No client chooses the application that it is asked for, or the place that a browser is led to."""
    ada.open(gateway.base)
    application.answers(200)
    for forged in [
        [("X-Forwarded-Host", "evil.example")],
        [("X-Forwarded-Host", "127.0.0.1:1"), ("X-Forwarded-Proto", "https")],
        [("X-Forwarded-Uri", "//evil.example/")],
        [("X-Forwarded-Uri", "https://evil.example/")],
        [("X-Original-Url", "https://evil.example/"), ("X-Rewrite-Url", "/")],
        [("Forwarded", "host=evil.example;proto=https")],
        [("X-Forwarded-Prefix", "/evil"), ("X-Forwarded-Port", "1")],
    ]:
        answer = gateway.send(path="/orders", headers=[*BROWSER, *forged])
        assert answer.status == 302, (forged, answer.text)
        location = httpx.URL(answer.headers["Location"])
        assert str(location).startswith(f"{server.base}/signin/continue?"), forged
        assert location.params["to"] == f"{gateway.base}/orders", forged
    # Nor its method: a page of another origin cannot pass a POST off as a GET.
    assert application.asked == []
    answer = gateway.send("POST", "/orders", None, [("X-Forwarded-Method", "GET"), ("Origin", "http://evil.example"), ("Cookie", ada.cookies)], b"x")
    assert answer.status == 403
    # At another host, of which Countersign knows nothing.
    for host in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "169.254.169.254"]:
        answer = send_to(gateway, host)
        # Caddy knows no such site, and gives an empty response by itself.
        assert answer.status_code == 401 or (answer.headers["Server"], answer.text) == ("Caddy", ""), host
    assert application.asked == []


def send_to(gateway, host):
    return httpx.get(f"{gateway.base}/orders", headers={**dict(BROWSER), "Host": host})


def test_pages_of_other_origins_do_not_act_for_the_user(gateway, application, ada):
    ada.open(gateway.base)
    application.answers(200)
    own = ("Origin", gateway.base)
    for method, headers, status in [
        ("POST", [own], 200),
        ("POST", [own, ("Sec-Fetch-Site", "same-origin")], 200),
        ("POST", [("Origin", "http://127.0.0.1:1")], 403),
        ("POST", [("Sec-Fetch-Site", "same-site"), ("Origin", "http://evil.localhost")], 403),
        ("POST", [], 403),
        ("GET", [("Origin", "http://evil.localhost")], 403),
        ("GET", [], 200),
    ]:
        application.answers(200)
        body = b"x" if method == "POST" else None
        answer = gateway.send(method, "/orders", None, [*headers, ("Cookie", ada.cookies)], body)
        assert answer.status == status, (method, headers, answer.text)
        assert len(application.asked) == (1 if status == 200 else 0)


def test_bodies_large_headers_and_methods_reach_the_application_alone(gateway, application, ada):
    ada.open(gateway.base)
    application.answers(200)
    body = bytes(range(256)) * 1200
    large = ("Cookie", f"large={'x' * 7000}; {ada.cookies}")
    for sent, headers in [
        (body, []),
        (gzip.compress(body), [("Content-Encoding", "gzip"), ("Content-Type", "application/json")]),
        (iter([body, body]), []),
    ]:
        answer = gateway.send("PUT", "/products", None, [("Origin", gateway.base), large, *headers], sent)
        assert answer.status == 200, answer.text
    whole, compressed, chunked = application.asked
    assert whole.body == body and compressed.all("Content-Encoding") == ["gzip"] and chunked.body == body + body
    assert whole.all("Cookie") == [f"large={'x' * 7000}"]


def test_a_websocket_reaches_the_application(gateway, application, ada):
    ada.open(gateway.base)
    application.answers(200)
    upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Origin", gateway.base), ("Sec-WebSocket-Version", "13")]
    gateway.send(path="/socket", headers=[*upgrade, ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Cookie", ada.cookies)])
    [asked] = application.asked
    assert asked.all("Upgrade") == ["websocket"]
    assert asked.all("X-Auth-User") == [ada.id]
    # Not from a page of another origin, which CORS would not stop.
    application.answers(200)
    foreign = [(name, "http://evil.localhost" if name == "Origin" else value) for name, value in upgrade]
    assert gateway.send(path="/socket", headers=[*foreign, ("Cookie", ada.cookies)]).status == 403
    assert application.asked == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("status", [400, 413, 429, 500, 503])
def test_no_other_answer_lets_anybody_through(tmp_path_factory, strange, application, name, status):
    gateways, stand_in = strange
    stand_in.answers(status, Retry_After="7")
    for headers in [FORGED, [*BROWSER, *FORGED]]:
        answer = gateways(name).send("GET", token="anything", headers=headers)
        assert answer.status == (503 if name == "nginx_web" else status)
        assert answer.headers["Retry-After"] == "7"
    assert application.asked == []


@pytest.fixture(scope="session")
def strange(behind, tmp_path_factory):
    """Each recipe in front of a stand-in for Countersign."""
    with upstream() as stand_in, recipes(stand_in.port, behind.port, tmp_path_factory) as gateways:
        yield gateways, stand_in


def test_countersign_hears_of_the_request_what_it_needs(strange, application):
    gateways, stand_in = strange
    for name in NAMES:
        gateway = gateways(name)
        stand_in.answers(200)
        forged = [("X-Forwarded-Method", "PUT"), ("X-Forwarded-Host", "evil.example"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Uri", "/evil")]
        headers = [("Cookie", "a=b"), ("Origin", "http://a.example"), ("Accept", "text/html"), *forged, *FORGED, ("Sec-Fetch-Site", "same-site")]
        assert gateway.send("POST", "/reports/7?page=2", None, headers, b"a body").status == 200
        [asked] = stand_in.asked
        assert (asked.method, asked.body) == ("GET", b""), name
        path, _, query = asked.path.partition("?")
        assert path == "/api/auth/forward"
        assert set(query.split("&")) == {"redirect=1", "scope=reports:read"}, name
        for header, value in [
            ("X-Forwarded-Method", "POST"),
            ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Host", f"127.0.0.1:{gateway.port}"),
            ("X-Forwarded-Uri", "/reports/7?page=2"),
            ("X-Forwarded-For", "127.0.0.1"),
            ("Cookie", "a=b"),
            ("Origin", "http://a.example"),
            ("Sec-Fetch-Site", "same-site"),
        ]:
            assert asked.all(header) == [value], (name, header)
        # nginx asks again for a response to a browser.
        assert asked.all("Accept") == ([] if name == "nginx_web" else ["text/html"])
        # The response contained no user, so the application gets none, whatever the client sent.
        assert not [value for header in IDENTITY for value in application.asked[-1].all(header) if "forged" in value]


def test_nobody_gets_in_when_countersign_has_ended(tmp_path_factory, application):
    with ExitStack() as stack:
        with running(tmp_path_factory.mktemp("ending-web"), **TRUSTED) as server:
            ada = Browser(server).sign_up()
            gateways = stack.enter_context(recipes(port_of(server), application.port, tmp_path_factory))
            for name in NAMES:
                assert ada.open(gateways(name).base).status_code == 200
        application.answers(200)
        for name, status in [("nginx_web", 503), ("caddy_web", 502), ("traefik_web", 500)]:
            answer = gateways(name).send(headers=[*BROWSER, *FORGED, ("Cookie", ada.cookies)])
            assert answer.status == status, name
        assert application.asked == []


def test_a_proxy_that_is_not_trusted_is_told(tmp_path_factory, application):
    with ExitStack() as stack:
        server = stack.enter_context(running(tmp_path_factory.mktemp("untrusting")))
        gateways = stack.enter_context(recipes(port_of(server), application.port, tmp_path_factory))
        for name in NAMES:
            answer = gateways(name).send(headers=BROWSER)
            assert answer.status == 401, name
            assert "`trusted_proxies`" in answer.text, name
    assert application.asked == []


def test_the_traefik_middleware_for_tokens(tmp_path, server, application):
    """The one of docs/guides/reverse-proxies.md, which takes no cookies."""

    def recipe(folder, countersign, behind, port):
        command = programs.traefik_web(folder, countersign, behind, port)
        guide = (ROOT / "docs/guides/reverse-proxies.md").read_text()
        [text] = [block for block in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL) if "forwardAuth" in block]
        recipe = yaml.safe_load(text.replace("127.0.0.1:8000", f"127.0.0.1:{countersign}"))
        recipe["http"]["routers"] = {"all": {"rule": "PathPrefix(`/`)", "middlewares": ["reports"], "service": "application"}}
        servers = [{"url": f"http://127.0.0.1:{behind}"}]
        recipe["http"]["services"] = {"application": {"loadBalancer": {"servers": servers}}}
        (folder / "web-application.yml").write_text(yaml.safe_dump(recipe))
        return command

    account = server.register()
    with programs.started(recipe, tmp_path, port_of(server), application.port) as gateway:
        wait_for_routes(gateway)
        for headers in [FORGED, [*BROWSER, *FORGED]]:
            answer = gateway.send(headers=headers)
            assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith('Bearer realm="http')
        token = server.login(account["email"])["access_token"]
        assert gateway.send(token=token, headers=FORGED).status == 403
        assert application.asked == []


def test_the_guide_s_own_lines(tmp_path, tmp_path_factory):
    """Everything that the guide starts, with other ports; then what it says that a browser sees."""
    guide = (ROOT / "docs/guides/protect-a-web-application.md").read_text()
    [block] = [block for block in re.findall(r"```sh\n(.*?)```", guide, re.DOTALL) if "countersign serve" in block]
    starts = [line for line in block.splitlines() if line and not line.startswith("#")]
    assert len(starts) == 2, starts
    proxies = re.findall(r"^(?:nginx|caddy|traefik) .*$", guide, re.MULTILINE)
    assert [line.split()[0] for line in proxies] == ["nginx", "caddy", "traefik"]
    ports = {"8000": free_port(), "3000": free_port(), "8080": free_port()}
    for source in ["infra/nginx", "infra/caddy", "infra/traefik", "examples/web-app"]:
        for file in (ROOT / source).rglob("*"):
            if file.is_file():
                text = file.read_text()
                for before, now in ports.items():
                    text = text.replace(f"127.0.0.1:{before}", f"127.0.0.1:{now}")
                text = text.replace("/tmp/countersign-nginx", f"{tmp_path}/nginx")
                place = tmp_path / file.relative_to(ROOT)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
    environment = {
        "PATH": f"{tmp_path}/bin:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "PORT": str(ports["3000"]),
        "COUNTERSIGN_LISTEN": f"127.0.0.1:{ports['8000']}",
    }
    (tmp_path / "bin").mkdir()
    for name, path in [("countersign", programs.program("bin")), *((name, programs.program(name)) for name in ("nginx", "caddy", "traefik"))]:
        (tmp_path / "bin" / name).symlink_to(path)
    base, app = f"http://127.0.0.1:{ports['8000']}", f"http://127.0.0.1:{ports['8080']}"
    with ExitStack() as stack:
        log = stack.enter_context((tmp_path / "log").open("w"))

        def start(line):
            line = line.replace("127.0.0.1:8080", f"127.0.0.1:{ports['8080']}")
            setting, _, rest = line.partition(" ")
            line = f"export {setting}; exec {rest}" if "=" in setting else f"exec {line}"
            return subprocess.Popen(["sh", "-c", line], cwd=tmp_path, env=environment, stdout=log, stderr=log)

        for line in starts:
            stack.callback(programs.end, start(line))
        wait_for(f"{base}/readyz", 200)
        for proxy in proxies:
            child = start(proxy)
            try:
                wait_for(f"{app}/", 401)
                browser = Browser(Server(base))
                assert str(browser.open(f"{app}/").url).startswith(f"{base}/signin"), proxy
                browser.sign_up()
                answer = browser.open(f"{app}/")
                assert answer.status_code == 200 and browser.email in answer.text, proxy
                saved = browser.client.post(f"{app}/", data={"note": "<b>milk"}, headers={"Origin": app}, follow_redirects=True)
                assert "&#60;b&#62;milk" in saved.text, proxy
            finally:
                programs.end(child)


def wait_for(url, status):
    for _ in range(200):
        try:
            if httpx.get(url, timeout=5).status_code == status:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} does not answer {status}")
