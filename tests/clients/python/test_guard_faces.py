"""The guard as programs use it: threads, event loops, forks, and the end of it."""

import asyncio
import gc
import os
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from conftest import eventually
from countersign_guard import Account, Denied, Guard, InsufficientScope, InvalidToken, MissingToken, Unavailable

from countersign_guard.access_token import verify_access_token
from guard_issuer import KEYS, LISTS, FakeIssuer, hanging
from guard_support import Clock, outcome


@pytest.fixture
def issuer():
    with FakeIssuer() as issuer:
        yield issuer


@pytest.fixture
def guard(issuer):
    with Guard(issuer.url) as guard:
        yield guard


def test_the_user_is_who_the_token_says(issuer, guard):
    sub, sid = "0198AAAA-0000-7000-8000-000000000001", "01980000-0000-7000-8000-000000000002"
    token = guard.verify_sync(issuer.token(sub=sub, sid=sid, scope="b a", tenant="blue"))
    assert (token.subject, token.client_id) == (Account(UUID(sub)), "countersign")
    user = token.require_user()
    assert (user.id, user.session, user.scopes) == (UUID(sub), UUID(sid), {"a", "b"})
    assert (token.session, token.scopes, token.claims) == (user.session, user.scopes, user.claims)
    assert user.claims["tenant"] == "blue"
    with pytest.raises(TypeError):
        user.claims["tenant"] = "red"


def test_a_token_may_say_how_to_greet_its_user(issuer, guard):
    user = guard.verify_sync(issuer.token(about={"email": "ada@example.com", "email_verified": False, "name": "Ada <b>"})).require_user()
    assert (user.email, user.email_verified, user.name) == ("ada@example.com", False, "Ada <b>")
    user = guard.verify_sync(issuer.token()).require_user()
    assert (user.email, user.email_verified, user.name) == (None, None, None)
    for wrong in [{"email": 1}, {"email": ["a"]}, {"email_verified": "true"}, {"email_verified": 1}, {"name": {}}, {"name": False}]:
        with pytest.raises(InvalidToken):
            guard.verify_sync(issuer.token(about=wrong))
    for about in [{"email": "ada@example.com"}, {"email_verified": False}, {"name": ""}]:
        with pytest.raises(InvalidToken):
            guard.verify_sync(issuer.client_token(about=about))


def test_threads_share_one_fetch(issuer, guard):
    barrier = threading.Barrier(16)

    def verify(idx):
        barrier.wait()
        return outcome(guard, issuer.token(idx=idx))

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(verify, range(16))) == {"ok"}
    assert issuer.requests[KEYS] == 1


def test_tasks_share_one_fetch(issuer, guard):
    async def verify_all():
        return await asyncio.gather(*(guard.verify(issuer.token(idx=idx)) for idx in range(16)))

    assert len(asyncio.run(verify_all())) == 16
    assert issuer.requests[KEYS] == 1


def test_one_guard_serves_many_event_loops(issuer, guard):
    for idx in range(3):
        asyncio.run(guard.verify(issuer.token(idx=idx)))
    assert issuer.requests[KEYS] == 1
    issuer.wait_until_followed()
    assert issuer.requests[f"{LISTS}1"] == 2


def test_the_event_loop_goes_on_while_keys_are_fetched(issuer, guard):
    issuer.lies[KEYS] = hanging

    async def both():
        waiting = asyncio.create_task(guard.verify(issuer.token()))
        while not issuer.requests[KEYS]:
            await asyncio.sleep(0)
        # One request is cancelled: the fetch continues for the others.
        others = asyncio.create_task(guard.verify(issuer.token()))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        guard_closed = asyncio.create_task(guard.aclose())
        with pytest.raises(Unavailable):
            await others
        await guard_closed

    asyncio.run(both())


def test_a_token_is_verified_once_and_its_status_asked_every_time(issuer, guard, monkeypatch):
    verified = []

    def counting(*given):
        verified.append(given)
        return verify_access_token(*given)

    monkeypatch.setattr("countersign_guard.guard.verify_access_token", counting)
    token = issuer.token(idx=7)
    assert [outcome(guard, token) for _ in range(5)] == ["ok"] * 5
    assert len(verified) == 1
    issuer.wait_until_followed()
    issuer.revoke(7)
    eventually(lambda: outcome(guard, token), "invalid_token")
    assert len(verified) == 1


def test_a_remembered_token_dies_with_its_time(issuer):
    clock = Clock()
    with Guard(issuer.url, now=clock) as guard:
        token = issuer.token()
        assert outcome(guard, token) == "ok"
        clock.offset = 3600 + 31
        assert outcome(guard, token) == "invalid_token"


@pytest.mark.parametrize("size", [0, 1, 3])
def test_no_more_tokens_are_remembered_than_are_allowed(issuer, size):
    with Guard(issuer.url, cache_size=size) as guard:
        tokens = [issuer.token(idx=idx) for idx in range(5)]
        assert {outcome(guard, token) for token in tokens * 2} == {"ok"}
        assert len(guard._remembered) == size


def test_every_scope_is_needed(issuer, guard):
    token = issuer.token(scope="a b")
    assert outcome(guard, token, scopes=["a", "b"]) == "ok"
    with pytest.raises(InsufficientScope) as denied:
        guard.verify_sync(token, scopes=["a", "c", "d"])
    assert denied.value.headers == {
        "WWW-Authenticate": f'Bearer realm="{issuer.url}", error="insufficient_scope", scope="c d"'
    }


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ([], MissingToken),
        ([""], MissingToken),
        (["Basic YTpi"], MissingToken),
        (["Bearer"], InvalidToken),
        (["Bearer "], InvalidToken),
        (["Bearer nonsense"], InvalidToken),
        (["Bearer a", "Bearer a"], InvalidToken),
        (["Bearer \ud800.ä.b"], InvalidToken),
    ],
)
def test_the_authorization_header_is_one_bearer_token(guard, values, refusal):
    with pytest.raises(Denied) as denied:
        guard.authenticate_sync(values)
    assert denied.type is refusal
    challenge = denied.value.headers["WWW-Authenticate"]
    assert challenge.startswith(f'Bearer realm="{guard.issuer}"')
    assert ("error=" in challenge) == (refusal is not MissingToken)


def test_the_scheme_is_read_in_any_case(issuer, guard):
    assert guard.authenticate_sync([f"bEARER  {issuer.token()}"])


@pytest.mark.parametrize(
    "options",
    [
        {"issuer": "http://auth.example.com"},
        {"issuer": "auth.example.com"},
        {"issuer": "ftp://auth.example.com"},
        {"issuer": "https://user@auth.example.com"},
        {"issuer": "https://auth.example.com", "base_url": "file:///"},
        {"issuer": "https://auth.example.com", "audience": []},
        {"issuer": "https://auth.example.com", "when_stale": "fail_safe"},
        {"issuer": "https://auth.example.com", "leeway": -1},
        {"issuer": "https://auth.example.com", "cache_size": -1},
    ],
)
def test_a_wrong_option_is_told_at_once(options):
    with pytest.raises(ValueError):
        Guard(**options)


@pytest.mark.parametrize("issuer", [None, "", 8000])
def test_a_missing_issuer_is_named_first(issuer):
    for options in ({}, {"audience": "https://api.example.com"}, {"audience": []}):
        with pytest.raises((TypeError, ValueError), match="issuer must be a URL"):
            Guard(issuer, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"issuer": "http://localhost:8000"},
        {"issuer": "http://[::1]:8000"},
        {"issuer": "http://auth.example.com", "base_url": "http://countersign:8000"},
        {"issuer": "https://auth.example.com", "audience": ["a", "b"]},
    ],
)
def test_a_right_option_is_taken(options):
    assert Guard(**options).issuer == options["issuer"]


def test_the_audience_is_the_issuer_if_nothing_else_is_said(issuer, guard):
    assert outcome(guard, issuer.token(aud="https://api.example.com")) == "invalid_token"
    with Guard(issuer.url, audience="https://api.example.com") as other:
        assert outcome(other, issuer.token(aud=["https://api.example.com", "x"])) == "ok"
        assert outcome(other, issuer.token()) == "invalid_token"


def test_a_closed_guard_begins_again(issuer, guard):
    assert outcome(guard, issuer.token()) == "ok"
    thread = guard._live._thread
    guard.close()
    guard.close()
    assert not thread.is_alive()
    assert outcome(guard, issuer.token()) == "ok"


def test_a_forgotten_guard_ends_its_thread(issuer):
    guard = Guard(issuer.url)
    assert outcome(guard, issuer.token()) == "ok"
    thread, forgotten = guard._live._thread, weakref.ref(guard)
    del guard
    gc.collect()
    assert forgotten() is None
    thread.join(20)
    assert not thread.is_alive()


PROGRAM = """
import os, sys
from countersign_guard import Guard
guard = Guard(sys.argv[1])
token = sys.stdin.readline().strip()
print(guard.verify_sync(token).session, flush=True)
"""


def run(issuer, program):
    return subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", program, issuer.url],
        input=issuer.token() + "\n",
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_program_ends_quietly_without_closing_its_guard(issuer):
    done = run(issuer, PROGRAM)
    assert (done.returncode, done.stderr, len(done.stdout.split())) == (0, "", 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_begins_anew_and_leaves_the_parent_alone(issuer):
    # Like a server that loads the application and then forks its workers.
    program = PROGRAM + (
        "child = os.fork()\n"
        "print(guard.verify_sync(token).session, flush=True)\n"
        "if child: assert os.waitpid(child, 0)[1] == 0\n"
    )
    done = run(issuer, program)
    assert (done.returncode, len(set(done.stdout.split())), len(done.stdout.split())) == (0, 1, 3), done.stderr
    assert issuer.requests[KEYS] == 2


@pytest.mark.parametrize(
    "issuer",
    [
        "https://auth.example.com/",
        "https://auth.example.com/auth",
        "https://auth.example.com//",
        "https://auth.example.com:port",
        "https://auth.example.com:99999",
        "https://auth example.com",
        "https://auth.example.com ",
        "https://\u00e4uth.example.com",
        "https://auth.example.com?a=1",
        "https://ada@auth.example.com",
        "http://auth.example.com",
        "auth.example.com",
        "",
    ],
)
def test_an_issuer_that_no_token_can_name_is_refused(issuer):
    with pytest.raises(ValueError, match="URL|issuer|https"):
        Guard(issuer)
    Guard("https://auth.example.com:8443")
