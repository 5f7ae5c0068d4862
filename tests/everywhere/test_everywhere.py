"""Revoked once, on the command line, and refused everywhere: by the server, behind nginx, by axum, FastAPI and Express.
The times are printed, not judged (`pytest -s`); COUNTERSIGN_TEST_ROUNDS sets how often.

And the lines of docs/guides/protect-a-service.md, word by word, against each of its services."""

import os
import re
import statistics
import subprocess
import threading
import time
from pathlib import Path

import httpx
import pytest
from services import LIMIT, ROOT, Countersign, bearer, everywhere, program

ROUNDS = int(os.environ.get("COUNTERSIGN_TEST_ROUNDS", "3"))
GUIDE = ROOT / "docs/guides/protect-a-service.md"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with everywhere(tmp_path_factory.mktemp("everywhere")) as world:
        yield world


@pytest.mark.parametrize("name", ["axum", "FastAPI", "Express"])
def test_the_guide_s_lines_show_what_they_say(world, name):
    server, services = world
    service = next(service for service in services if service.name == name)
    [lines] = re.findall(r"^## Try it\n.*?```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL | re.MULTILINE)
    replacements = {
        "http://127.0.0.1:8000": server.base,
        "http://127.0.0.1:3000": service.url.removesuffix("/products"),
        "ada@example.com": f"guide-{name.lower()}@example.com",
    }
    for old, new in replacements.items():
        assert old in lines, f"the guide does not name {old}"
        lines = lines.replace(old, new)
    path = f"{Path(program()).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-eu", "-c", lines], cwd=server.folder, env=server.environment() | {"PATH": path}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["401", "200", "403", "201", "401"], done.stderr


def test_an_application_has_countersign_inside(tmp_path):
    inside = Countersign(tmp_path, [os.environ["COUNTERSIGN_TEST_EMBEDDED"]])
    try:
        inside.start()
        assert httpx.get(f"{inside.base}/products", timeout=30).status_code == 401
        token, session = inside.sign_in()
        answer = httpx.get(f"{inside.base}/products", headers=bearer(token), timeout=30)
        me = httpx.get(f"{inside.base}/api/auth/me", headers=bearer(token), timeout=30).json()
        assert (answer.status_code, answer.json()["owner"]) == (200, me["id"])
        assert httpx.post(f"{inside.base}/products", headers=bearer(token), json={}, timeout=30).status_code == 403
        httpx.delete(f"{inside.base}/api/auth/sessions/{session}", headers=bearer(token), timeout=30)
        assert httpx.get(f"{inside.base}/products", headers=bearer(token), timeout=30).status_code == 401
    finally:
        inside.kill()


def test_what_is_revoked_on_the_command_line_is_refused_everywhere(world):
    server, services = world
    times = {service.name: [] for service in services}
    for _ in range(ROUNDS):
        token, session = server.sign_in()
        assert {service.name: service.ask(token) for service in services} == dict.fromkeys(times, 200)
        refused = {}
        watchers = [threading.Thread(target=watch, args=(service, token, refused)) for service in services]
        for watcher in watchers:
            watcher.start()
        server.command("sessions", "revoke", session)
        revoked = time.monotonic()
        for watcher in watchers:
            watcher.join()
        for name in times:
            assert refused[name][0] == 401, name
            times[name].append(1000 * (refused[name][1] - revoked))
    print(f"\nmilliseconds from the end of `countersign sessions revoke` to the first refusal, {ROUNDS} rounds:")
    for name, all_times in times.items():
        print(f"  {name:<12} median {statistics.median(all_times):6.0f}   worst {max(all_times):6.0f}")


def test_nothing_that_was_revoked_comes_back_when_the_server_is_killed_and_restarted(world):
    server, services = world
    (living, _), (dead, session) = server.sign_in("ada@example.com"), server.sign_in("eve@example.com")
    verifiers = [service for service in services if service.name not in ("Countersign", "nginx")]
    for service in services:
        assert (service.ask(living), service.ask(dead)) == (200, 200), service.name
    server.command("sessions", "revoke", session)
    for service in services:
        until(service, dead, 401)

    for number in range(3):
        late, late_session = server.sign_in(f"mallory{number}@example.com")
        assert {service.name: service.ask(late) for service in services} == {service.name: 200 for service in services}
        server.kill()
        # The guards continue to verify tokens. nginx depends on the server and rejects all requests.
        for service in verifiers:
            assert (service.ask(living), service.ask(dead)) == (200, 401), service.name
        # Sessions revoked while it is down are rejected as soon as it is back.
        server.command("sessions", "revoke", late_session)
        server.start()
        for service in services:
            until(service, living, 200)
            assert service.ask(dead) == 401, service.name
            until(service, late, 401)


def watch(service, token, refused):
    end = time.monotonic() + LIMIT
    with httpx.Client(timeout=LIMIT) as client:
        while time.monotonic() < end:
            status = client.get(service.url, headers=bearer(token)).status_code
            if status != 200:
                refused[service.name] = (status, time.monotonic())
                return
            time.sleep(0.002)


def until(service, token, status):
    end = time.monotonic() + LIMIT
    while service.ask(token) != status:
        assert time.monotonic() < end, f"{service.name} goes on answering {service.ask(token)}"
        time.sleep(0.01)
