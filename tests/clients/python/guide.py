"""Snippets of a guide, so that what users paste is what the tests run."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

GUIDES = Path(__file__).parents[3] / "docs/guides"


def snippets(guide, heading, language):
    """The snippets of a language under a heading of level 2, in their order."""
    text = (GUIDES / guide).read_text()
    section = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"{guide} has no heading {heading}"
    found = re.findall(rf"^```{language}\n(.*?)^```$", section[1], re.MULTILINE | re.DOTALL)
    assert found, f"{heading} in {guide} has no snippet in {language}"
    return found


def filled_in(snippet, values):
    """The snippet with the values of a test in place of the guide's. Each of the guide's must be there."""
    for old, new in values.items():
        assert old in snippet, f"the snippet does not have {old}:\n{snippet}"
        snippet = snippet.replace(old, new)
    return snippet


def countersign(folder, command):
    """Runs a command line in the server's folder, and returns its output as JSON."""
    name, *words = shlex.split(command)
    assert name == "countersign", command
    # Settings in the environment of the tests do not apply to the program.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    program = os.environ["COUNTERSIGN_TEST_BIN"]
    done = subprocess.run(
        [program, *words, "--json"], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)
