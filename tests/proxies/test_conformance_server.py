"""`tests/conformance/serve.py`: the server for the OpenID conformance suite and nginx end with it."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from programs import free_port

SERVE = Path(__file__).parents[1] / "conformance/serve.py"


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_the_server_and_nginx_end_with_the_program(by):
    port = free_port()
    environment = os.environ | {"CONFORMANCE_ISSUER": f"https://localhost:{port}"}
    # A shell that starts the tests in the background makes them ignore SIGINT.
    heed = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    program = subprocess.Popen([sys.executable, SERVE], env=environment, stdout=subprocess.PIPE, text=True, preexec_fn=heed)
    try:
        assert any("is ready" in line for line in program.stdout)
        assert is_open(port) and is_open(8100)
        program.send_signal(by)
        # It has nothing more to say, and neither have the other two.
        program.communicate(timeout=30)
        assert not is_open(port) and not is_open(8100)
    finally:
        program.kill()
        program.wait()
