"""Servers, PostgreSQL, and databases with many rows, for bench/run."""

import http.client
import json
import os
import platform
import re
import shutil
import socket
import sqlite3
import subprocess
import time
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# As released: with link-time optimization.
PROFILE = "dist"
PROGRAMS = ROOT / "target" / PROFILE
BENCH = PROGRAMS / "bench"


# The user agent is stored in sessions and the audit log, so it is as long as a browser's.
USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0"


class Server:
    """A process that answers at a port of this machine, on the first core unless its command says something else."""

    def __init__(self, child, port, told=""):
        self.child, self.port, self.cookie, self.told = child, port, "", told

    def get(self, path, token=""):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers={"authorization": f"Bearer {token}"} if token else {})
        with urllib.request.urlopen(request) as answer:
            return answer.read()

    def post(self, path, body, media_type="application/json"):
        base = f"http://127.0.0.1:{self.port}"
        request = urllib.request.Request(base + path, body.encode(), {"content-type": media_type, "origin": base, "user-agent": USER_AGENT})
        with urllib.request.urlopen(request) as answer:
            cookies = [cookie.split(";")[0] for cookie in answer.headers.get_all("set-cookie") or []]
            self.cookie = "; ".join(cookies)
            return answer.read()

    def command(self, seconds, kind, *words):
        fixed = ["load", "--kind", kind, "--address", f"127.0.0.1:{self.port}", "--seconds", seconds, "--pid", self.child.pid]
        return [str(word) for word in on_core(1, BENCH, *fixed, *words)]

    def load(self, seconds, kind, *words):
        """At a fixed rate, or as much as the server can take: then the load does not sleep, because the server would pay for
        waking it, and the more so the longer a response takes."""
        saturating = [] if "--rate" in words else ["--polling"]
        found = figures(self.command(seconds, kind, *saturating, *words))
        assert found["answered"] > 0, f"nothing was answered: {words}"
        return found

    def resident(self, name="VmRSS"):
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        [kib] = [line.split()[1] for line in status.splitlines() if line.startswith(f"{name}:")]
        return int(kib) / 1000

    def idle(self):
        """Resident, once what the start has left to do is done: a mail that is owed needs a hash, and its memory is given back
        after five seconds."""
        time.sleep(8)
        return self.resident()

    def threads(self):
        """How many threads answer requests and how many hash, as Countersign says at its start; nothing, if it does not."""
        found = {name: re.search(rf'\b{name}"?[=:]\s*"?(\d+)', self.told) for name in ["workers", "hashing_threads"]}
        return {name: int(match[1]) for name, match in found.items() if match}


@contextmanager
def process(command, port, environment=None, folder=None, pause=0.05):
    """A server, until it answers at its port; ended afterwards."""
    words = [str(word) for word in command]
    path = Path(folder or ROOT / "target") / "bench.log"
    with path.open("ab") as log:
        begin = log.tell()
        child = subprocess.Popen(words, cwd=folder, env=os.environ | (environment or {}), stdout=subprocess.DEVNULL, stderr=log)
    try:
        end = time.monotonic() + 60
        while True:
            try:
                # Not urllib: its first request takes as long as the start of a server.
                with closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
                    connection.request("GET", "/healthz")
                    connection.getresponse().read()
                break
            except OSError:
                assert child.poll() is None, f"{words} ended:\n{path.read_bytes()[begin:].decode()}"
                assert time.monotonic() < end, f"{words} does not answer"
                time.sleep(pause)
        yield Server(child, port, path.read_bytes()[begin:].decode())
    finally:
        child.terminate()
        child.wait()


class Sqlite:
    """The file of a server that does not run just now."""

    name = "SQLite"

    def __init__(self, path):
        self.path, self.url = path, f"sqlite://{path}"

    def clear(self):
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink()

    def ask(self, statement, rows=None):
        connection = sqlite3.connect(self.path, isolation_level=None)
        try:
            connection.execute("PRAGMA cache_size = -500000")
            if rows is None:
                return connection.execute(statement).fetchall()
            connection.execute("BEGIN")
            connection.executemany(statement, rows)
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return []
        finally:
            connection.close()

    def size(self):
        self.ask("PRAGMA wal_checkpoint(TRUNCATE)")
        return self.ask("PRAGMA page_count")[0][0] * self.ask("PRAGMA page_size")[0][0]

    def tables(self):
        return [name for (name,) in self.ask("SELECT name FROM sqlite_master WHERE type = 'table'")]

    def copy(self, table, count, own, shift, like="1 = 1"):
        """So many rows like the first of a table. `own` gives what differs, of the number; times are moved by `shift`."""
        columns = [row[1] for row in self.ask(f"PRAGMA table_info({table})")]
        template = dict(zip(columns, self.ask(f"SELECT * FROM {table} WHERE {like} ORDER BY id LIMIT 1")[0], strict=True))
        times = [name for name, value in template.items() if isinstance(value, int) and value > 10**12]
        rows = (
            tuple((template | {name: template[name] + shift(number) for name in times} | own(number)).values())
            for number in range(1, count + 1)
        )  # fmt: skip
        self.ask(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})", rows)

    def fill_accounts(self, count):
        email = lambda number: f"user{number}@example.com"  # noqa: E731
        self.copy("accounts", count, lambda n: {"id": identifier(n), "email": email(n), "email_key": email(n)}, lambda n: 0)

    def fill_sessions(self, count, days_ago):
        self.copy("sessions", count, lambda n: {"id": identifier(n)}, lambda n: n - days_ago * 86_400_000)

    def fill_audit(self, count):
        own = lambda n: {"id": identifier(n), "seq": 10**9 + n}  # noqa: E731
        self.copy("audit_events", count, own, lambda n: n, "user_agent IS NOT NULL AND seq IS NOT NULL")

    def fill_revocations(self, count):
        """Bits of a list that is gone."""
        self.ask("INSERT INTO revocations (list, idx, revoked_at, number) VALUES (1000, ?, 1700000000000, 0)", ((n,) for n in range(count)))


class Postgres:
    name = "PostgreSQL"

    def __init__(self, programs):
        self.programs, self.port = programs, free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def clear(self):
        self.ask("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def ask(self, statement):
        where = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres"]
        command = [self.programs / "psql", *where, "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-c", statement]
        quiet = os.environ | {"PGOPTIONS": "-c client_min_messages=warning"}
        answer = subprocess.run(command, check=True, env=quiet, stdout=subprocess.PIPE, text=True).stdout
        return [line.split("\t") for line in answer.splitlines()]

    def size(self):
        return int(self.ask("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")[0][0])

    def tables(self):
        return [name for [name] in self.ask("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")]

    def written(self):
        """Bytes of the write-ahead log, transactions, and rows that were updated, and in place (HOT), so far."""
        # Each backend reports its counters after it has been idle for a second.
        time.sleep(2)
        query = (
            "SELECT pg_current_wal_lsn() - '0/0', xact_commit, "
            "(SELECT sum(n_tup_upd) FROM pg_stat_user_tables), (SELECT sum(n_tup_hot_upd) FROM pg_stat_user_tables) "
            "FROM pg_stat_database WHERE datname = current_database()"
        )
        return [float(figure) for figure in self.ask(query)[0]]

    def copy(self, table, count, own, shift, like="true"):
        columns = self.ask(f"SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position")
        moved = lambda name: f"CASE WHEN t.{name} > 1000000000000 THEN t.{name} + {shift} ELSE t.{name} END"  # noqa: E731
        values = [own.get(name) or (moved(name) if kind == "bigint" else f"t.{name}") for name, kind in columns]
        names = ", ".join(name for name, _ in columns)
        self.ask(
            f"INSERT INTO {table} ({names}) SELECT {', '.join(values)} "
            f"FROM generate_series(1::bigint, {count}) AS n, (SELECT * FROM {table} WHERE {like} ORDER BY id LIMIT 1) AS t"
        )
        self.ask(f"VACUUM ANALYZE {table}")

    def fill_accounts(self, count):
        email = "'user' || n || '@example.com'"
        self.copy("accounts", count, {"id": POSTGRES_IDENTIFIER, "email": email, "email_key": email}, "0")

    def fill_sessions(self, count, days_ago):
        self.copy("sessions", count, {"id": POSTGRES_IDENTIFIER}, f"(n - {days_ago * 86_400_000})")

    def fill_audit(self, count):
        own = {"id": POSTGRES_IDENTIFIER, "seq": "1000000000 + n"}
        self.copy("audit_events", count, own, "n", "user_agent IS NOT NULL AND seq IS NOT NULL")

    def fill_revocations(self, count):
        self.ask(f"INSERT INTO revocations (list, idx, revoked_at, number) SELECT 1000, n, 1700000000000, 0 FROM generate_series(1, {count}) AS n")


# A version 7 UUID: one millisecond per thousand rows.
POSTGRES_IDENTIFIER = (
    "(lpad(to_hex(1700000000000 + n / 1000), 12, '0') || '7' || lpad(to_hex(n % 1000), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid"
)


def identifier(number):
    """The same, for SQLite."""
    moment = 1_700_000_000_000 + number // 1000
    return moment.to_bytes(6, "big") + (0x7000 | number % 1000).to_bytes(2, "big") + (0x8000 << 48 | number).to_bytes(8, "big")


@contextmanager
def started_postgres(folder):
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    told = shutil.which("initdb")
    assert found or told, "PostgreSQL is needed: apt-get install postgresql"
    programs = (found[-1] if found else Path(told).resolve()).parent
    place = folder / "postgres"
    place.mkdir()
    # PostgreSQL refuses to run as root.
    user = []
    if os.getuid() == 0:
        shutil.chown(place, "postgres", "postgres")
        user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    subprocess.run(
        [*user, programs / "initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-D", place / "data"],
        check=True, cwd=place, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    postgres = Postgres(programs)
    settings = ["listen_addresses=127.0.0.1", f"unix_socket_directories={place}", "max_connections=200", "shared_buffers=256MB", "max_wal_size=4GB"]
    words = [word for setting in settings for word in ("-c", setting)]
    with (folder / "postgres.log").open("ab") as log:
        command = on_core(1, *user, programs / "postgres", "-D", place / "data", "-p", postgres.port, *words)
        child = subprocess.Popen([str(word) for word in command], cwd=place, stdout=log, stderr=log)
    try:
        ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(postgres.port)]
        while subprocess.run(ready, check=False).returncode != 0:
            assert child.poll() is None, "PostgreSQL did not start"
            time.sleep(0.1)
        yield postgres
    finally:
        child.terminate()
        child.wait()


def on_core(core, *command):
    return ["taskset", "-c", str(core), *command]


def figures(command):
    done = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def lines(folder, name, texts):
    path = folder / f"{name}.txt"
    path.write_text("\n".join(texts))
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def machine():
    model = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": model[0] if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release().split("-")[0],
        "date": time.strftime("%Y-%m-%d"),
        "commit": subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip(),
    }
