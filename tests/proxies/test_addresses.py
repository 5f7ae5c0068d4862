"""The proxies of docs/guides/operating.md, run by the real programs before a real Countersign: whatever a client writes of
where it comes from, its own address is what counts."""

import http.client
import json
import re

import pytest

import programs
from programs import PASSWORD, ROOT, running

# A client at another IP address than the proxy's, which is the only trusted one.
CLIENT = "127.0.0.2"


def of_the_guide(language):
    text = (ROOT / "docs/guides/operating.md").read_text()
    return re.search(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1]


def nginx(folder, countersign, _, port):
    text = of_the_guide("nginx").replace("listen 443 ssl", f"listen 127.0.0.1:{port}").replace("127.0.0.1:8000", f"127.0.0.1:{countersign}")
    text = re.sub(r"^ *ssl_.*\n", "", text, flags=re.MULTILINE)
    kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    places = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)
    around = f"pid {folder}/nginx.pid; error_log stderr; events {{}} http {{ access_log off; {places} {text} }}"
    (folder / "nginx.conf").write_text(around)
    return programs.nginx_command(folder)


def caddy(folder, countersign, _, port):
    text = of_the_guide("caddyfile").replace("auth.example.com", f"http://127.0.0.1:{port}").replace("127.0.0.1:8000", f"127.0.0.1:{countersign}")
    (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + text)
    return [programs.program("caddy"), "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]


@pytest.mark.parametrize("recipe", [nginx, caddy])
def test_r_66_a_client_cannot_hide_behind_the_proxy_of_the_guide(recipe, tmp_path):
    places = [tmp_path / name for name in ("countersign", "proxy")]
    for place in places:
        place.mkdir()
    settings = {"COUNTERSIGN_TRUSTED_PROXIES": "127.0.0.1", "COUNTERSIGN_LIMITS__ENABLED": "false"}
    with running(places[0], **settings) as server:
        account = server.register()
        port = int(server.base.rsplit(":", 1)[1])
        with programs.started(recipe, places[1], port, None) as gateway:

            def ask(method, path, headers, body=None):
                connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=15, source_address=(CLIENT, 0))
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                text = answer.read()
                connection.close()
                assert answer.status == 200, text
                return json.loads(text)

            login = json.dumps({"email": account["email"], "password": PASSWORD})
            for written in [None, '"', '"x', "a\\\"", "unknown", "_hidden", "", "127.0.0.1", "::ffff:127.0.0.1", "203.0.113.9", '203.0.113.9"']:
                for name in ["X-Forwarded-For", "Forwarded"]:
                    own = {} if written is None else {name: f"for={written}" if name == "Forwarded" else written}
                    tokens = ask("POST", "/api/auth/login", {"Content-Type": "application/json", **own}, login)
                    sessions = ask("GET", "/api/auth/sessions", {"Authorization": f"Bearer {tokens['access_token']}"})
                    opened = next(session for session in sessions if session["current"])
                    assert opened["address"] == CLIENT, own
