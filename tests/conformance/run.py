"""Runs our test plans in an OpenID conformance suite that is running, and compares the results with expected.json. Start
Countersign with serve.py before. docs/conformance.md says how to do both, and has the last results.

    run.py [--write] [PLAN…]    with --write, the results are written to docs/conformance.md and expected.json

CONFORMANCE_SERVER says where the suite runs (https://localhost:8443).

The suite records the source of each page that a person has to review. With CHROMIUM, the path of that browser, each of them is
uploaded as a picture too. The pictures are kept in CONFORMANCE_PICTURES, a folder, if that is set.
"""

import base64
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SUITE = os.environ.get("CONFORMANCE_SERVER", "https://localhost:8443").rstrip("/")
ISSUER = os.environ.get("CONFORMANCE_ISSUER", "https://countersign.test:9443")
# A suite for development has a certificate of its own.
CONTEXT = ssl._create_unverified_context()
STATIC = {"server_metadata": "discovery", "client_registration": "static_client"}
CODE = {"response_type": "code", "client_registration": "static_client"}
# Each plan: its name in the suite, its file here, and its variant.
PLANS = {
    "config": ("oidcc-config-certification-test-plan", "openid", {}),
    "basic": ("oidcc-basic-certification-test-plan", "openid", STATIC),
    "form-post": ("oidcc-formpost-basic-certification-test-plan", "form-post", STATIC),
    "rp-initiated-logout": ("oidcc-rp-initiated-logout-certification-test-plan", "logout", CODE),
    "back-channel-logout": ("oidcc-backchannel-rp-initiated-logout-certification-test-plan", "backchannel", CODE),
}
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->\n"


def ask(method, path, query=None, body=None):
    url = f"{SUITE}/api/{path}"
    if query:
        url += "?" + urllib.parse.urlencode(query)
    request = urllib.request.Request(url, method=method, data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, context=CONTEXT, timeout=60) as answer:
        return json.load(answer)


def run(plan):
    """Runs a plan and returns the result of each module."""
    name, file, variant = PLANS[plan]
    query = {"planName": name}
    if variant:
        query["variant"] = json.dumps(variant)
    created = ask("POST", "plan", query, (HERE / f"plans/{file}.json").read_bytes())
    results = {}
    for module in created["modules"]:
        query = {"test": module["testModule"], "plan": created["id"]}
        if module.get("variant"):
            query["variant"] = json.dumps(module["variant"])
        number = ask("POST", "runner", query)["id"]
        result, remarks = outcome(number)
        results[module["testModule"]] = result
        if chromium := os.environ.get("CHROMIUM"):
            upload_pictures(chromium, plan, module["testModule"], number)
        print(f"{plan}  {module['testModule']}  {result}  {SUITE}/log-detail.html?log={number}", flush=True)
        for remark in remarks:
            print(f"    {remark}", flush=True)
    return results


def outcome(number):
    """Waits for a module, and returns its result, and what it found fault with."""
    for _ in range(600):
        info = ask("GET", f"info/{number}")
        if info["status"] in ("FINISHED", "INTERRUPTED"):
            break
        time.sleep(0.5)
    faults = [
        f"{entry['result']}: {entry.get('src')}: {entry.get('msg')}"
        for entry in ask("GET", f"log/{number}")
        if entry.get("result") in ("FAILURE", "WARNING")
    ]
    return info.get("result") if info["status"] == "FINISHED" else info["status"], faults


def upload_pictures(chromium, plan, module, number):
    """Uploads a picture of each page that a module recorded, as Chromium shows it."""
    pages = [entry["page_source"] for entry in ask("GET", f"log/{number}") if entry.get("page_source")]
    for at, page in enumerate(pages, 1):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(os.environ.get("CONFORMANCE_PICTURES", temporary))
            folder.mkdir(parents=True, exist_ok=True)
            picture = folder / f"{plan}-{module}-{at}.png"
            source = Path(temporary) / "page.html"
            # The page was recorded without the files that it loads.
            source.write_text(page.replace("<head>", f'<head><base href="{ISSUER}/">', 1))
            command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"]
            command += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
            command += ["--ignore-certificate-errors", f"--user-data-dir={temporary}/profile", "--window-size=700,900"]
            subprocess.run([*command, f"--screenshot={picture}", source.as_uri()], check=True, capture_output=True)
            encoded = base64.b64encode(picture.read_bytes()).decode()
            ask("POST", f"log/{number}/images", body=f"data:image/png;base64,{encoded}".encode())


def report(results):
    """The results as text of docs/conformance.md."""
    version = ask("GET", "server")["version"]
    commit = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    lines = [f"Suite {version}, {datetime.now(UTC):%Y-%m-%d}, Countersign at commit {commit.strip()}.", ""]
    lines += ["| Plan | Modules | Passed | Review | Skipped | Warnings | Failed |", "|---|---|---|---|---|---|---|"]
    for plan, modules in results.items():
        counts = [sum(value == kind for value in modules.values()) for kind in ("PASSED", "REVIEW", "SKIPPED", "WARNING")]
        row = [f"`{PLANS[plan][0]}`", len(modules), *counts, len(modules) - sum(counts)]
        lines.append("| " + " | ".join(map(str, row)) + " |")
    for plan, modules in results.items():
        lines += ["", f"### {PLANS[plan][0]}", "", "| Module | Result |", "|---|---|"]
        lines += [f"| `{module}` | {result.lower()} |" for module, result in modules.items()]
    return "\n".join(lines) + "\n"


def main():
    wanted = [plan for plan in PLANS if not sys.argv[1:] or plan in sys.argv or sys.argv[1:] == ["--write"]]
    results = {plan: run(plan) for plan in wanted}
    expected_file = HERE / "expected.json"
    if "--write" in sys.argv:
        document = ROOT / "docs/conformance.md"
        before, rest = document.read_text().split(BEGIN)
        document.write_text(before + BEGIN + report(results) + END + rest.split(END)[1])
        expected_file.write_text(json.dumps(results, indent=2) + "\n")
    expected = json.loads(expected_file.read_text()) if expected_file.exists() else {plan: {} for plan in PLANS}
    differences = [
        f"{plan}: {module}: expected {expected[plan].get(module)}, got {result}"
        for plan, modules in results.items()
        for module, result in modules.items()
        if expected[plan].get(module) != result
    ]
    print("\n".join(differences) or "All results are as expected.")
    sys.exit(bool(differences))


if __name__ == "__main__":
    main()
