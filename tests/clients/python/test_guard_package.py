"""The package's name: `countersign` on PyPI is an unrelated project, so ours is `countersign-guard` everywhere."""

import importlib.util
import re
import subprocess
from importlib.metadata import PackageNotFoundError, distribution, entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def test_the_distribution_and_the_import_package_have_one_name():
    files = distribution("countersign-guard").files or []
    modules = {file.parts[0] for file in files if file.suffix == ".py"}
    assert modules == {"countersign_guard"}
    with pytest.raises(PackageNotFoundError):
        distribution("countersign")
    assert importlib.util.find_spec("countersign") is None


def test_the_pytest_plugin_has_the_packages_name():
    plugins = {plugin.value for plugin in entry_points(group="pytest11") if plugin.value.startswith("countersign")}
    assert plugins == {"countersign_guard.testing"}


def test_nothing_installs_or_imports_the_unrelated_package():
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    wrong = re.compile(
        r"^\s*(?:from|import) countersign(?:\s|\.|$)"
        r"|(?:pip3?|pipx|uv|poetry|pdm) (?:install|add|tool install) (?:\S+ )*['\"]?countersign(?![-/\w])"
        r"|^['\"]?countersign\s*(?:\[|[=~<>]=)",
    )
    found = [
        f"{name}:{number}: {line}"
        for name in names.split("\0")
        if re.search(r"\.(py|md|txt|in|html|rs|ftl|yml|sh)$|Dockerfile$", name) and (ROOT / name).is_file()
        for number, line in enumerate((ROOT / name).read_text(errors="replace").splitlines(), 1)
        if wrong.search(line)
    ]
    assert found == []
