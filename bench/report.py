"""Writes the results as a summary table, detailed tables, a plot and JSON."""

import json
import math
from dataclasses import dataclass
from typing import Callable


def show(results, before, folder):
    """Prints the table. Only the results of a complete run are saved in the folder."""
    text = "\n".join(document(results, before)) + "\n"
    if folder:
        folder.mkdir(exist_ok=True)
        (folder / "latest.json").write_text(json.dumps(results, indent=1) + "\n")
        (folder / "README.md").write_text(text)
        (folder / "latest.svg").write_text(plot(bars(results)))
    print(text)


def document(results, before):
    machine = results["machine"]
    yield "# Benchmark results\n"
    yield f"Measured by `bench/run` for {results['seconds']:g} s per figure, on {machine['cores']} cores of {machine['processor']}, Linux {machine['kernel']},"
    yield f"{machine['date']}, at {machine['commit']}. The server has one core; the load and PostgreSQL share the other. Unless noted otherwise,"
    yield "figures are requests **per second of CPU time** of the server itself (from `/proc`), without the CPU time of PostgreSQL."
    if load := results.get("load average"):
        yield f"The load average of the machine was {min(load):.1f} to {max(load):.1f}, the measurement included."
    yield ""
    yield from peers_sentence(results)
    yield "![requests per second of CPU time](latest.svg)\n"
    yield from table(results, before)
    if "sizes" in results:
        yield from stored(results["sizes"])
    for database, found in results.get("server", {}).items():
        yield f"## Server on {database}, 1,000 accounts\n"
        yield from routes(found)
    for database, sizes in results.get("scale", {}).items():
        for size, found in sizes.items():
            yield f"## {database}, {int(size):,} accounts\n"
            yield from routes(found)
    if "ceilings" in results:
        yield "## Ceilings\n\n| | per second of CPU time | per second |\n|---|---|---|"
        for name, figure in flat(results["ceilings"]):
            yield f"| {name} | {number(figure['per_cpu_second'])} | {number(figure['per_second'])} |"
        yield ""
    if "login" in results:
        yield "## Sign-in compared with bare Argon2id\n\nTen alternating measurements, relative to the bare hash: " + ", ".join(f"{ratio:.2f}" for ratio in results["login"]["ratios"]) + ".\n"
    if "storm" in results:
        yield from storm(results["storm"])
    for sessions, found in results.get("simulation", {}).items():
        yield from simulation(int(sessions), found)
    if "sweep" in results:
        yield from sweep(results["sweep"])
    if "start" in results:
        first = results["start"]["first answer, ms"]
        yield f"## Startup\n\nFirst response {first['median']:.0f} ms after the start (median of 15; best {first['best']:.0f}, worst {first['worst']:.0f}).\n"


# The main table.


@dataclass(frozen=True)
class Row:
    """A row of the table. `ceiling` is the best that any program could achieve for the same work."""

    name: str
    ours: Callable
    ceiling: Callable = lambda results: None
    goal: str = ""
    # Our figure and its ratio to the ceiling.
    met: Callable = lambda ours, ratio: None
    peers: str = ""
    unit: str = ""


def table(results, before):
    # Only the measured ones.
    rows = [(row, ours) for row in ROWS if (ours := row.ours(results)) is not None]
    if not rows:
        return
    peers = [name for name in results.get("peers", {}) if name != "absent"]
    columns = ["", *(["before"] if before else []), "ours", "ceiling", "of it", "goal", "", *peers]
    yield "| " + " | ".join(columns) + " |"
    yield "|" + "---|" * len(columns)
    for row, ours in rows:
        ceiling = row.ceiling(results)
        ratio = ours / ceiling if ceiling else None
        met = row.met(ours, ratio)
        verdict = {True: "met", False: "**not met**", None: ""}[met]
        cells = [row.name, told(ours, row.unit), told(ceiling, row.unit), f"{ratio:.2f}" if ratio else "", row.goal, verdict]
        if before:
            cells.insert(1, told(row.ours(before), row.unit))
        cells += [told(peer_figure(results["peers"][name], row.peers), row.unit) for name in peers]
        yield "| " + " | ".join(cells) + " |"
    yield ""
    yield "*Ceiling*: for `/me`, the key set, `/healthz` and `/readyz`, a bare axum route with the same response size; for a new token, plus one"
    yield "verification; for a refresh, the sum of one signature, one durable commit by the bare driver and one exchange with bare axum; for a"
    yield "sign-in, one hash by the bare library, whose memory Linux may map in smaller pages than the server's. *Of it*: our figure as a share"
    yield "of the ceiling, or the ratio named in the row. Server and bare axum are measured in turns, as are sign-ins and bare hashes; the"
    yield "medians are listed.\n"


def peer_figure(peer, key):
    figure = peer.get(key)
    return figure["per_cpu_second"] if isinstance(figure, dict) else figure


def told(value, unit):
    if value is None:
        return ""
    if math.isnan(value):
        return "–"
    if unit == "×":
        return f"{value:.2f} ×"
    if unit in ("ms", "MB"):
        return f"{value:.1f} {unit}"
    return f"{number(value)}{f' {unit}' if unit else ''}"


def number(value):
    if value == int(value) and abs(value) < 100:
        return f"{value:.0f}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def at(results, *path):
    for step in path:
        if not isinstance(results, dict) or step not in results:
            return None
        results = results[step]
    return results


def cpu(database, route):
    return lambda results: at(results, "server", database, route, "saturated", "per_cpu_second")


def ceiling(exchange, *paths):
    """The combined cost of an exchange with bare axum and all of these."""

    def find(results):
        parts = [exchange(results), *(at(results, "ceilings", *path, "per_cpu_second") for path in paths)]
        return 1 / sum(1 / part for part in parts) if all(parts) else None

    return find


def bare(name, database="SQLite"):
    return lambda results: at(results, "server", database, name, "bare axum", "per_cpu_second")


def value(*path, less=0.0):
    def find(results):
        found = at(results, *path)
        return None if found is None else found - less

    return find


def share(over, under):
    def find(results):
        above, below = at(results, *over), at(results, *under)
        return above / below if above and below else None

    return find


def least(bound):
    return {"goal": f"≥ {bound:,}", "met": lambda ours, ratio: ours >= bound}


def least_share(bound):
    return {"goal": f"≥ {bound} of it", "met": lambda ours, ratio: None if ratio is None else ratio >= bound}


def most(bound, unit=""):
    return {"goal": f"≤ {bound}{f' {unit}' if unit else ''}", "met": lambda ours, ratio: ours <= bound, "unit": unit}


def scaled(database, route):
    """The cost of a request with the most accounts, relative to the fewest."""

    def find(results):
        sizes = at(results, "scale", database)
        if not sizes or len(sizes) < 2:
            return None
        small, large = min(sizes, key=int), max(sizes, key=int)
        return sizes[small][route]["saturated"]["per_cpu_second"] / sizes[large][route]["saturated"]["per_cpu_second"]

    return Row(f"{route} on {database}: cost with the most accounts, relative to 1,000", find, **most(1.3, "×"))


def swept(database, route):
    path = lambda state: ("sweep", database, state, route, "p99_ms")  # noqa: E731
    return Row(f"p99 of {route} on {database} while a million sessions are removed, relative to before", share(path("sweeping"), path("resting")), **most(1.2, "×"))


ROWS = [
    Row("`/healthz`", cpu("SQLite", "/healthz"), bare("/healthz"), **least_share(0.85)),
    Row("key set (JWKS)", cpu("SQLite", "JWKS"), bare("JWKS"), **least_share(0.85), peers="JWKS"),
    Row("`/readyz`, SQLite", cpu("SQLite", "/readyz"), bare("/readyz"), **least(40_000), peers="/readyz"),
    Row("`/readyz`, PostgreSQL", cpu("PostgreSQL", "/readyz"), bare("/readyz", "PostgreSQL")),
    Row("`/me`, SQLite", cpu("SQLite", "/me"), bare("/me"), **least_share(0.6), peers="/me"),
    Row("`/me`, PostgreSQL", cpu("PostgreSQL", "/me"), bare("/me", "PostgreSQL"), **least(45_000)),
    Row("`/me`, new tokens only, SQLite", cpu("SQLite", "/me, new tokens"), ceiling(bare("/me"), ("ES256", "verify")), **least(12_000)),
    Row("refresh, SQLite", cpu("SQLite", "refresh"), ceiling(bare("refresh"), ("ES256", "sign"), ("SQLite", "commit")), **least(12_000), peers="refresh"),
    Row("refresh, PostgreSQL", cpu("PostgreSQL", "refresh"), ceiling(bare("refresh", "PostgreSQL"), ("ES256", "sign"), ("PostgreSQL", "commit")), **least(7_000)),
    Row("sign-in, SQLite", value("login", "ours"), value("login", "Argon2id"), "≥ 0.97 of it", lambda ours, ratio: ratio >= 0.97, peers="login"),
    Row("client credentials", lambda results: None if not at(results, "peers", "Rauthy") else math.nan, peers="client credentials"),
    Row("p99 of `/me`, 500 a second", value("storm", "/me before", "p99_ms"), unit="ms"),
    Row("the same during a flood of sign-ins", value("storm", "/me during", "p99_ms"), unit="ms"),
    Row("… relative to before", value("storm", "ratio"), **most(2, "×")),
    *(swept(database, route) for database in ["SQLite", "PostgreSQL"] for route in ["/me", "refresh"]),
    *(
        Row(f"rows of a session after 100 refreshes, {database}", value("sizes", database, "rows of a session after 100 refreshes"),
            value("sizes", database, "rows of a session"), "as many as before", lambda ours, ratio: ratio == 1)
        for database in ["SQLite", "PostgreSQL"]
    ),
    *(
        Row(f"bytes that 100 refreshes add to a session, {database}", value("sizes", database, "bytes that 100 refreshes add"), unit="B")
        for database in ["SQLite", "PostgreSQL"]
    ),
    Row("resident, idle", value("server", "SQLite", "resident idle, MB"), **most(16, "MB"), peers="resident idle, MB"),
    Row("resident under load, without 20 MB for hashing", value("server", "SQLite", "resident under load, MB", less=20.0), **most(40, "MB")),
    Row("first response after the start", value("start", "first answer, ms", "median"), **most(40, "ms")),
    *(scaled(database, route) for database in ["SQLite", "PostgreSQL"] for route in ["/me", "refresh", "login"]),
]  # fmt: skip


def peers_sentence(results):
    if "peers" not in results:
        yield "No peers were measured in this run.\n"
        return
    names = [name for name in results["peers"] if name != "absent"]
    sentence = f"Peers, one process on one core, set up as their documentation describes (`bench/peers`): {', '.join(names) or 'none'}."
    missing = [f"{name} ({why})" for name, why in results["peers"]["absent"].items()]
    yield sentence + (f" Not measured: {'; '.join(missing)}." if missing else "") + "\n"


# The background of the figures.


def threads(found):
    told = found.get("threads")
    if not told:
        return "number of threads unknown"
    count = lambda number, name: f"{number} {name}{'' if number == 1 else 's'}"  # noqa: E731
    return f"{count(told['workers'], 'Tokio worker')}, {count(told['hashing_threads'], 'hashing thread')}"


def routes(found):
    yield f"| | per second of CPU time | per second | p50 at half load ({threads(found)}) | p99 | p99.9 |\n|---|---|---|---|---|---|"
    for name, figure in found.items():
        if not isinstance(figure, dict) or "saturated" not in figure:
            continue
        full, half = figure["saturated"], figure.get("at half")
        latencies = [f"{half[name]:.2f} ms" for name in ["p50_ms", "p99_ms", "p999_ms"]] if half else [""] * 3
        yield f"| {name} | {number(full['per_cpu_second'])} | {number(full['per_second'])} | {' | '.join(latencies)} |"
    yield f"\nResident {found['resident idle, MB']:.1f} MB idle, at most {found['resident under load, MB']:.1f} MB under this load.\n"


def stored(sizes):
    yield "## Storage\n\n| | " + " | ".join(sizes) + " |\n|---|" + "---|" * len(sizes)
    names = dict.fromkeys(name for found in sizes.values() for name in found)
    for name in names:
        yield f"| {name} | " + " | ".join(number(found[name]) if name in found else "" for found in sizes.values()) + " |"
    yield "\nBytes include indexes. Rows exclude the audit log.\n"


def latencies(rows, heading):
    yield f"| {heading} | p50 | p99 | p99.9 | failed |\n|---|---|---|---|---|"
    for name, figure in rows:
        asked = figure["failed"] + figure["answered"]
        yield f"| {name} | {figure['p50_ms']:.2f} ms | {figure['p99_ms']:.2f} ms | {figure['p999_ms']:.2f} ms | {figure['failed']:,} of {asked:,} |"
    yield ""


def storm(found):
    yield "## Ten times as many sign-ins as one core can hash, and 500 `/me` per second\n"
    yield from latencies([(name, found[name]) for name in ["/me before", "/me during", "sign-ins"]], threads(found))
    told = ", ".join(f"{ratio:.2f}" for ratio in found["ratios"])
    yield f"Median of three rounds with p99 ratios of {told}. Resident before {found['resident, MB']['before']:.1f} MB, at most {found['resident, MB']['most']:.1f} MB.\n"


def simulation(sessions, found):
    yield f"## {sessions:,} sessions, simulated\n\n| | formula | simulated | |\n|---|---|---|---|"
    for row in found["compared"]:
        verdict = "" if row["within a tenth"] else "**differs by more than 10%**"
        yield f"| {row['what']} | {number(row['formula'])} | {number(row['simulated'])} | {verdict} |"
    yield ""


def sweep(databases):
    for database, found in databases.items():
        rows = found["sweeping"]["rows"]
        yield f"## Cleanup on {database} (F-21)\n"
        yield f"500 `/me` and 200 refreshes per second, with {rows:,} active sessions, while as many ended ones are removed.\n"
        lines = [(f"{route}, {state}", found[state][route]) for route in ["/me", "refresh"] for state in ["resting", "sweeping"]]
        yield from latencies(lines, threads(found["sweeping"]))
        yield f"{found['sweeping']['removed a second']:,.0f} rows removed per second; {found['sweeping']['left']:,} were left at the end.\n"


def flat(figures, before=""):
    for name, figure in figures.items():
        if "per_second" in figure:
            yield before + name, figure
        else:
            yield from flat(figure, f"{before}{name}, ")


def bars(results):
    rows = [(f"/me, Countersign on {database}", cpu(database, "/me")(results)) for database in results.get("server", {})]
    rows += [(f"/me, {name}", peer_figure(peer, "/me")) for name, peer in results.get("peers", {}).items() if name != "absent"]
    rows.append(("bare axum, same response size", bare("/me")(results)))
    return [(name, figure) for name, figure in rows if figure]


def plot(rows):
    """Bars on a logarithmic scale, in a color that is readable on light and dark."""
    height, left, width = 26, 250, 420
    top = math.ceil(max((math.log10(value) for _, value in rows), default=1))

    def scale(value):
        return width * max(0.0, math.log10(value)) / top

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 90} {height * len(rows) + 10}" font-family="sans-serif" font-size="13">',
        "<title>Requests per second of the server's CPU time (logarithmic)</title>",
    ]
    for row, (name, value) in enumerate(rows):
        y = row * height + 6
        parts.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end" fill="#777">{name}</text>')
        parts.append(f'<rect x="{left}" y="{y}" width="{scale(value):.1f}" height="{height - 8}" rx="3" fill="#3b82c4"/>')
        parts.append(f'<text x="{left + scale(value) + 6:.1f}" y="{y + 14}" fill="#777">{number(value)}</text>')
    return "\n".join([*parts, "</svg>\n"])
