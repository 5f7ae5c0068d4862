"""nginx, Caddy and Traefik as ordinary processes, from the very files of infra/: only addresses and folders are replaced. And
the small server that stands behind them (or in for Countersign): it remembers what it was asked."""

import http.client
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"

# The way to start the server that the other clients' tests use, too.
sys.path.insert(0, str(ROOT / "tests/clients/python"))
from conftest import PASSWORD, Server, free_port, running  # noqa: E402, F401


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str


@dataclass
class Gateway:
    port: int

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}"

    def send(self, method="GET", path="/", token=None, headers=(), body=None):
        """Sends what it is told to, unchanged: paths are not tidied up, a header may come twice, and an iterable body
        is sent in chunks."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in [*headers, *([("Authorization", f"Bearer {token}")] if token else [])]:
            connection.putheader(name, value)
        chunked = body is not None and not isinstance(body, bytes)
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        elif body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body, encode_chunked=chunked)
        response = connection.getresponse()
        answer = Answer(response.status, response.headers, response.read().decode())
        connection.close()
        return answer


@dataclass
class Asked:
    method: str
    path: str
    headers: list
    body: bytes

    def all(self, name):
        """The values of a header, in whatever spelling an application may take for it."""
        plain = name.lower()
        return [value for header, value in self.headers if re.sub("[_.]", "-", header.lower()) == plain]


@dataclass
class Upstream:
    """A server that answers as it is told, and remembers what it was asked."""

    port: int = 0
    body: bytes = b""
    status: int = 200
    headers: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    connections: int = 0

    def answers(self, status, **headers):
        self.status, self.headers = status, headers
        self.asked.clear()


@contextmanager
def upstream(body=b""):
    state = Upstream(body=body)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self):
            state.connections += 1
            super().setup()

        def answer(self):
            asked = Asked(self.command, self.path, list(self.headers.items()), self.content())
            state.asked.append(asked)
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(state.body)

        do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer

        def content(self):
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            content = b""
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return content

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def started(recipe, folder, countersign, application):
    """A recipe's proxy, with Countersign and the application at these ports."""
    child = None
    try:
        # Another process may take a port that was just free.
        for _ in range(3):
            port = free_port()
            child, log = spawn(folder, recipe(folder, countersign, application, port))
            if listens(child, port):
                break
        assert child.poll() is None, f"the proxy did not start:\n{log.read_text()}"
        yield Gateway(port)
        assert child.poll() is None, f"the proxy ended by itself:\n{log.read_text()}"
    finally:
        end(child)


def nginx(folder, countersign, application, port):
    """infra/nginx/countersign.conf, put in place as the guide says."""
    install(folder, "snippets/countersign.conf", {})
    recipe = install(folder, "countersign.conf", addresses(countersign, application, port))
    # The surrounding lines of Debian's nginx.conf, with this test's folders.
    kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    places = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    around = f"pid {folder}/nginx.pid; error_log stderr; events {{}} http {{ access_log off; {places} include {recipe.name}; }}"
    (folder / "nginx.conf").write_text(around)
    return nginx_command(folder)


def compose(folder, countersign, application, port):
    """infra/nginx/gateway.conf, which is the whole configuration of the compose file's gateway."""
    install(folder, "snippets/countersign.conf", {})
    replacements = {
        "backend:8000": f"127.0.0.1:{countersign}",
        "qdrant:6333": f"127.0.0.1:{application}",
        "listen 8080": f"listen 127.0.0.1:{port}",
        "/tmp/": f"{folder}/",
        "/dev/stdout": f"{folder}/access.log",
    }
    install(folder, "gateway.conf", replacements).rename(folder / "nginx.conf")
    return nginx_command(folder)


def caddy(folder, countersign, application, port):
    """infra/caddy/Caddyfile, without the port of its own that Caddy is administered by."""
    recipe = replaced(INFRA / "caddy/Caddyfile", addresses(countersign, application, port))
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + recipe)
    return [program("caddy"), "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]


def nginx_web(folder, countersign, application, port):
    """infra/nginx/web-application.conf, with the surrounding lines of infra/nginx/nginx.conf."""
    for name in ("ask", "pass", "pages", "web"):
        install(folder, f"snippets/countersign-{name}.conf", {})
    install(folder, "web-application.conf", addresses(countersign, application, port))
    install(folder, "nginx.conf", {"/tmp/countersign-nginx": f"{folder}/nginx", "daemon off;": ""})
    return nginx_command(folder)


def caddy_web(folder, countersign, application, port):
    recipe = replaced(INFRA / "caddy/web-application.Caddyfile", addresses(countersign, application, port))
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + recipe)
    return [program("caddy"), "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]


def traefik_web(folder, countersign, application, port):
    places = addresses(countersign, application, port)
    entry = places.pop("127.0.0.1:8080")
    (folder / "web-application.yml").write_text(replaced(INFRA / "traefik/web-application.yml", places))
    around = {"127.0.0.1:8080": entry, "infra/traefik/web-application.yml": f"{folder}/web-application.yml"}
    # The first comment names the command.
    recipe = replaced(INFRA / "traefik/traefik.yml", around)
    (folder / "traefik.yml").write_text(recipe)
    return [program("traefik"), f"--configFile={folder}/traefik.yml"]


def addresses(countersign, application, port):
    """What the recipes for nginx and Caddy name, and what stands there for a test."""
    return {
        "127.0.0.1:8000": f"127.0.0.1:{countersign}",
        "127.0.0.1:3000": f"127.0.0.1:{application}",
        "127.0.0.1:8080": f"127.0.0.1:{port}",
    }


def nginx_command(folder):
    # As root, nginx would run its workers as a user who cannot enter the test's folder.
    directives = "daemon off;" + (" user root;" if os.getuid() == 0 else "")
    return [program("nginx"), "-p", folder, "-e", "stderr", "-c", folder / "nginx.conf", "-g", directives]


def install(folder, name, replacements):
    place = folder / name
    place.parent.mkdir(exist_ok=True)
    place.write_text(replaced(INFRA / "nginx" / name, replacements))
    return place


def replaced(recipe, replacements):
    text = recipe.read_text()
    for old, new in replacements.items():
        assert old in text, f"{recipe} does not name {old}"
        text = text.replace(old, new)
    return text


def program(name):
    """scripts/test names it; by hand it may be found where packages put it."""
    path = os.environ.get(f"COUNTERSIGN_TEST_{name.upper()}") or shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    assert path, f"{name} is not here: scripts/test proxies gets it"
    return path


def spawn(folder, command):
    log = folder / "proxy.log"
    homes = dict.fromkeys(["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"], str(folder))
    with log.open("w") as output:
        child = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env=os.environ | homes,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    return child, log


def listens(child, port):
    """Waits until it does, or has ended."""
    for _ in range(200):
        if child.poll() is not None:
            return False
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            time.sleep(0.05)
    end(child)
    return False


def end(child):
    if child is None:
        return
    child.terminate()
    try:
        child.wait(timeout=10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
