"""Under gevent, all threads are one, and only one event loop can run in it. Every wait has an end."""

import subprocess
import sys

import pytest

from guard_issuer import FakeIssuer

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import sys
from countersign_guard import Denied, Guard

def outcome(guard):
    try:
        guard.verify_sync(sys.argv[2])
    except Denied as denied:
        return denied.status
    return 200

guards = [Guard(sys.argv[1]) for _ in range(3)]
print([outcome(guard) for guard in guards + guards])
"""


def test_several_guards_answer_and_do_not_hang():
    pytest.importorskip("gevent")
    with FakeIssuer() as issuer:
        command = [sys.executable, "-c", PROGRAM, issuer.url, issuer.token()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[200, 503, 503, 200, 503, 503]", done.stdout + done.stderr
