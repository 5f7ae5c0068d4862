"""Everything that several nodes need, as processes that can be killed and started again at the same place: a PostgreSQL
that really writes to its disk, a Redis, the nginx of docs/guides/many-nodes.md, and the nodes over one keys folder."""

import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests/proxies"), str(ROOT / "tests/clients/python")]
import programs  # noqa: E402
from conftest import wait_until_ready  # noqa: E402

GUIDE = ROOT / "docs/guides/many-nodes.md"
PATIENCE = 60.0
# High enough never to be reached: each sign-in and refresh then asks Redis and is never rejected.
LIMITS = [
    "login_per_account",
    "login_per_address",
    "register_per_address",
    "refresh_per_address",
    "token_per_client",
    "token_per_address",
    "introspect_per_client",
]


class Postgres:
    """A cluster of its own. It is killed, so what it says is written must be written: `fsync` stays on."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, steady_port(), None
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"
        self.folder_of_programs = postgres_folder()
        # PostgreSQL refuses to run as root. setpriv replaces itself with the server, so its process id is the one to
        # end.
        self.user = []
        if os.getuid() == 0:
            user = server_user()
            os.chown(folder, user.pw_uid, user.pw_gid)
            self.user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        flags = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", f"--pgdata={folder}/data"]
        subprocess.run([*self.user, self.program("initdb"), *flags], cwd=folder, check=True, stdout=subprocess.DEVNULL)

    def start(self):
        settings = ["listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}", "max_connections=200"]
        words = [word for setting in settings for word in ("-c", setting)]
        with (self.folder / "postgres.log").open("a") as log:
            command = [*self.user, self.program("postgres"), "-D", self.folder / "data", "-p", str(self.port), *words]
            self.process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        ready = [self.program("pg_isready"), "--quiet", "--host=127.0.0.1", f"--port={self.port}"]
        until(lambda: subprocess.run(ready, check=False).returncode == 0, "PostgreSQL does not answer")

    def stop(self, mode):
        """`fast` ends its sessions and writes everything; `immediate` is a crash, and the next start recovers."""
        self.process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])

    def wait(self):
        self.process.wait(timeout=PATIENCE)

    def ask(self, statement):
        """The rows of an answer, each a list of texts."""
        where = ["--host=127.0.0.1", f"--port={self.port}", "--username=postgres", "--dbname=postgres"]
        command = [self.program("psql"), *where, "-XAtq", "-F|", "--set=ON_ERROR_STOP=1", "-c", statement]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, done.stderr
        return [line.split("|") for line in done.stdout.splitlines()]

    def program(self, name):
        return self.folder_of_programs / name


class Redis:
    """Empty at each start: it holds only what may be lost."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, steady_port(), None
        self.url = f"redis://127.0.0.1:{self.port}"

    def start(self):
        words = ["--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command = [str(word) for word in [redis_program(), *words]]
        self.process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        assert programs.listens(self.process, self.port), "Redis did not start"

    def kill(self):
        kill(self.process)

    def asked(self):
        """How many requests have been counted since it was started."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(b"INFO commandstats\r\nQUIT\r\n")
            answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
        return sum(int(calls) for calls in re.findall(r"cmdstat_eval:calls=(\d+)", answer))


class Node:
    """One Countersign of several."""

    def __init__(self, name, folder, program):
        self.name, self.folder, self.program, self.process = name, folder, program, None
        self.port = steady_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"{name}.log"
        # How often it was started, and whether it serves, to tell whether it was up the whole time.
        self.lives, self.up, self.environment = 0, False, {}

    def start(self):
        self.lives += 1
        self.spawn()
        wait_until_ready(self.process, self.base, self.log)
        self.up = True

    def start_until_it_stays(self):
        """As systemd does: a node that meets no database ends, and is started again."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self.start()
            except AssertionError:
                if time.monotonic() > end or self.process.poll() is None:
                    raise
                time.sleep(0.5)

    def spawn(self):
        with self.log.open("a") as log:
            command = [self.program, "serve"]
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self):
        """As the power goes."""
        self.up = False
        kill(self.process)

    def stop(self):
        """As an upgrade does it: what has begun is answered."""
        self.up = False
        self.process.terminate()
        assert self.process.wait(timeout=PATIENCE) == 0, f"{self.name} did not stop in order"

    def command(self, *words):
        return subprocess.run(
            [self.program, *words], cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )


@dataclass
class Cluster:
    postgres: Postgres
    redis: Redis | None
    nodes: list[Node]
    gateway: str


@contextmanager
def cluster(program, *, nodes=3, redis):
    """So many nodes of this program behind nginx, all of them up."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="countersign-nodes.")))
        # The database's user must be able to reach its folder.
        folder.chmod(0o711)
        places = {name: folder / name for name in ["postgres", "nginx", "nodes"]}
        for place in places.values():
            place.mkdir()
        postgres = Postgres(places["postgres"])
        stack.callback(lambda: end_postgres(postgres))
        postgres.start()
        cache = Redis(folder) if redis else None
        if cache:
            stack.callback(cache.kill)
            cache.start()
        nodes = [Node(f"node {number + 1}", places["nodes"], program) for number in range(nodes)]
        proxy = programs.started(guide_s_nginx, places["nginx"], [node.port for node in nodes], None)
        gateway = stack.enter_context(proxy).base
        for node in nodes:
            node.environment = environment(node, postgres, cache, gateway)
            stack.callback(node.kill)
            node.start()
        yield Cluster(postgres, cache, nodes, gateway)


def environment(node, postgres, redis, gateway):
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    settings = {
        "LISTEN": f"127.0.0.1:{node.port}",
        "ISSUER": gateway,
        "DATABASE_URL": postgres.url,
        "TRUSTED_PROXIES": "127.0.0.1",
        **({"REDIS_URL": redis.url} if redis else {}),
        **{f"LIMITS__{name.upper()}": "1000000/1m" for name in LIMITS},
    }
    return inherited | {f"COUNTERSIGN_{name}": value for name, value in settings.items()}


def guide_s_nginx(folder, nodes, _, port):
    """The very configuration that the guide shows; only ports are replaced, and the lines of nodes that are too many."""
    [block] = re.findall(r"```nginx\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    for number, ours in enumerate([port, *nodes, None, None][:4]):
        address = f"127.0.0.1:800{number}"
        assert block.count(address) == 1, f"the guide does not name {address} once"
        block = block.replace(address, f"127.0.0.1:{ours}") if ours else re.sub(rf".*{address}.*\n", "", block)
    (folder / "guide.conf").write_text(block)
    kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    places = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    around = f"pid {folder}/nginx.pid; error_log stderr; events {{}} http {{ access_log off; {places} include guide.conf; }}"
    (folder / "nginx.conf").write_text(around)
    return programs.nginx_command(folder)


def end_postgres(postgres):
    if postgres.process:
        postgres.stop("immediate")
        postgres.wait()


def kill(process):
    if process:
        process.kill()
        process.wait()


def server_user():
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            pass
    raise AssertionError("there is no user to run PostgreSQL as")


def postgres_folder():
    """Debian keeps the server's programs out of the PATH, by version. scripts/test says where."""
    told = os.environ.get("COUNTERSIGN_TEST_POSTGRES_BIN") or shutil.which("initdb")
    if told:
        return Path(told) if Path(told).is_dir() else Path(told).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "PostgreSQL is not here: scripts/test nodes gets it"
    return found[-1].parent


def redis_program():
    path = os.environ.get("COUNTERSIGN_TEST_REDIS") or shutil.which("redis-server")
    assert path, "Redis is not here: scripts/test nodes gets it"
    return path


def steady_port():
    """A free port that no other program gets by chance while its server is down for a moment."""
    for _ in range(100):
        port = random.randint(15000, 30000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no free port")


def until(true, sentence):
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, sentence
        time.sleep(0.05)
