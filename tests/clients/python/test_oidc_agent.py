"""oidc-agent, which keeps the tokens of command-line programs: it signs in with the device flow in a terminal."""

import os
import re
import shlex
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from conftest import PASSWORD, running
from guide import countersign, filled_in, snippets
from oauth_person import Person

GUIDE = ("connect-an-application.md", "A command-line tool")


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def issuer(folder):
    with running(folder, COUNTERSIGN_LIMITS__ENABLED="false") as server:
        yield server


@contextmanager
def agent(folder):
    """Starts the agent, which becomes a daemon, and returns the environment of its programs."""
    programs = Path(os.environ["COUNTERSIGN_TEST_OIDC_AGENT"])
    (folder / ".config/oidc-agent").mkdir(parents=True)
    environment = {
        "HOME": str(folder),
        "PATH": f"{programs}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": str((programs.parent / "libraries").resolve()),
    }
    with (folder / "agent.log").open("w") as log:
        started = subprocess.run(
            ["oidc-agent"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            check=True,
        )
    said = dict(re.findall(r"^(\w+)=([^;]+);", started.stdout, re.MULTILINE))
    try:
        yield environment | {"OIDC_SOCK": said["OIDC_SOCK"]}
    finally:
        os.kill(int(said["OIDCD_PID"]), signal.SIGTERM)


def test_oidc_agent_signs_in_on_a_terminal_and_refreshes_its_token(issuer, folder):
    register, *_, recipe = snippets(*GUIDE, "sh")
    countersign(folder, register)
    user = issuer.register()
    person = Person(issuer.base, user["email"], PASSWORD)
    with agent(folder) as environment:
        command, _ = filled_in(recipe, {"https://auth.example.com": issuer.base}).splitlines()
        unattended = ["--no-save", "--prompt=none", "--confirm-default"]
        pipes = {"env": environment, "stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen([*shlex.split(command), *unattended], stdout=subprocess.DEVNULL, **pipes) as signing_in:
            shown = ""
            while not (code := re.search(r"visit:\n(\S+)\s+And enter the code: (\S+)\n", shown)):
                line = signing_in.stderr.readline()
                assert line, shown
                shown += line
            person.enter_code(*code.groups())
            signing_in.communicate(timeout=60)
            assert signing_in.returncode == 0

        def token(*options):
            command = ["oidc-token", *options, "mytool"]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=30)
            return done.stdout.strip()

        first = token()
        seen = httpx.get(f"{issuer.base}/oauth2/userinfo", headers={"Authorization": f"Bearer {first}"}).json()
        assert seen["sub"] == user["id"]
        # One that is valid for longer than it has left.
        assert token("--time=601") != first
