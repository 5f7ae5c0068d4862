"""Fills in the tables of figures in README.md and docs/guides/sizing.md: the measurements, and what they mean for three sizes.

  python3 bench/documents.py      from bench/results/latest.json; a complete run does it too"""

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path

from report import at, bare, cpu, number, peer_figure

ROOT = Path(__file__).resolve().parents[1]
DAY = 86_400

# The application of the worked examples; the guide explains each value.
ACTIVE = 0.3
DEVICES = 1.5
DAYS_BETWEEN_SIGN_INS = 20
ME = 10
HOURS_IN_USE = 2
PEAK = 3
PLANNED = 0.6
REVOKED = 0.3
SESSION_DAYS = 90
AUDIT_DAYS = 400
ENTRIES = 131_072
WAITERS_OF_A_NODE = 5_000


@dataclass(frozen=True)
class Example:
    users: int
    verifiers: int
    database: str


EXAMPLES = [Example(10_000, 2, "SQLite"), Example(1_000_000, 20, "PostgreSQL"), Example(100_000_000, 200, "PostgreSQL")]


def write(results, root=ROOT):
    for path, tables in {"README.md": [speed], "docs/guides/sizing.md": [measured, examples]}.items():
        text = (root / path).read_text()
        for table in tables:
            begin, end = f"<!-- {table.__name__}: written by bench/documents.py -->", f"<!-- end of {table.__name__} -->"
            lines = "\n".join([begin, "", *table(results), "", end])
            text, found = re.subn(f"{begin}.*?{end}", lambda _, lines=lines: lines, text, flags=re.DOTALL)
            assert found == 1, f"{path} has no place for {table.__name__}"
        (root / path).write_text(text)


def speed(results):
    yield "| | `/me` (token verified, user loaded) | sign-in |\n|---|---|---|"
    for database in DATABASES:
        yield f"| Countersign on {database} | {cell(cpu(database, '/me')(results))} | {cell(cpu(database, 'login')(results))} |"
    for name, peer in results.get("peers", {}).items():
        if name != "absent":
            yield f"| {PEERS.get(name, name)} | {cell(peer_figure(peer, '/me'))} | {cell(peer_figure(peer, 'login'))} |"
    yield f"| bare axum, same response size | {cell(bare('/me')(results))} | |"
    yield f"| bare Argon2id, same parameters | | {cell(at(results, 'login', 'Argon2id'))} |"


PEERS = {"FastAPI stack": "FastAPI, python-jose, SQLAlchemy"}
DATABASES = ["SQLite", "PostgreSQL"]


def measured(results):
    machine = results["machine"]
    yield f"On one core of {machine['processor']}, {machine['date']}, at {machine['commit']} ([all figures](../../bench/results/README.md)).\n"
    yield "| | SQLite | PostgreSQL |\n|---|---|---|"
    for name, route in [("`/me`", "/me"), ("`/me` with a new token", "/me, new tokens"), ("refresh", "refresh"), ("sign-in", "login"), ("key set", "JWKS")]:
        yield f"| {name}: per core and second | {' | '.join(cell(cpu(database, route)(results)) for database in DATABASES)} |"
    names = ["bytes of one account", "bytes of one session", "bytes of one revocation", "bytes of one audit entry"]
    names += ["bytes of write-ahead log for a sign-in", "bytes of write-ahead log for a refresh", "transactions for a sign-in", "transactions for a refresh"]
    for name in names:
        yield f"| {name} | {' | '.join(cell(at(results, 'sizes', database, name)) for database in DATABASES)} |"
    commits = [at(results, "ceilings", database, "commit", "per_second") for database in DATABASES]
    yield f"| commits per second of the database alone (one core, one disk, 32 at a time) | {' | '.join(map(cell, commits))} |"


def cell(value):
    return "–" if value is None else "< 0.01" if value < 0.01 else number(value)


def examples(results):
    yield "| | " + " | ".join(f"{example.users:,} users" for example in EXAMPLES) + " |\n|---|" + "---|" * len(EXAMPLES)
    columns = [dict(example_rows(results, example)) for example in EXAMPLES]
    for name in columns[0]:
        yield f"| {name} | " + " | ".join(column[name] for column in columns) + " |"


def example_rows(results, example):
    database = example.database
    per_core = lambda route: cpu(database, route)(results)  # noqa: E731
    size = lambda name: at(results, "sizes", database, name) or 0.0  # noqa: E731
    active = example.users * ACTIVE
    sign_ins = active / DAYS_BETWEEN_SIGN_INS
    stored = sign_ins * SESSION_DAYS
    # With access tokens of fifteen days, and of fifteen minutes.
    refreshes = {"15 d": stored / 15, "15 min": active * DEVICES * HOURS_IN_USE * 4}
    lists = math.ceil(1 + sign_ins * (SESSION_DAYS + 1) / ENTRIES)
    revocations = sign_ins * REVOKED
    list_bytes = next((row["simulated"] for row in at(results, "simulation", "100000000", "compared") or [] if row["what"].startswith("bytes")), None)
    cores = lambda per_day, route: per_day / DAY * PEAK / per_core(route) / PLANNED if per_core(route) else None  # noqa: E731
    yield "database", database
    yield "sign-ins: per day, per second at peak", f"{number(sign_ins)}, {number(sign_ins / DAY * PEAK)}"
    yield "… cores for sign-ins", cell(cores(sign_ins, "login"))
    yield "`/me`: per second at peak", number(active * ME / DAY * PEAK)
    yield "… cores for `/me`", cell(cores(active * ME, "/me"))
    for lifetime, per_day in refreshes.items():
        yield f"refreshes per second at peak, {lifetime} access tokens", number(per_day / DAY * PEAK)
        yield f"… cores for refreshes, {lifetime} access tokens", cell(cores(per_day, "refresh"))
    yield "cores to sign in a day's active users within an hour", cell(active / 3600 / per_core("login") if per_core("login") else None)
    yield "sessions stored", number(stored)
    rows = example.users * size("bytes of one account") + stored * size("bytes of one session")
    rows += revocations * (SESSION_DAYS + 1) * size("bytes of one revocation")
    audit = (sign_ins + revocations) * AUDIT_DAYS * size("bytes of one audit entry")
    yield "database: accounts, sessions, revocations", amount(rows)
    yield "database: audit log for 400 days", amount(audit)
    if database == "PostgreSQL":
        write = sign_ins * size("bytes of write-ahead log for a sign-in") + refreshes["15 min"] * size("bytes of write-ahead log for a refresh")
        yield "write-ahead log per day, 15 min access tokens", amount(write)
        commits = at(results, "ceilings", "PostgreSQL", "commit", "per_second")
        peak = PEAK / DAY * (sign_ins * size("transactions for a sign-in") + refreshes["15 min"] * size("transactions for a refresh"))
        yield "share of the primary's commits, 15 min access tokens", f"{100 * peak / commits:.1f}%" if commits else "–"
    else:
        yield "write-ahead log per day, 15 min access tokens", "–"
        yield "share of the primary's commits, 15 min access tokens", "–"
    yield "status lists", number(lists)
    yield "… memory per node", amount(lists * ENTRIES / 8)
    yield "waiting requests, number of verifiers", f"{lists * example.verifiers:,}, {example.verifiers}"
    yield "… nodes needed", number(max(1, -(-lists * example.verifiers // WAITERS_OF_A_NODE)))
    yield "… bytes per second to all verifiers at peak", amount(revocations / DAY * PEAK * example.verifiers * list_bytes) if list_bytes else "–"


def amount(count):
    for unit, bytes_of_it in [("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)]:
        if count >= bytes_of_it:
            return f"{number(count / bytes_of_it)} {unit}"
    return f"{number(count)} B"


if __name__ == "__main__":
    write(json.loads((ROOT / "bench/results/latest.json").read_text()))
