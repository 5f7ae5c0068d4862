"""The lines of docs/guides/testing.md, pasted into a shell as they stand there, with `countersign dev` running."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[3] / "docs/guides/testing.md"


@pytest.fixture
def issuer():
    program = os.environ["COUNTERSIGN_TEST_BIN"]
    command = [program, "dev", "--listen", "127.0.0.1:0", "--json", "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        yield json.loads(process.stdout.readline())["issuer"]


def test_every_line_of_the_guide_does_what_it_says(issuer):
    users, applications = [block for block in re.findall(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL) if "curl" in block]
    # The expired token is stored in a variable, and ending its session prints nothing.
    ada, bob, new, later, new_year = printed(users, issuer)
    assert ada["scope"] == "products:read products:write"
    assert bob["scope"] == "products:write"
    assert new["expires_in"] == 15 * 60
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", later["now"])
    assert new_year["now"].startswith("2027-01-01T00:00:0")
    client, api = printed(applications, issuer)
    assert client["client_id"] == "app"
    assert "client_secret" not in client
    assert api["identifier"] == "https://api.example.com"


def printed(lines, issuer):
    """Returns the JSON objects that the lines print."""
    script = lines.replace("http://127.0.0.1:8000", issuer).replace("curl -sS", "curl -sS --fail-with-body")
    done = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return list(objects(done.stdout))


def objects(text):
    decoder, rest = json.JSONDecoder(), text.strip()
    while rest:
        value, end = decoder.raw_decode(rest)
        yield value
        rest = rest[end:].lstrip()
