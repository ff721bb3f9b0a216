"""Loads of wrk: what is asked, and what comes of it."""
import re
import subprocess
import tempfile

VALUE = '\'{"data":{"user":"service-\'..n..\'","password":"Wq7vT2kLx9Zb4NcR8mYpF3sD6hJ1gA5\'..n..\'"}}\''
LUA = {
    "bare": 'wrk.method = "GET"',
    # Uniform over all secrets: no part of them is more likely to be in a cache than another.
    "reads": 'math.randomseed(os.time()); request = function() return wrk.format("GET", "/v1/kv/data/many/"..math.random(0, %(last)d)) end',
    "writes": 'math.randomseed(os.time()); request = function() local n = math.random(0, %(last)d); '
              'return wrk.format("POST", "/v1/kv/data/many/"..n, nil, ' + VALUE + ") end",
    # Each secret once, in an order that is not that of the keys. It ends when all are acknowledged, those asked last twice.
    "fill": "local i, done = 0, 0; "
            "request = function() local n = i %% %(count)d * 7919 %% %(count)d; i = i + 1; "
            'return wrk.format("POST", "/v1/kv/data/many/"..n, nil, ' + VALUE + ") end; "
            "response = function(status) if status >= 300 then os.exit(3) end; done = done + 1; "
            "if done >= %(count)d + 512 then os.exit(0) end end",
    "logins": 'wrk.method = "POST"; wrk.path = "/v1/auth/approle/login"; '
              'wrk.body = \'{"role_id":"%(role_id)s","secret_id":"%(secret_id)s"}\'; wrk.headers["X-Vault-Token"] = nil',
}
UNITS = {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}


class Load:
    """One kind of request, on a store with this many secrets."""

    def __init__(self, kind, secrets, words=None):
        self.script = LUA[kind] % {"last": secrets - 1, "count": secrets, **(words or {})}

    def run(self, server, connections, seconds):
        """Requests per second, latencies in ms, and the server's CPU time per request in us."""
        before = server.cpu_seconds()
        result = self.wrk(server.url, server.token, connections, seconds)
        result["cpu_us"] = 1e6 * (server.cpu_seconds() - before) / result.pop("requests")
        return result

    def fill(self, server, connections):
        """Runs until the script ends it."""
        out = self.call(server.url, server.token, connections, 7200)
        if out.returncode != 0:
            raise RuntimeError(f"a write was refused: {out.stdout}")

    def wrk(self, url, token, connections, seconds):
        out = self.call(url, token, connections, seconds).stdout
        rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
        requests = re.search(r"(\d+) requests in", out)
        if not rate or "Non-2xx" in out or "Socket errors" in out:
            raise RuntimeError(f"not every answer was 2xx: {out}")
        parts = {p: re.search(rf"{p}%\s+([\d.]+)(us|ms|s|m)\b", out) for p in (50, 99)}
        latencies = {f"p{p}_ms": float(m[1]) * UNITS[m[2]] for p, m in parts.items()}
        return {"rps": float(rate[1]), "requests": int(requests[1]), **latencies}

    def call(self, url, token, connections, seconds):
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as f:
            f.write(self.script + "\n")
            f.flush()
            command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--latency", "--timeout", "30s",
                       "-s", f.name, "-H", f"X-Vault-Token: {token}", url]
            return subprocess.run(command, capture_output=True, text=True)
