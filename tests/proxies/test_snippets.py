"""Every snippet of the documentation, read by the tool that it is for: nothing here is pasted and fails."""

import ast
import configparser
import json
import re
import shlex
import shutil
import subprocess
import textwrap
from dataclasses import dataclass

import pytest
import yaml

from programs import ROOT, nginx_command, program


@dataclass
class Snippet:
    place: str
    language: str
    text: str


def snippets():
    for name in subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split():
        text = (ROOT / name).read_text()
        for found in re.finditer(r"^( *)```(\S*).*?\n(.*?)^\1```$", text, re.MULTILINE | re.DOTALL):
            line = text.count("\n", 0, found.start()) + 1
            # `rust,no_run`: the part after the comma is for rustdoc.
            yield Snippet(f"{name}:{line}", found[2].partition(",")[0], textwrap.dedent(found[3]))


ALL = list(snippets())


def written_in(*languages):
    found = [snippet for snippet in ALL if snippet.language in languages]
    assert found, f"no snippet is {languages}"
    return pytest.mark.parametrize("snippet", found, ids=lambda snippet: snippet.place)


def checked(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_snippet_says_what_it_is():
    known = {"sh", "toml", "yaml", "json", "ini", "nginx", "caddyfile", "python", "js", "rust", "text", "mermaid"}
    # Compiled by tests of the client, by tests/clients/node/oauth-oidc-client-ts.test.mjs and by tests/pages/guide-authjs.test.mjs.
    known |= {"jsx", "vue", "svelte"}
    assert [snippet.place for snippet in ALL if snippet.language not in known] == []


@written_in("sh")
def test_shell(snippet, countersign):
    checked("sh", "-n", input=snippet.text)
    for line in snippet.text.replace("\\\n", " ").splitlines():
        for command in commands_in(line):
            countersign(command)


def commands_in(line):
    """The command lines of `countersign` in a line of a shell."""
    words = shlex.shlex(line, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    command = []
    for word in [*words, ";"]:
        if word and set(word) <= set("();<>|&"):
            # The user of the same name is not a command.
            if command[:2] == ["sudo", "-u"]:
                command = command[3:]
            if "countersign" in command:
                yield command[command.index("countersign") + 1 :]
            command = []
        else:
            command.append(word)


@pytest.fixture(scope="session")
def countersign():
    """Checks that the program knows a command line: its subcommand, and each of its options."""
    binary = program("bin")
    helps = {}

    def help_of(path):
        if path not in helps:
            helps[path] = checked(binary, *path, "--help")
        return helps[path]

    def check(words):
        path = ()
        for word in words:
            listed = re.search(rf"^ +{re.escape(word)}(\s|$)", help_of(path).partition("Commands:")[2].partition("Options:")[0], re.MULTILINE)
            if not listed:
                break
            path += (word,)
        assert path or not words or words[0].startswith("-"), words
        for option in words:
            if option.startswith("--"):
                assert re.search(rf"{option.partition('=')[0]}\b", help_of(path)), (words, option)

    return check


@written_in("toml")
def test_settings(snippet, tmp_path):
    """As Countersign reads its settings. Files that are named are there."""
    text = snippet.text
    for place in re.findall(r'_file = "([^"]+)"', text):
        (tmp_path / "secret").write_text("smtps://user:password@mail.example.com")
        text = text.replace(place, str(tmp_path / "secret"))
    for logo in ("logo.svg", "logo-dark.svg"):
        (tmp_path / logo).write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    (tmp_path / "countersign.toml").write_text(text)
    shown = checked(program("bin"), "settings", "--json", cwd=tmp_path, env={"PATH": ""})
    assert "countersign.toml" in shown


@written_in("nginx")
def test_nginx(snippet, tmp_path):
    """As `nginx -t` reads it, pasted where the guide says: a whole server into `http`, and what is less into a location."""
    text = snippet.text
    certificate(tmp_path)
    text = text.replace("/etc/ssl/certs/auth.example.com.pem", str(tmp_path / "certificate.pem"))
    text = text.replace("/etc/ssl/private/auth.example.com.key", str(tmp_path / "key.pem"))
    if "server {" not in text:
        text = "server { listen 127.0.0.1:8080; location / { " + text + " } }"
    kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    places = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
    around = f"pid {tmp_path}/nginx.pid; error_log stderr; events {{}} http {{ access_log off; {places} {text} }}"
    (tmp_path / "nginx.conf").write_text(around)
    checked(*nginx_command(tmp_path), "-t")


def certificate(folder):
    request = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=auth.example.com"]
    checked(*request, "-keyout", folder / "key.pem", "-out", folder / "certificate.pem")


@written_in("caddyfile")
def test_caddy(snippet, tmp_path):
    (tmp_path / "Caddyfile").write_text(snippet.text)
    homes = dict.fromkeys(["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"], str(tmp_path))
    checked(program("caddy"), "validate", "--config", tmp_path / "Caddyfile", "--adapter", "caddyfile", env=homes)


@written_in("ini")
def test_units(snippet, tmp_path):
    """Each part that begins with the name of its file, as systemd reads it."""
    parts = re.split(r"^# (\S+\.(?:service|timer))\n", snippet.text, flags=re.MULTILINE)[1:]
    assert parts, "no name of a unit stands in front"
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        unit = configparser.RawConfigParser(strict=False, delimiters=["="])
        unit.optionxform = str
        unit.read_string(text)
        if name.endswith(".service"):
            # The real program is not installed here.
            text = re.sub(r"^(ExecStart=)\S+", r"\1/bin/true", text, flags=re.MULTILINE)
        (tmp_path / name).write_text(text)
    if shutil.which("systemd-analyze"):
        checked("systemd-analyze", "verify", "--man=no", *[tmp_path / name for name in parts[::2]])


@written_in("yaml")
def test_yaml(snippet):
    assert yaml.safe_load(snippet.text)


@written_in("json")
def test_json(snippet):
    assert json.loads(snippet.text)


@written_in("python")
def test_python(snippet):
    ast.parse(snippet.text)


@written_in("js")
def test_js(snippet, tmp_path):
    (tmp_path / "snippet.mjs").write_text(snippet.text)
    checked("node", "--check", tmp_path / "snippet.mjs")


@pytest.mark.parametrize(("guide", "example"), [("single-page-app", "spa-react"), ("nextjs", "nextjs")])
def test_a_guide_shows_its_example(guide, example):
    """A block that names a file of the example in its first line is a part of it, word for word. The example is run by
    tests/pages."""
    shown = [snippet for snippet in ALL if f"guides/{guide}.md" in snippet.place and snippet.text.startswith("// ")]
    assert len(shown) >= 4
    for snippet in shown:
        name, _, text = snippet.text.partition("\n")
        whole = textwrap.dedent((ROOT / "examples" / example / name.removeprefix("// ")).read_text())
        assert flat(text) in flat(whole), snippet.place


def flat(text):
    """Without indentation, which a part of a file has in front."""
    return "\n".join(line.strip() for line in text.strip().splitlines())


@written_in("rust")
def test_rust(snippet):
    """rustfmt reads it as the compiler does. What a snippet does, the tests of its package try."""
    around = snippet.text if "fn main" in snippet.text else f"async fn snippet() {{\n{snippet.text}\n}}\n"
    checked("rustfmt", "--edition", "2024", "--emit", "stdout", input=around)
