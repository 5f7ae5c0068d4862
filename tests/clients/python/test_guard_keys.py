"""The key set: fetched seldom, and kept whatever the issuer does."""

import asyncio
import gzip
import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from conftest import eventually
from countersign_guard import Guard
from countersign_guard.key_set import KeySet
from countersign_guard.options import Options
from countersign_guard.transport import Reply

from guard_issuer import KEYS, METADATA, FakeIssuer, SigningKey, dropping, hanging, saying
from guard_support import outcome


@pytest.fixture
def issuer():
    with FakeIssuer() as issuer:
        yield issuer


@pytest.fixture
def guard(issuer):
    with Guard(issuer.url) as guard:
        yield guard


def stranger(issuer):
    return issuer.token(key=SigningKey())


def test_nothing_is_asked_before_the_first_token(issuer, guard):
    assert guard.issuer == issuer.url
    assert not issuer.requests


def test_a_thousand_unknown_keys_cause_one_fetch(issuer, guard):
    assert outcome(guard, issuer.token()) == "ok"
    assert issuer.requests[KEYS] == 1
    tokens = [stranger(issuer) for _ in range(1000)]
    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(lambda token: outcome(guard, token), tokens)) == {"invalid_token"}
    assert issuer.requests[KEYS] == 2
    assert issuer.requests[METADATA] == 1


def test_a_thousand_unknown_keys_at_the_start_cause_one_fetch(issuer, guard):
    tokens = [stranger(issuer) for _ in range(1000)]
    with ThreadPoolExecutor(32) as pool:
        assert set(pool.map(lambda token: outcome(guard, token), tokens)) == {"invalid_token"}
    assert issuer.requests[KEYS] == 1


def test_whoever_asks_in_the_moment_a_fetch_ends_causes_no_other():
    """Between the end of a fetch and the waking of those who wait for it, the event loop may run another task."""
    published = {"keys": [SigningKey().public()]}

    class Transport:
        fetches = 0

        async def get(self, url, **_):
            if url.endswith(METADATA):
                return answer({"issuer": issuer, "jwks_uri": f"{issuer}{KEYS}"})
            self.fetches += 1
            late.append(asyncio.ensure_future(keys.want("the late one's")))
            return answer(published)

    def answer(content):
        return Reply(200, httpx.Headers(), json.dumps(content).encode())

    async def ask():
        await keys.want("the first one's")
        await late[0]

    issuer, late, transport = "https://auth.example.com", [], Transport()
    keys = KeySet(Options(issuer=issuer, audience=frozenset({issuer})), transport)
    asyncio.run(ask())
    assert transport.fetches == 1


def test_a_new_key_is_found_at_once(issuer, guard):
    assert outcome(guard, issuer.token()) == "ok"
    new = SigningKey()
    issuer.published.append(new)
    assert outcome(guard, issuer.token(key=new)) == "ok"
    assert issuer.requests[KEYS] == 2


def test_after_the_cooldown_unknown_keys_are_asked_for_again(issuer):
    with Guard(issuer.url, unknown_key_cooldown=0) as guard:
        for _ in range(3):
            assert outcome(guard, stranger(issuer)) == "invalid_token"
        assert issuer.requests[KEYS] == 3


def test_a_remembered_token_dies_with_its_key(issuer):
    with Guard(issuer.url, unknown_key_cooldown=0) as guard:
        token = issuer.token()
        assert outcome(guard, token) == "ok"
        issuer.published = [SigningKey()]
        # A token with an unknown key causes the set to be fetched, which no longer contains the old key.
        assert outcome(guard, stranger(issuer)) == "invalid_token"
        assert outcome(guard, token) == "invalid_token"


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(saying("<html>Welcome</html>", Content_Type="text/html"), id="HTML"),
        pytest.param(saying("[" * 100_000), id="nested"),
        pytest.param(saying({"keys": []}), id="empty"),
        pytest.param(saying({"keys": "none"}), id="no list"),
        pytest.param(saying({"keys": [1, {"kty": "oct", "k": "AAAA", "kid": "a"}]}), id="kty"),
        pytest.param(saying({"keys": [SigningKey().public() | {"kid": 1}]}), id="no kid"),
        pytest.param(saying({"keys": [SigningKey().public() | {"x": "AA"}]}), id="no point"),
        pytest.param(saying(b" " * (10 << 20)), id="10 MB"),
        pytest.param(saying({"keys": [SigningKey().public()], "more": " " * (256 << 10)}), id="over 256 KiB"),
        pytest.param(saying(gzip.compress(b"{}"), Content_Encoding="gzip"), id="compressed"),
        pytest.param(saying({"keys": [SigningKey().public()]}, status=500), id="500"),
        pytest.param(saying("", status=302, Location="/other"), id="redirect"),
        pytest.param(saying(b"\xff\xfe"), id="no UTF-8"),
        pytest.param(dropping, id="dropped"),
    ],
)
def test_a_lie_changes_nothing(issuer, lie):
    with Guard(issuer.url, unknown_key_cooldown=0) as guard:
        token = issuer.token()
        assert outcome(guard, token) == "ok"
        issuer.lies[KEYS] = lie
        assert outcome(guard, stranger(issuer)) == "invalid_token"
        assert issuer.requests[KEYS] >= 2
        assert outcome(guard, token) == outcome(guard, issuer.token()) == "ok"
        assert issuer.requests["/other"] == 0
        new = SigningKey()
        issuer.published.append(new)
        issuer.lies.clear()
        eventually(lambda: outcome(guard, issuer.token(key=new)), "ok")


@pytest.mark.parametrize("path", [METADATA, KEYS])
def test_an_issuer_that_hangs_does_not_delay_tokens_of_known_keys(issuer, path, monkeypatch):
    monkeypatch.setattr("countersign_guard.key_set.SECONDS", 0.5)
    token = issuer.token()
    with Guard(issuer.url, unknown_key_cooldown=0) as guard:
        issuer.lies[path] = hanging
        assert outcome(guard, token) == "unavailable"
        issuer.lies.clear()
        eventually(lambda: outcome(guard, token), "ok")
        issuer.lies[KEYS] = hanging
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(outcome, guard, stranger(issuer))
            assert outcome(guard, token) == "ok"
            assert waiting.result() == "invalid_token"


def test_a_reply_that_drips_is_given_up(issuer, monkeypatch):
    monkeypatch.setattr("countersign_guard.key_set.SECONDS", 0.5)

    def dripping(handler):
        handler.send_response(200)
        handler.end_headers()
        while not handler.server.stopped:
            handler.wfile.write(b" ")

    issuer.lies[METADATA] = dripping
    with Guard(issuer.url) as guard:
        assert outcome(guard, issuer.token()) == "unavailable"


@pytest.mark.parametrize("change", [{"issuer": "http://127.0.0.1:1"}, {"issuer": None}, {"jwks_uri": None}])
def test_metadata_of_another_issuer_is_not_believed(issuer, guard, change):
    metadata = {"issuer": issuer.url, "jwks_uri": issuer.url + KEYS} | change
    issuer.lies[METADATA] = saying(metadata)
    assert outcome(guard, issuer.token()) == "unavailable"
    assert issuer.requests[KEYS] == 0


@pytest.mark.parametrize("uri", ["http://192.0.2.1/keys", "file:///etc/passwd", "ftp://127.0.0.1/keys", "/keys"])
def test_keys_are_not_fetched_from_just_anywhere(issuer, guard, uri):
    issuer.lies[METADATA] = saying({"issuer": issuer.url, "jwks_uri": uri})
    assert outcome(guard, issuer.token()) == "unavailable"


def test_a_guard_is_made_while_the_issuer_is_down(issuer):
    issuer.stop()
    token = issuer.token()
    with Guard(issuer.url) as guard:
        assert outcome(guard, token) == "unavailable"
        issuer.start()
        eventually(lambda: outcome(guard, token), "ok")


def test_keys_are_renewed_before_their_time_is_over(issuer, monkeypatch):
    monkeypatch.setattr("countersign_guard.key_set._lifetime", lambda _: 0.05)
    with Guard(issuer.url) as guard:
        assert outcome(guard, issuer.token()) == "ok"
        new = SigningKey()
        issuer.published.append(new)
        seen = issuer.requests[KEYS]
        eventually(lambda: issuer.requests[KEYS] > seen + 2, True)
        seen = issuer.requests[METADATA]
        assert outcome(guard, issuer.token(key=new)) == "ok"
        assert issuer.requests[METADATA] == seen == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("public, max-age=300", 300),
        ("max-age=1", 10),
        ("max-age=999999999", 86400),
        ("no-cache", 300),
        ("s-maxage=20", 300),
        ('max-age="600"', 600),
    ],
)
def test_how_long_keys_are_kept(header, seconds):
    import httpx
    from countersign_guard.key_set import _lifetime
    from countersign_guard.transport import Reply

    assert _lifetime(Reply(200, httpx.Headers({"Cache-Control": header}), b"")) == seconds


def test_an_issuer_under_another_name_is_named(issuer, guard, caplog):
    said = {"issuer": "http://localhost:1/\n\x1b[31m" + "x" * 200, "jwks_uri": f"{issuer.url}{KEYS}"}
    issuer.lies[METADATA] = saying(said)
    assert outcome(guard, issuer.token()) == "unavailable"
    shown = "http://localhost:1/??[31m" + "x" * 75 + "..."
    reason = f"the server at {issuer.url} says that its issuer is {shown}: configure that as the issuer"
    logged = [record.getMessage() for record in caplog.records if record.name == "countersign_guard"]
    assert logged == [f"failed to fetch the key set of {issuer.url}, will retry: {reason}"]


def test_metadata_without_an_issuer_says_so(issuer, guard, caplog):
    issuer.lies[METADATA] = saying({"jwks_uri": f"{issuer.url}{KEYS}"})
    assert outcome(guard, issuer.token()) == "unavailable"
    assert "the metadata has no issuer" in caplog.text
