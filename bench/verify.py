"""Measures the verification of a token in Python, compared with PyJWT and the bare signature check, in microseconds (best of many
rounds). Called by bench/verify."""

import sys
import time

import jwt
from countersign_guard import Guard
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

ROUNDS, TOKENS = 40, 50
issuer, token = sys.argv[1:]


def best(work):
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(TOKENS):
            work()
        rounds.append((time.perf_counter() - began) / TOKENS)
    return 1e6 * min(rounds)


key = jwt.PyJWKClient(f"{issuer}/.well-known/jwks.json").get_signing_key_from_jwt(token).key
text, signature = token.encode().rsplit(b".", 1)
raw = jwt.utils.base64url_decode(signature)
der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
fresh, remembering = Guard(issuer, cache_size=0), Guard(issuer)
fresh.verify_sync(token)
remembering.verify_sync(token)

bare = best(lambda: key.verify(der, text, ec.ECDSA(SHA256())))
for name, cost in [
    ("Python: the signature alone (cryptography)", bare),
    ("Python: PyJWT", best(lambda: jwt.decode(token, key, algorithms=["ES256"], issuer=issuer, audience=issuer))),
    ("Python: countersign, not remembered", best(lambda: fresh.verify_sync(token))),
    ("Python: countersign, remembered", best(lambda: remembering.verify_sync(token))),
]:
    print(f"{name:<46}{cost:>9.2f}{cost / bare:>9.3f}")
