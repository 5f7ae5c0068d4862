"""Revoked tokens, and what happens when it is unknown whether a token is revoked."""

import time

import pytest
from conftest import eventually
from countersign_guard import Guard, Revoked

from guard_issuer import LISTS, FakeIssuer, SigningKey, dropping, hanging, saying
from guard_support import Clock, outcome, stopped

LIST = f"{LISTS}1"


@pytest.fixture
def issuer():
    with FakeIssuer() as issuer:
        yield issuer


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def guard_with(issuer, clock):
    guards = []

    def make(**options):
        guards.append(Guard(issuer.url, now=clock, **options))
        return guards[-1]

    yield make
    for guard in guards:
        guard.close()


@pytest.fixture(params=["serve_until_expiry", "fail_open", "fail_closed"])
def policy(request):
    return request.param


def test_a_revoked_token_is_refused_while_the_request_is_held(issuer, guard_with):
    guard, token, other = guard_with(), issuer.token(idx=9), issuer.token(idx=8)
    assert outcome(guard, token) == "ok"
    issuer.wait_until_followed()
    asked = issuer.requests[LIST]
    issuer.revoke(9)
    eventually(lambda: outcome(guard, token), "invalid_token")
    with pytest.raises(Revoked):
        guard.verify_sync(token)
    assert outcome(guard, other) == "ok"
    # The held request returned the change, and another one is held now.
    issuer.wait_until_followed()
    assert issuer.requests[LIST] == asked + 1


def test_many_tokens_of_a_list_cause_one_fetch(issuer, guard_with):
    guard = guard_with()
    assert {outcome(guard, issuer.token(idx=idx)) for idx in range(50)} == {"ok"}
    issuer.wait_until_followed()
    assert issuer.requests[LIST] == 2  # One that is answered, one that is held.


def test_what_was_revoked_while_the_issuer_was_away_is_known_when_it_is_back(issuer, guard_with, policy):
    guard, token, other = guard_with(when_stale=policy), issuer.token(idx=3), issuer.token(idx=4)
    assert outcome(guard, token) == outcome(guard, other) == "ok"
    with stopped(issuer):
        issuer.revoke(3)
        assert outcome(guard, token) == "ok"  # The list that is held is fresh enough under each policy.
    eventually(lambda: outcome(guard, token), "invalid_token")
    assert outcome(guard, other) == "ok"


def test_nothing_revoked_becomes_valid_again(issuer, guard_with, policy, clock):
    guard, token = guard_with(when_stale=policy), issuer.token(idx=3, exp=int(time.time()) + 10**7)
    issuer.revoke(3)
    assert outcome(guard, token) == "invalid_token"
    # A node that lags behind, or one that was reset.
    issuer.arrays["1"], issuer.versions["1"] = bytearray(16), 1
    asked = issuer.requests[LIST]
    issuer.stop()
    issuer.start()
    eventually(lambda: issuer.requests[LIST] > asked + 2, True)
    assert outcome(guard, token) == "invalid_token"
    clock.offset = 10**6
    assert outcome(guard, token) == "invalid_token"


def test_a_list_serves_until_it_expires(issuer, guard_with, clock):
    guard, token = guard_with(), issuer.token(exp=int(time.time()) + 10**5)
    assert outcome(guard, token) == "ok"
    with stopped(issuer):
        clock.offset = 3500
        assert outcome(guard, token) == "ok"
        clock.offset = 3600 + 31
        assert outcome(guard, token) == "unavailable"
    issuer.list_lifetime = 10**5
    eventually(lambda: outcome(guard, token), "ok")


def test_after_a_sleep_a_new_list_is_asked_for_while_the_request_is_still_held(issuer, guard_with, clock):
    guard, token = guard_with(), issuer.token(exp=int(time.time()) + 10**5)
    assert outcome(guard, token) == "ok"
    issuer.wait_until_followed()
    issuer.list_lifetime = 10**5
    clock.offset = 7200
    asked = issuer.requests[LIST]
    assert {outcome(guard, token) for _ in range(5)} == {"ok"}
    assert issuer.requests[LIST] == asked + 1


def test_an_issuer_that_hangs_after_a_sleep_is_asked_once(issuer, guard_with, clock, monkeypatch):
    guard, token = guard_with(), issuer.token(exp=int(time.time()) + 10**5)
    assert outcome(guard, token) == "ok"
    issuer.wait_until_followed()
    monkeypatch.setattr("countersign_guard.followed_list.SECONDS", 0.3)
    issuer.lies[LIST] = hanging
    clock.offset = 7200
    asked = issuer.requests[LIST]
    assert {outcome(guard, token) for _ in range(5)} == {"unavailable"}
    assert issuer.requests[LIST] == asked + 1


def test_fail_open_goes_on_without_a_list(issuer, guard_with, clock):
    guard, token = guard_with(when_stale="fail_open"), issuer.token(exp=int(time.time()) + 10**5)
    issuer.lies[LIST] = dropping
    assert outcome(guard, token) == "ok"
    issuer.lies.clear()
    eventually(lambda: issuer.waiting["1"], 1)
    with stopped(issuer):
        clock.offset = 3600 + 31
        assert outcome(guard, token) == "ok"


def test_fail_closed_trusts_a_list_for_its_ttl_and_ten_seconds(issuer, guard_with, clock):
    guard, token = guard_with(when_stale="fail_closed"), issuer.token()
    assert outcome(guard, token) == "ok"
    with stopped(issuer):
        clock.offset = issuer.ttl + 5
        assert outcome(guard, token) == "ok"
        clock.offset = issuer.ttl + 15
        assert outcome(guard, token) == "unavailable"
    eventually(lambda: outcome(guard, token), "ok")


@pytest.mark.parametrize("policy", ["serve_until_expiry", "fail_closed"])
def test_without_a_list_all_tokens_are_refused(issuer, guard_with, policy):
    guard, token = guard_with(when_stale=policy), issuer.token()
    issuer.lies[LIST] = saying("", status=404)
    assert outcome(guard, token) == "unavailable"
    issuer.lies.clear()
    eventually(lambda: outcome(guard, token), "ok")


def test_a_list_that_hangs_is_waited_for_once(issuer, guard_with, monkeypatch):
    monkeypatch.setattr("countersign_guard.followed_list.SECONDS", 0.5)
    issuer.lies[LIST] = hanging
    guard = guard_with()
    assert outcome(guard, issuer.token()) == "unavailable"
    monkeypatch.setattr("countersign_guard.followed_list.SECONDS", 60)
    eventually(lambda: issuer.requests[LIST], 2)
    # The second attempt hangs for a minute; no request waits for it.
    assert {outcome(guard, issuer.token()) for _ in range(50)} == {"unavailable"}
    assert issuer.requests[LIST] == 2


def lies():
    def forged(issuer):
        return SigningKey(issuer.key.kid).sign({"iss": issuer.url}, "statuslist+jwt")

    def lie(name, make):
        return pytest.param(make, id=name)

    return [
        lie("nonsense", lambda issuer: "nonsense"),
        lie("no ASCII", lambda issuer: b"\xff"),
        lie("forged", forged),
        lie("an access token", lambda issuer: issuer.token()),
        lie("another list", lambda issuer: issuer.signed_list("1", sub=issuer.list_uri("2"))),
        lie("another issuer", lambda issuer: issuer.signed_list("1", iss="http://127.0.0.1:1")),
        lie("expired", lambda issuer: issuer.signed_list("1", exp=1)),
        lie("without version", lambda issuer: issuer.signed_list("1", version=None)),
        lie("over 4 MiB", lambda issuer: "a" * ((4 << 20) + 1)),
    ]


@pytest.mark.parametrize("lie", lies())
def test_a_lie_changes_nothing(issuer, guard_with, lie):
    guard, token = guard_with(), issuer.token(idx=1)
    assert outcome(guard, token) == "ok"
    issuer.wait_until_followed()
    issuer.lies[LIST] = saying(lie(issuer))
    asked = issuer.requests[LIST]
    issuer.revoke(2)  # Ends the held request; the next one is lied to.
    eventually(lambda: issuer.requests[LIST] > asked + 1, True)
    assert outcome(guard, token) == "ok"
    assert outcome(guard, issuer.token(idx=2)) == "invalid_token"
    issuer.revoke(1)
    issuer.lies.clear()
    eventually(lambda: outcome(guard, token), "invalid_token")


@pytest.mark.parametrize("content", [{"bits": 3, "lst": "eNrbuRgAAhcBXQ"}, {"bits": 1, "lst": "AAAA"}, {"bits": 1}])
def test_with_an_unusable_list_all_tokens_are_refused(issuer, guard_with, policy, content):
    guard, token = guard_with(when_stale=policy), issuer.token()
    issuer.lies[LIST] = saying(issuer.signed_list("1", status_list=content))
    assert outcome(guard, token) == "invalid_token"
    issuer.lies.clear()
    eventually(lambda: outcome(guard, token), "ok")


def test_a_place_outside_of_the_list_is_refused(issuer, guard_with, policy):
    guard = guard_with(when_stale=policy)
    assert outcome(guard, issuer.token(idx=127)) == "ok"
    assert outcome(guard, issuer.token(idx=128)) == "invalid_token"


def test_a_list_at_another_origin_is_never_asked_for(issuer, guard_with, policy):
    with FakeIssuer() as other:
        token = issuer.token(status={"status_list": {"idx": 0, "uri": other.list_uri()}})
        assert outcome(guard_with(when_stale=policy), token) == "invalid_token"
        assert not other.requests


def test_a_token_without_status_is_let_in_only_if_that_is_wanted(issuer, guard_with):
    token = issuer.token(status=None)
    assert outcome(guard_with(), token) == "invalid_token"
    assert outcome(guard_with(require_status=False), token) == "ok"
    # Its content must still be consistent.
    assert outcome(guard_with(require_status=False), issuer.token(status={})) == "invalid_token"
    issuer.revoke(5)
    assert outcome(guard_with(require_status=False), issuer.token(idx=5)) == "invalid_token"


def test_a_server_that_does_not_hold_requests_is_not_asked_in_a_circle(issuer, guard_with, monkeypatch):
    pauses = []
    monkeypatch.setattr("countersign_guard.pace.Pace.idle", lambda pace: pauses.append(1) or 0.001)
    issuer.lies[LIST] = lambda handler: (
        handler.status_list(issuer, "1") if not handler.headers["Prefer"] else (handler.answer("", 304))
    )
    assert outcome(guard_with(), issuer.token()) == "ok"
    eventually(lambda: len(pauses) > 5, True)
    # One response with the list; a pause after each of the others.
    assert issuer.requests[LIST] <= len(pauses) + 2


def test_as_many_lists_are_followed_as_are_allowed(guard_with, monkeypatch):
    monkeypatch.setattr("countersign_guard.issuer.MOST_LISTS", 3)
    names = [str(number) for number in range(1, 6)]
    with FakeIssuer(names) as issuer, Guard(issuer.url) as guard:
        for name in names:
            assert outcome(guard, issuer.token(name=name)) == "ok"
        eventually(lambda: len(guard._live._lists), 3)
        # A list that was dropped is fetched again.
        issuer.revoke(1, "1")
        assert outcome(guard, issuer.token(name="1", idx=1)) == "invalid_token"


def test_a_list_that_no_token_names_is_dropped(issuer, guard_with, monkeypatch):
    guard = guard_with()
    assert outcome(guard, issuer.token()) == "ok"
    issuer.wait_until_followed()
    monkeypatch.setattr("countersign_guard.followed_list.FORGOTTEN_AFTER", 0)
    issuer.revoke(1)
    eventually(lambda: len(guard._live._lists), 0)
    monkeypatch.undo()
    assert outcome(guard, issuer.token(idx=1)) == "invalid_token"
