#!/usr/bin/env python3
"""Draws what results.json and leases.json hold as SVG, with nothing but text.

leases.json, and any chart that is added later, has the form

  {"charts": [{"file": "leases-memory", "title": "...", "x": "leases", "y": "MB resident", "log_x": true,
               "series": {"resident": [[1000, 20.1], [10000, 20.4]]}}]}

plot.py [FILE.json ...] draws the files that are named, or both, into docs/growth.
"""
import json
import math
import pathlib
import sys
from html import escape

HERE = pathlib.Path(__file__).resolve().parent
COLOURS = ["#0b6e99", "#c2410c", "#4d7c0f", "#7e22ce"]
WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 560, 300, 64, 16, 34, 44


def all_of(source, into):
    """Draws results.json and leases.json of this folder, as far as they are there."""
    into.mkdir(parents=True, exist_ok=True)
    for name in ("results.json", "leases.json"):
        if (source / name).exists():
            draw_file(source / name, into)


def draw_file(path, into):
    found = json.loads(path.read_text())
    for chart in found.get("charts") or charts_of(found):
        (into / f"{chart['file']}.svg").write_text(svg(chart))


def charts_of(results):
    """The charts of results.json."""
    def points(table, *names):
        return [[int(n), value(row, names)] for n, row in table.items() if n.isdigit()]

    def value(row, names):
        for name in names:
            row = row[name]
        return row

    out = []
    if reads := results.get("reads"):
        out.append(chart("reads", "Reads of random secrets, 32 connections, one core", "secrets", "requests/s",
                         {"reads": points(reads, "rps")}))
    if writes := results.get("writes"):
        out.append(chart("write-latency", "Durable writes of random secrets, 32 connections, one core", "secrets", "ms",
                         {"p99": points(writes, "p99_ms"), "median": points(writes, "p50_ms")}))
    if reads and writes:
        out.append(chart("cpu", "CPU time of the server for one request", "secrets", "us",
                         {"write": points(writes, "cpu_us"), "read": points(reads, "cpu_us")}))
    if start := results.get("start"):
        names = {"after_kill": "after kill -9 under writes", "cold": "after a stop, nothing in the page cache", "after_stop": "after a stop"}
        out.append(chart("start", "From the start of the process to the first secret read", "secrets", "ms",
                         {names[kind]: points(table, "first_read_ms") for kind, table in start.items()}))
    if memory := results.get("memory"):
        names = {"after_load": "after the load", "at_rest": "at rest"}
        out.append(chart("memory", "Resident memory", "secrets", "MB",
                         {names[kind]: points(memory[kind]) for kind in names if kind in memory}))
    if logins := results.get("logins"):
        out.append(chart("logins", "AppRole logins, each durable, one core", "connections", "logins/s",
                         {"logins": points(logins, "rps")}))
    return out


def chart(file, title, x, y, series):
    return {"file": file, "title": title, "x": x, "y": y, "log_x": True, "series": series}


def svg(chart):
    series = {name: sorted(points) for name, points in chart["series"].items()}
    xs = sorted({x for points in series.values() for x, _ in points})
    top = nice_top(max(y for points in series.values() for _, y in points))
    scale = math.log10 if chart.get("log_x") else float
    low, high = scale(xs[0]), scale(xs[-1])

    def place(x, y):
        share = (scale(x) - low) / (high - low) if high > low else 0.5
        return (LEFT + share * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM))

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
           f'<text x="{LEFT}" y="18" font-size="13" font-weight="bold">{escape(chart["title"])}</text>']
    for step in range(5):
        value = top * step / 4
        _, y = place(xs[0], value)
        out.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>'
                   f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{short(value)}</text>')
    for x in xs:
        at, y = place(x, 0)
        out.append(f'<path d="M{at:.1f} {y:.1f}v4" stroke="#888"/><text x="{at:.1f}" y="{y + 16:.1f}" text-anchor="middle">{short(x)}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(chart["x"])}</text>')
    out.append(f'<text transform="translate(12 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">{escape(chart["y"])}</text>')
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [place(x, y) for x, y in points]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        out.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        if len(series) > 1:
            y = HEIGHT - BOTTOM - 10 - 15 * (len(series) - 1 - number)
            out.append(f'<path d="M{LEFT + 10} {y - 4}h18" stroke="{colour}" stroke-width="2"/><text x="{LEFT + 34}" y="{y}">{escape(name)}</text>')
    return "\n".join(out + ["</svg>"]) + "\n"


def nice_top(value):
    """The end of the axis: the next of 1, 2, 4, 8 times a power of ten above all values."""
    power = 10 ** math.floor(math.log10(value or 1))
    return next(m * power for m in (1, 1.2, 1.6, 2, 3, 4, 6, 8, 10) if m * power >= value)


def short(value):
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


if __name__ == "__main__":
    into = HERE.parent.parent / "docs/growth"
    into.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:]:
        draw_file(pathlib.Path(name), into)
    if not sys.argv[1:]:
        all_of(HERE, into)
