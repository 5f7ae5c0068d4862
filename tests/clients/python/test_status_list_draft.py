"""Our status lists, read by a reader that is not ours.

`token-status-list` from PyPI unpacks the array (it is of draft-02, whose format of the array is that of today, and it
verifies nothing); the rest is written here from draft-ietf-oauth-status-list alone, and shares no line with our guards.
"""

import httpx
import jwt
import pytest
import test_guard_server  # noqa: F401 - it says where the program is
from guard_issuer import FakeIssuer
from token_status_list import BitArray


def states(issuer, uri):
    """All states of the list at `uri`, after every check of §8.3; with the answer that it came in."""
    answer = httpx.get(uri, headers={"Accept": "application/statuslist+jwt"})  # §8.1
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/statuslist+jwt"  # §8.2
    metadata = httpx.get(f"{issuer}/.well-known/oauth-authorization-server").json()
    key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(answer.text).key
    # §5.1: typ; sub, iat and status_list are required, exp and ttl recommended.
    required = {"require": ["sub", "iat", "status_list", "exp", "ttl"]}
    token = jwt.decode_complete(answer.text, key, algorithms=["ES256"], issuer=issuer, subject=uri, options=required)
    claims, content = token["payload"], token["payload"]["status_list"]
    assert token["header"]["typ"] == "statuslist+jwt"
    assert isinstance(claims["ttl"], int) and claims["ttl"] > 0
    assert content.keys() <= {"bits", "lst", "aggregation_uri"} and content["bits"] in (1, 2, 4, 8)  # §4.2
    array = BitArray.from_b64(content["bits"], content["lst"])
    return [array[idx] for idx in range(len(array))], answer


def place(token):
    """Where a token's state stands (§6.2)."""
    return jwt.decode(token, options={"verify_signature": False})["status"]["status_list"]


@pytest.fixture
def ours(countersign_server):
    token = countersign_server.token()
    return countersign_server.issuer, token.access_token, lambda: countersign_server.revoke(token)


@pytest.fixture
def fake():
    with FakeIssuer() as issuer:
        yield issuer.url, issuer.token(idx=77), lambda: issuer.revoke(77)


@pytest.mark.parametrize("who", ["ours", "fake"])
def test_a_revocation_sets_the_token_s_own_state_and_no_other(request, who):
    issuer, token, revoke = request.getfixturevalue(who)
    uri, idx = place(token)["uri"], place(token)["idx"]
    before, _ = states(issuer, uri)
    assert before[idx] == 0  # §7.1: VALID
    revoke()
    after, answer = states(issuer, uri)
    changed = [place for place in range(len(after)) if before[place] != after[place]]
    assert (changed, after[idx]) == ([idx], 1)  # §7.1: INVALID
    same = httpx.get(uri, headers={"If-None-Match": answer.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
