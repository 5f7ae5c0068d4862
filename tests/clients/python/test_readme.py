"""The README's quick start, pasted into a shell as it stands there."""

import json
import re
import subprocess
from pathlib import Path

README = Path(__file__).parents[3] / "README.md"


def test_the_three_lines_sign_up_sign_in_and_call_a_protected_route(server):
    [lines] = [block for block in re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL) if "/register" in block]
    assert "http://127.0.0.1:8000" in lines
    script = lines.replace("http://127.0.0.1:8000", server.base)
    done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    # The first line shows the created account, the last one the account that signed in.
    decoder, account, rest = json.JSONDecoder(), None, done.stdout.strip()
    account, end = decoder.raw_decode(rest)
    me = json.loads(rest[end:])
    assert (me["id"], me["email"]) == (account["id"], "ada@example.com")
