"""The queries of a Grafana dashboard as recording rules, for promtool to read: `dashboard.py dashboard.json`."""

import json
import sys

VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$job": ".*", "$instance": ".*"}

with open(sys.argv[1], encoding="utf-8") as file:
    panels = json.load(file)["panels"]
rules = []
for panel in panels:
    for target in panel.get("targets", []):
        query = target["expr"]
        for name, value in VARIABLES.items():
            query = query.replace(name, value)
        rules.append({"record": f"panel_{panel['id']}_{target['refId']}", "expr": query})
# JSON is YAML.
json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, sys.stdout)
