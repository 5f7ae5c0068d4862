"""What was measured, as a table, as a plot, and as JSON."""

import json
import math


def show(results, folder):
    """Prints the table. A run of everything is kept in the folder; of parts, taken at different times, no figure is."""
    results["goals"] = [found for judge in GOALS if (found := judge(results))]
    table = "\n".join(document(results, results["goals"])) + "\n"
    if folder:
        folder.mkdir(exist_ok=True)
        (folder / "latest.json").write_text(json.dumps(results, indent=1) + "\n")
        (folder / "README.md").write_text(table)
        (folder / "latest.svg").write_text(plot(bars(results)))
    print(table)


def document(results, goals):
    machine = results["machine"]
    yield "# What was measured\n"
    yield f"By `bench/run`, each figure for {results['seconds']:g} s, on {machine['cores']} cores of {machine['processor']}, Linux {machine['kernel']},"
    yield f"{machine['date']}, at {machine['commit']}. The server has one core; the load and PostgreSQL have the other. *A second of its"
    yield "processor time*: what the server itself used, of `/proc`; PostgreSQL's own is not in it.\n"
    yield "![requests for each second of processor time](latest.svg)\n"
    if goals:
        yield "## Goals\n\n| | measured | goal | |\n|---|---|---|---|"
        for name, value, wanted, met in goals:
            yield f"| {name} | {value} | {wanted} | {'met' if met else '**not met**'} |"
        yield ""
    for database, found in results.get("server", {}).items():
        yield f"## The whole server on {database}, 1,000 accounts\n"
        yield from routes(found)
    for database, sizes in results.get("scale", {}).items():
        for size, found in sizes.items():
            yield f"## {database}, {int(size):,} accounts\n"
            yield from routes(found)
    if "ceilings" in results:
        yield "## Ceilings\n\n| | for each second of processor time | a second |\n|---|---|---|"
        for name, figure in flat(results["ceilings"]):
            cpu = number(figure["per_cpu_second"]) if figure.get("per_cpu_second") else ""
            yield f"| {name} | {cpu} | {number(figure['per_second'])} |"
        yield ""
    if "peers" in results:
        yield "## Peers\n\nEach on PostgreSQL, one process on one core, as its documentation sets it up (`bench/peers`).\n"
        yield "| | `/me` | login |\n|---|---|---|"
        for name, figure in results["peers"].items():
            yield f"| {name} | {number(figure['/me']['per_cpu_second'])} | {number(figure['login']['per_cpu_second'])} |"
        yield ""
    if "storm" in results:
        storm = results["storm"]
        yield "## Ten times as many sign-ins as one core can hash, and `/me` 500 times a second\n\n| | p50 | p99 | p99.9 | failed |\n|---|---|---|---|---|"
        for name in ["/me before", "/me during", "sign-ins"]:
            figure = storm[name]
            yield f"| {name} | {figure['p50_ms']:.2f} ms | {figure['p99_ms']:.2f} ms | {figure['p999_ms']:.2f} ms | {figure['failed']:,} of {figure['failed'] + figure['answered']:,} |"
        yield f"\nResident before {storm['resident, MB']['before']:.1f} MB, at most {storm['resident, MB']['most']:.1f} MB.\n"
    if "start" in results:
        first = results["start"]["first answer, ms"]
        yield f"## Start\n\nFirst answer {first['median']:.0f} ms after the start (median; best {first['best']:.0f}, worst {first['worst']:.0f}).\n"


def routes(found):
    yield "| | for each second of processor time | a second | p50 at half of it | p99 | p99.9 |\n|---|---|---|---|---|---|"
    for name, figure in found.items():
        if isinstance(figure, dict):
            full, half = figure["saturated"], figure["at half"]
            yield (
                f"| {name} | {number(full['per_cpu_second'])} | {number(full['per_second'])} | {half['p50_ms']:.2f} ms | "
                f"{half['p99_ms']:.2f} ms | {half['p999_ms']:.2f} ms |"
            )
    yield f"\nResident {found['resident idle, MB']:.1f} MB idle, at most {found['resident under load, MB']:.1f} MB under all of this.\n"


def flat(figures, before=""):
    for name, figure in figures.items():
        if "per_second" in figure:
            yield before + name, figure
        else:
            yield from flat(figure, f"{before}{name}, ")


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


# Goals: each gives its name, what was measured, what was wanted, and whether it is met; or nothing, if it was not measured.


def at(results, *path):
    for step in path:
        if not isinstance(results, dict) or step not in results:
            return None
        results = results[step]
    return results


def ratio(name, over, under, least, sign="≥"):
    def judge(results):
        above, below = at(results, *over), at(results, *under)
        if not above or not below:
            return None
        value = above / below
        met = value >= least if sign == "≥" else value <= least
        return name, f"{value:.2f} ×" if value < 20 else f"{value:.0f} ×", f"{sign} {least} ×", met

    return judge


def most(name, path, bound, unit, less=0.0):
    def judge(results):
        value = at(results, *path)
        return None if value is None else (name, f"{value - less:.1f} {unit}", f"≤ {bound} {unit}", value - less <= bound)

    return judge


def cpu(database, route):
    return "server", database, route, "saturated", "per_cpu_second"


def scaled(database, route):
    def judge(results):
        sizes = at(results, "scale", database)
        if not sizes or len(sizes) < 2:
            return None
        small, large = min(sizes, key=int), max(sizes, key=int)
        value = sizes[small][route]["saturated"]["per_cpu_second"] / sizes[large][route]["saturated"]["per_cpu_second"]
        return f"{route} on {database} with {int(large):,} accounts costs, of {int(small):,}", f"{value:.2f} ×", "≤ 1.3 ×", value <= 1.3

    return judge


GOALS = [
    ratio("`/me` (SQLite), of the FastAPI stack's", cpu("SQLite", "/me"), ("peers", "FastAPI stack", "/me", "per_cpu_second"), 150),
    ratio("`/me` (PostgreSQL), of the FastAPI stack's", cpu("PostgreSQL", "/me"), ("peers", "FastAPI stack", "/me", "per_cpu_second"), 150),
    ratio("`/me` (SQLite), of bare axum", cpu("SQLite", "/me"), ("ceilings", "bare axum, /me", "per_cpu_second"), 0.5),
    ratio("login, of bare Argon2id", cpu("SQLite", "login"), ("ceilings", "Argon2id", "per_cpu_second"), 0.95),
    ratio("refresh, of bare durable commits (SQLite)", cpu("SQLite", "refresh"), ("ceilings", "SQLite", "commit", "per_cpu_second"), 0.5),
    ratio(
        "refresh, of bare durable commits (PostgreSQL, by the clock)",
        ("server", "PostgreSQL", "refresh", "saturated", "per_second"), ("ceilings", "PostgreSQL", "commit", "per_second"), 0.5,
    ),
    ratio("JWKS, of bare axum", cpu("SQLite", "JWKS"), ("ceilings", "bare axum, JWKS", "per_cpu_second"), 0.9),
    *(scaled(database, route) for database in ["SQLite", "PostgreSQL"] for route in ["/me", "refresh", "login"]),
    ratio("p99 of `/me` in a storm of sign-ins, of before", ("storm", "/me during", "p99_ms"), ("storm", "/me before", "p99_ms"), 3, "≤"),
    most("resident, idle", ("server", "SQLite", "resident idle, MB"), 16, "MB"),
    most("resident under load, without the hashing budget of 20 MB", ("server", "SQLite", "resident under load, MB"), 50, "MB", less=20.0),
    most("first answer after the start", ("start", "first answer, ms", "median"), 50, "ms"),
]  # fmt: skip


def bars(results):
    rows = []
    for database, found in results.get("server", {}).items():
        if "/me" in found:
            rows.append((f"/me, Countersign on {database}", found["/me"]["saturated"]["per_cpu_second"]))
    for name, figure in results.get("peers", {}).items():
        rows.append((f"/me, {name}", figure["/me"]["per_cpu_second"]))
    if bare := at(results, "ceilings", "bare axum, /me"):
        rows.append(("as many bytes, bare axum", bare["per_cpu_second"]))
    return rows


def plot(rows):
    """Bars on a logarithmic scale, of one colour that is readable on light and dark."""
    height, left, width = 26, 250, 420
    top = math.ceil(max((math.log10(value) for _, value in rows), default=1))
    def scale(value):
        return width * max(0.0, math.log10(value)) / top

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 90} {height * len(rows) + 10}" font-family="sans-serif" font-size="13">',
        "<title>Requests for each second of the server's own processor time (logarithmic)</title>",
    ]
    for row, (name, value) in enumerate(rows):
        y = row * height + 6
        parts.append(f'<text x="{left - 8}" y="{y + 14}" text-anchor="end" fill="#777">{name}</text>')
        parts.append(f'<rect x="{left}" y="{y}" width="{scale(value):.1f}" height="{height - 8}" rx="3" fill="#3b82c4"/>')
        parts.append(f'<text x="{left + scale(value) + 6:.1f}" y="{y + 14}" fill="#777">{number(value)}</text>')
    return "\n".join([*parts, "</svg>\n"])
