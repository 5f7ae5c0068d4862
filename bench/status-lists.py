#!/usr/bin/env python3
"""Measures the cost of status lists: many sessions, one revocation, many waiting verifiers.

    cargo build --release && python3 bench/status-lists.py [SESSIONS] [WAITERS]

It fills a SQLite database with bits like a server (every tenth session revoked), starts the release build on it, and prints the
bytes on the wire, the time from a revocation to the new list, the memory, and the time until all verifiers have the list.
Server and verifiers share this machine, so the last figure includes the work of both. Needs only Python."""

import asyncio
import base64
import json
import os
import random
import resource
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

PROGRAM = Path(__file__).parents[1] / "target/release/countersign"
SESSIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
WAITERS = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
ENTRIES = 1 << 20


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "COUNTERSIGN_LISTEN": f"127.0.0.1:{port}",
            "COUNTERSIGN_LIMITS__ENABLED": "false",
            "COUNTERSIGN_STATUS_LISTS__ENTRIES": str(ENTRIES),
            "COUNTERSIGN_HTTP__MAX_CONNECTIONS": "100000",
            "COUNTERSIGN_HTTP__MAX_CONNECTIONS_PER_ADDRESS": "100000",
        }
        run = lambda *words: subprocess.run([PROGRAM, *words], cwd=folder, env=environment, check=True, capture_output=True, text=True)
        run("migrate")
        empty = measure_start(folder, environment, port)
        fill(folder)
        server = start(folder, environment, port)
        try:
            measure(server, f"http://127.0.0.1:{port}", port, empty)
        finally:
            server.terminate()
            server.wait()


def fill(folder):
    """As if so many had signed in; every tenth of them is revoked."""
    lists = -(-SESSIONS // ENTRIES)
    chance = random.Random(1)
    with sqlite3.connect(f"{folder}/data/countersign.db") as db:
        for number in range(1, lists + 1):
            used = min(ENTRIES, SESSIONS - (number - 1) * ENTRIES)
            db.execute("INSERT INTO status_lists VALUES (?, ?, ?, ?, 1, ?)", (number, ENTRIES, used, os.urandom(32), 1 << 60))
            revoked = chance.sample(range(ENTRIES), used // 10)
            db.executemany("INSERT INTO revocations VALUES (?, ?, 0, 1)", ((number, place) for place in revoked))
        db.execute("UPDATE revocation_counter SET number = 1")
    db.close()


def measure_start(folder, environment, port):
    server = start(folder, environment, port)
    memory = resident(server)
    server.terminate()
    server.wait()
    return memory


def measure(server, base, port, empty):
    loaded = resident(server)
    list_one = urllib.request.urlopen(f"{base}/oauth2/status-lists/1")
    body = list_one.read()
    print(f"{SESSIONS:,} sessions in lists of {ENTRIES:,}, every tenth revoked")
    print(f"  on the wire        {len(body):>9,} bytes, once for each change; a 304 otherwise")
    print(f"  memory             {loaded / 1e6:>9.1f} MB ({empty / 1e6:.1f} MB with empty lists)")

    post(base, "/api/auth/register", {"email": "ada@example.com", "password": "a long umbrella"})
    times = []
    for _ in range(20):
        token = sign_in(base)
        # The list of this session's bit.
        number = reference(token).rsplit("/", 1)[1]
        urllib.request.urlopen(f"{base}/oauth2/status-lists/{number}").read()
        post(base, "/api/auth/logout", None, token)
        began = time.perf_counter()
        urllib.request.urlopen(f"{base}/oauth2/status-lists/{number}").read()
        times.append(1000 * (time.perf_counter() - began))
    print(f"  new list built     {statistics.median(times):>9.1f} ms (compressed, signed and fetched; median of 20)")

    token = sign_in(base)
    path = reference(token).removeprefix(base)
    etag = urllib.request.urlopen(base + path).headers["ETag"]
    before = resident(server)
    woken = asyncio.run(wait_for_all(port, path, etag, lambda: post(base, "/api/auth/logout", None, token), server))
    print(f"{WAITERS:,} waiters on one list")
    print(f"  memory             {(woken['held'] - before) / WAITERS / 1000:>9.1f} kB each ({before / 1e6:.1f} -> {woken['held'] / 1e6:.1f} MB)")
    print(f"  woken              {woken['first']:>9.0f} ms until the first has its list, {woken['half']:.0f} ms half of them, {woken['all']:.0f} ms all")


async def wait_for_all(port, path, etag, revoke, server):
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nIf-None-Match: {etag}\r\nPrefer: wait=60\r\n\r\n".encode()
    began, times = [0.0], []

    async def wait():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        await reader.readexactly(length)
        times.append(1000 * (time.perf_counter() - began[0]))
        writer.close()

    waiters = []
    for _ in range(WAITERS // 100):
        waiters += [asyncio.create_task(wait()) for _ in range(100)]
        await asyncio.sleep(0.02)
    await asyncio.sleep(2)
    assert not times, "a request was answered without a change"
    held = resident(server)
    began[0] = time.perf_counter()
    await asyncio.get_running_loop().run_in_executor(None, revoke)
    await asyncio.gather(*waiters)
    times.sort()
    return {"held": held, "first": times[0], "half": times[len(times) // 2], "all": times[-1]}


def start(folder, environment, port):
    server = subprocess.Popen([PROGRAM, "serve"], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        assert server.poll() is None, "the server did not start"
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz").read()
            return server
        except OSError:
            time.sleep(0.02)


def post(base, path, body, token=None):
    data = b"" if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with urllib.request.urlopen(urllib.request.Request(base + path, data, headers, method="POST")) as answer:
        return json.loads(answer.read() or b"null")


def sign_in(base):
    """A session that lives: some of the bits that are still free were set when the lists were filled."""
    while True:
        token = post(base, "/api/auth/login", {"email": "ada@example.com", "password": "a long umbrella"})["access_token"]
        try:
            urllib.request.urlopen(urllib.request.Request(f"{base}/api/auth/me", headers={"Authorization": f"Bearer {token}"}))
            return token
        except urllib.error.HTTPError:
            pass


def reference(token):
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims["status"]["status_list"]["uri"]


def resident(server):
    status = Path(f"/proc/{server.pid}/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
