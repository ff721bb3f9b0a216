#!/usr/bin/env python3
"""How cost grows with what is stored and with who asks: measures, and draws docs/growth/*.svg.

  run.py [--server target/release/keywright] [--ceiling target/release/ceiling] [--sizes 1000,10000,100000,1000000]
         [--rounds 3] [--seconds 4] [--data DIR] [--only reads,writes,start,memory,logins] [--keep]

One server for each number of secrets, each with its own directory, filled first and measured in turns, so that whatever else the
machine does falls on all of them alike; medians of the rounds are kept. A server has all its threads on CPU 0, the load (wrk) is on
CPU 1; what is asked of a server is asked while the others idle. Audit is on, with a file on a real file system, and every write is
durable before it is answered. Beside them runs the ceiling: a bare hyper server (benches/src/ceiling.rs).

Writes benches/growth/results.json and the plots of it; plots leases.json beside it too, if there is one (see plot.py for its form).
With --data DIR, what is filled there is kept and used again. Needs wrk, taskset and Python 3.9; nothing else.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import tempfile

import plot
from load import Load
from server import Ceiling, Server

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONNECTIONS = [1, 8, 32, 128, 256, 512]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--server", default=ROOT / "target/release/keywright"), p.add_argument("--ceiling", default=ROOT / "target/release/ceiling")
    p.add_argument("--sizes", type=numbers, default=[1000, 10_000, 100_000, 1_000_000])
    p.add_argument("--rounds", type=int, default=3), p.add_argument("--seconds", type=int, default=4)
    p.add_argument("--data", type=pathlib.Path), p.add_argument("--keep", action="store_true", help="do not remove the data at the end")
    p.add_argument("--only", type=lambda s: s.split(","), default=["reads", "writes", "start", "memory", "logins"])
    p.add_argument("--out", type=pathlib.Path, default=HERE / "results.json")
    a = p.parse_args()
    data = a.data or pathlib.Path(tempfile.mkdtemp(prefix="growth-"))
    results = json.loads(a.out.read_text()) if a.out.exists() else {}
    try:
        measure(a, data, results)
    finally:
        if not a.keep and not a.data:
            shutil.rmtree(data, ignore_errors=True)
    a.out.write_text(json.dumps(results, indent=1) + "\n")
    plot.all_of(HERE, ROOT / "docs/growth")


def numbers(text):
    return [int(n) for n in text.split(",")]


def measure(a, data, results):
    stores = {n: Server(a.server, data / str(n), n) for n in a.sizes}
    try:
        for n, store in stores.items():
            store.fill()
        if "start" in a.only:
            results["start"] = starts(stores, a.rounds)
        for store in stores.values():
            store.read_files()
            store.start()
        if "memory" in a.only:
            results["memory"] = {"at_rest": {n: store.resident_mb() for n, store in stores.items()}}
            print("at rest, MB:", results["memory"]["at_rest"], flush=True)
        with Ceiling(a.ceiling) as ceiling:
            for load in [load for load in ("reads", "writes") if load in a.only]:
                results[load] = in_turns(stores, load, a, ceiling)
        if "memory" in a.only:
            results["memory"]["after_load"] = {n: store.resident_mb() for n, store in stores.items()}
            results["memory"]["peak"] = {n: store.peak_mb() for n, store in stores.items()}
            results["on_disk_mb"] = {n: store.on_disk_mb() for n, store in stores.items()}
            print("after the load, MB:", results["memory"]["after_load"], "peak", results["memory"]["peak"], flush=True)
    finally:
        for store in stores.values():
            store.kill()
    if "logins" in a.only:
        results["logins"] = logins(a, data)
    results["about"] = {"rounds": a.rounds, "seconds": a.seconds, "cpu": cpu(), "read_connections": 32, "write_connections": 32}


def cpu():
    names = [line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else "unknown"


def starts(stores, rounds):
    """From the start of the process to the first secret read, in ms: after an orderly stop, after kill -9 under writes, and with
    nothing of the store's files in the page cache."""
    out = {kind: {} for kind in ("after_stop", "after_kill", "cold")}
    for n, store in stores.items():
        took = {kind: [] for kind in out}
        for _ in range(max(3, rounds)):
            store.start()
            store.stop()
            took["after_stop"].append(store.start())
            Load("writes", n).run(store, 32, 1)
            store.kill()
            took["after_kill"].append(store.start())
            store.stop()
            store.forget_pages()
            took["cold"].append(store.start())
            store.stop()
        for kind, times in took.items():
            out[kind][n] = {part: round(statistics.median(t[part] for t in times), 1) for part in times[0]}
        print(f"start with {n} secrets:", {kind: out[kind][n] for kind in out}, flush=True)
    return out


def in_turns(stores, kind, a, ceiling):
    runs = {n: [] for n in stores}
    tops = []
    for n, store in stores.items():
        # The caches are as they are in the long run.
        Load("reads", n).run(store, 32, 2 if kind == "reads" else 1)
    for _ in range(a.rounds):
        tops.append(ceiling.requests_per_second(32, a.seconds))
        for n, store in stores.items():
            runs[n].append(Load(kind, n).run(store, 32, a.seconds))
    out = {n: medians(of_n) for n, of_n in runs.items()}
    out["ceiling"] = {"rps": statistics.median(tops)}
    for n in stores:
        print(f"{kind} with {n} secrets: {out[n]}", flush=True)
    return out


def logins(a, data):
    with Server(a.server, data / "logins", 0) as server:
        server.fill()
        server.start()
        load = Load("logins", 0, server.prepare_logins())
        runs = {c: [] for c in CONNECTIONS}
        for _ in range(a.rounds):
            for c in CONNECTIONS:
                runs[c].append(load.run(server, c, a.seconds))
        out = {c: medians(of_c) for c, of_c in runs.items()}
        for c in CONNECTIONS:
            print(f"logins, {c} connections: {out[c]}", flush=True)
        return out


def medians(runs):
    return {name: round(statistics.median(r[name] for r in runs), 3) for name in runs[0]}


if __name__ == "__main__":
    main()
