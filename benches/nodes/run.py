#!/usr/bin/env python3
"""One node on an etcd beside two nodes on the same etcd: reads and logins per second, and the processor time of each part.

  run.py [--server target/release/keywright] [--etcd /usr/bin/etcd] [--connections 32] [--rounds 3] [--seconds 6]

Starts an etcd of one member and two nodes in a new folder, which is removed at the end. The same connections go to one node, or half
of them to each. Audit is on, every login is durable in etcd before it is answered. Nothing is pinned: where the machine has few
processors, nodes, etcd and load share them, so compare processor times rather than requests per second. Needs wrk and Python 3.9.
"""
import argparse
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
READ = 'wrk.path = "/v1/kv/data/app"'
LOGIN = 'wrk.method = "POST"; wrk.path = "/v1/auth/approle/login"; wrk.body = \'%s\'; wrk.headers["X-Vault-Token"] = nil'


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--server", type=pathlib.Path, default=ROOT / "target/release/keywright")
    p.add_argument("--etcd", default="/usr/bin/etcd"), p.add_argument("--connections", type=int, default=32)
    p.add_argument("--rounds", type=int, default=3), p.add_argument("--seconds", type=int, default=6)
    a = p.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="nodes-"))
    running = []
    try:
        measure(a, folder, running)
    finally:
        for process in running:
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def measure(a, folder, running):
    etcd, address = start_etcd(a.etcd, folder)
    running.append(etcd)
    nodes = {way: [Node(a.server, folder, address, f"{way}-{n}", way) for n in range(2)] for way in ("strict", "bounded")}
    keys = None
    for node in sum(nodes.values(), []):
        running.append(node.process)
        keys = keys or node.init()
        node.unseal(keys)
    login = prepare(nodes["strict"][0])
    loads = [("reads", "strict", READ), ("reads, consistency bounded", "bounded", READ), ("logins", "strict", LOGIN % login)]
    for name, way, script in loads:
        results = {1: [], 2: []}
        for _ in range(a.rounds):
            for count, runs in results.items():
                runs.append(run(etcd, nodes[way][:count], script, a))
        for count, runs in results.items():
            median = {part: statistics.median(r[part] for r in runs) for part in runs[0]}
            print(f"{name}, {count} node{'s' if count > 1 else ''}: {median['rps']:.0f}/s; processor time of a request: nodes "
                  f"{median['nodes_us']:.1f} us, etcd {median['etcd_us']:.1f} us; {median['busy']:.2f} of {os.cpu_count()} processors busy",
                  flush=True)


class Node:
    def __init__(self, binary, folder, etcd, name, consistency):
        self.port = free_port()
        config = folder / f"{name}.hcl"
        config.write_text(f"""
storage "etcd" {{
  address = "{etcd}"
  path = "keywright/"
}}
consistency = "{consistency}"
listener "tcp" {{
  address = "127.0.0.1:{self.port}"
  tls_disable = true
}}
disable_mlock = true
audit "file" "main" {{ options {{ file_path = "{folder}/{name}.audit" }} }}
""")
        log = open(folder / f"{name}.log", "ab")
        self.token = ""
        self.process = subprocess.Popen([binary.resolve(), "server", f"-config={config}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(lambda: self.status() in (200, 501, 503), f"{name} does not start: see {log.name}")

    def init(self):
        return self.call("POST", "sys/init", {"secret_shares": 1, "secret_threshold": 1})

    def unseal(self, keys):
        self.token = keys["root_token"]
        self.call("POST", "sys/unseal", {"key": keys["keys"][0]})
        wait_until(lambda: self.status() == 200, "the node does not open")

    def status(self):
        try:
            return self.request("GET", "sys/health", None)[0]
        except OSError:
            return None

    def call(self, method, path, body=None):
        status, raw = self.request(method, path, body)
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {raw[:300]}")
        return json.loads(raw) if raw else {}

    def request(self, method, path, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"X-Vault-Token": self.token} if self.token else {}
        connection.request(method, f"/v1/{path}", json.dumps(body) if body is not None else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()


def start_etcd(binary, folder):
    client, peer = free_port(), free_port()
    url = f"http://127.0.0.1:{client}"
    log = open(folder / "etcd.log", "ab")
    command = [binary, "--data-dir", folder / "etcd", "--listen-client-urls", url, "--advertise-client-urls", url,
               "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
               "--initial-cluster", f"default=http://127.0.0.1:{peer}"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def is_open():
        try:
            socket.create_connection(("127.0.0.1", client), 1).close()
            return True
        except OSError:
            return False
    wait_until(is_open, "etcd does not start")
    return process, url


def prepare(node):
    """A secret to read, and what a login sends."""
    node.call("POST", "sys/mounts/kv", {"type": "kv", "options": {"version": "2"}})
    node.call("POST", "kv/data/app", {"data": {"user": "u", "password": "s3cr3t"}})
    node.call("POST", "sys/auth/approle", {"type": "approle"})
    node.call("POST", "auth/approle/role/app", {"token_policies": "default", "token_ttl": "10m"})
    role = node.call("GET", "auth/approle/role/app/role-id")["data"]["role_id"]
    secret = node.call("POST", "auth/approle/role/app/secret-id", {})["data"]["secret_id"]
    return json.dumps({"role_id": role, "secret_id": secret})


def run(etcd, nodes, script, a):
    """Half of the connections to each of two nodes, or all to one."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as lua:
        lua.write(script + "\n")
        lua.flush()
        before, began, idle = [cpu(etcd)] + [cpu(n.process) for n in nodes], time.monotonic(), idle_seconds()
        loads = [subprocess.Popen(["wrk", "-t1", f"-c{a.connections // len(nodes)}", f"-d{a.seconds}", "-s", lua.name,
                                   "-H", f"X-Vault-Token: {n.token}", f"http://127.0.0.1:{n.port}"],
                                  stdout=subprocess.PIPE, text=True) for n in nodes]
        texts = [load.communicate()[0] for load in loads]
        took, after, idle = time.monotonic() - began, [cpu(etcd)] + [cpu(n.process) for n in nodes], idle_seconds() - idle
    if any("Non-2xx" in text or "Socket errors" in text for text in texts):
        raise RuntimeError(f"not every answer was 2xx: {texts}")
    requests = sum(int(re.search(r"(\d+) requests in", text)[1]) for text in texts)
    used = [1e6 * (y - x) / requests for x, y in zip(before, after)]
    return {"rps": sum(float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]) for text in texts), "nodes_us": sum(used[1:]),
            "etcd_us": used[0], "busy": os.cpu_count() - idle / took}


def cpu(process):
    """Seconds of processor time, of all threads."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle_seconds():
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return int(fields[4]) / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(is_so, why, seconds=60):
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise RuntimeError(why)
        time.sleep(0.05)


if __name__ == "__main__":
    main()
