"""Starts Countersign as the test plans of the OpenID conformance suite need it: behind TLS, with their clients, and with an
account that has every standard claim. It runs until it is interrupted or terminated. docs/conformance.md says how to run
the plans.

    COUNTERSIGN_TEST_BIN     the program of the server
    COUNTERSIGN_TEST_NGINX   nginx, which adds TLS
    CONFORMANCE_SERVER       where the suite runs (https://localhost:8443)
    CONFORMANCE_ISSUER       where Countersign runs (https://countersign.test:9443); its host must be this machine
    CONFORMANCE_CERTIFICATE  a PEM file with the suite's certificate, if the system does not trust it: the suite gets
                             logout tokens over TLS
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/clients/python"))
from conftest import wait_until_listening, wait_until_ready  # noqa: E402

SUITE = os.environ.get("CONFORMANCE_SERVER", "https://localhost:8443").rstrip("/")
ISSUER = os.environ.get("CONFORMANCE_ISSUER", "https://countersign.test:9443")
PORT = 8100
EMAIL = "ada@example.com"
PASSWORD = "a long umbrella"

# Every standard claim but the name (OpenID Connect Core §5.1), so that the suite finds what each scope is for.
CLAIMS = {
    "given_name": "Ada",
    "family_name": "Lovelace",
    "middle_name": "Augusta",
    "nickname": "Ada",
    "preferred_username": "ada",
    "profile": "https://example.com/ada",
    "picture": "https://example.com/ada.jpg",
    "website": "https://ada.example.com",
    "gender": "female",
    "birthdate": "1975-12-10",
    "zoneinfo": "Europe/London",
    "locale": "en-GB",
    "phone_number": "+44 20 7946 0018",
    "address": {
        "formatted": "12 St James's Square\nLondon\nSW1Y 4JH\nUnited Kingdom",
        "street_address": "12 St James's Square",
        "locality": "London",
        "region": "Greater London",
        "postal_code": "SW1Y 4JH",
        "country": "United Kingdom",
    },
}


def settings(plans):
    """The contents of `countersign.toml`."""
    lines = [
        f'issuer = "{ISSUER}"',
        f'listen = "127.0.0.1:{PORT}"',
        'trusted_proxies = ["127.0.0.1/32"]',
        # All requests of the suite come from one IP address.
        "limits.enabled = false",
    ]
    return "\n".join(lines + [line for plan in plans for line in clients(plan)]) + "\n"


def clients(plan):
    """The clients of a plan."""
    lines = []
    here = f"{SUITE}/test/a/{plan['alias']}"
    for kind in ["client", "client_secret_post", "client2"]:
        client = plan[kind]
        callback = f"{here}/callback"
        redirects = [callback, f"{callback}?dummy1=lorem&dummy2=ipsum"]
        lines += [
            "",
            "[[clients]]",
            f'client_id = "{client["client_id"]}"',
            f'client_name = "Conformance {kind}"',
            f"redirect_uris = {json.dumps(redirects)}",
            f'post_logout_redirect_uris = ["{here}/post_logout_redirect"]',
            f'secret_sha256 = "{sha256(client["client_secret"].encode()).hexdigest()}"',
            'grant_types = ["authorization_code", "refresh_token"]',
            # The Basic plan sends no challenge.
            "require_pkce = false",
            # The suite expects claims from the UserInfo endpoint, unless it asks for them in the ID token.
            'id_token_claims = "minimal"',
        ]
        if plan.get("backchannel"):
            lines += [
                f'backchannel_logout_uri = "{here}/backchannel_logout"',
                "backchannel_logout_session_required = true",
            ]
    return lines


def gateway(folder):
    """nginx with a certificate of its own, in front of the server."""
    host, port = urlsplit(ISSUER).hostname, urlsplit(ISSUER).port or 443
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", f"/CN={host}"]
        + ["-addext", f"subjectAltName=DNS:{host}", "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        check=True,
        capture_output=True,
    )
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    )
    (folder / "nginx.conf").write_text(
        f"""daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    {temporary}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {folder}/certificate.pem;
        ssl_certificate_key {folder}/key.pem;
        large_client_header_buffers 4 32k;
        location / {{
            proxy_pass http://127.0.0.1:{PORT};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto https;
        }}
    }}
}}
"""
    )
    return [os.environ["COUNTERSIGN_TEST_NGINX"], "-p", folder, "-c", folder / "nginx.conf"]


def main():
    # As an exception, it ends the server and nginx, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    plans = [json.loads(plan.read_text()) for plan in sorted(Path(__file__).parent.glob("plans/*.json"))]
    program = os.environ["COUNTERSIGN_TEST_BIN"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COUNTERSIGN_")}
    if certificate := os.environ.get("CONFORMANCE_CERTIFICATE"):
        environment["SSL_CERT_FILE"] = certificate
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "countersign.toml").write_text(settings(plans))

        def command(*arguments, **options):
            return subprocess.run([program, *arguments], cwd=folder, env=environment, check=True, text=True, **options)

        command("users", "create", EMAIL, "--name", "Ada Lovelace", "--password-stdin", input=PASSWORD)
        command("users", "verify", EMAIL)
        command("users", "profile", EMAIL, "--claims", json.dumps(CLAIMS), "--phone-verified", "true")
        log = folder / "server.log"
        server = subprocess.Popen([program, "serve"], cwd=folder, env=environment, stderr=log.open("w"))
        stack.callback(server.wait)
        stack.callback(server.terminate)
        wait_until_ready(server, f"http://127.0.0.1:{PORT}", log)
        nginx = subprocess.Popen(gateway(folder))
        stack.callback(nginx.wait)
        stack.callback(nginx.terminate)
        wait_until_listening(nginx, urlsplit(ISSUER).port or 443)
        print(f"{ISSUER} is ready; the log is {log}", flush=True)
        try:
            server.wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
