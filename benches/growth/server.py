"""Servers to be measured: started on CPU 0, filled, stopped, killed and weighed."""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

from load import Load


class Server:
    """A server with this many secrets in its directory."""

    def __init__(self, binary, folder, secrets):
        self.binary, self.folder, self.secrets = pathlib.Path(binary).resolve(), folder, secrets
        self.process = None
        self.port = free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        (folder / "key").write_text("00112233445566778899aabbccddeeff" * 2)
        self.folder.joinpath("server.hcl").write_text(f"""
storage "embedded" {{ path = "{folder}/data" }}
seal "static" {{
  current_key_id = "growth"
  current_key = "file://{folder}/key"
}}
listener "tcp" {{
  address = "127.0.0.1:{self.port}"
  tls_disable = true
}}
disable_mlock = true
audit "file" "main" {{ options {{ file_path = "{folder}/audit.log" }} }}
""")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self):
        return json.loads((self.folder / "init.json").read_text())["root_token"]

    def start(self):
        """Returns the ms until it listens and says that it is open, and until it has answered a read of a secret."""
        # The audit log is not what is measured, and grows by gigabytes.
        (self.folder / "audit.log").unlink(missing_ok=True)
        log = open(self.folder / "log", "ab")
        begun = time.perf_counter()
        self.process = subprocess.Popen(["taskset", "-c", "0", self.binary, "server", f"-config={self.folder}/server.hcl"],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wanted = 200 if (self.folder / "init.json").exists() else 501
        while self.try_get("sys/health") != wanted:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended: {(self.folder / 'log').read_text()[-2000:]}")
            if time.perf_counter() - begun > 60:
                raise RuntimeError("the server did not start")
            time.sleep(0.0005)
        ready = time.perf_counter()
        if self.secrets and (self.folder / "filled").exists():
            status = self.try_get(f"kv/data/many/{self.secrets // 2}")
            if status != 200:
                raise RuntimeError(f"a secret that is there was answered with {status}")
        return {"ready_ms": 1000 * (ready - begun), "first_read_ms": 1000 * (time.perf_counter() - begun)}

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.process = None

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def fill(self):
        """Initialises it and writes the secrets; does nothing if that was done before."""
        if (self.folder / "filled").exists():
            return
        self.start()
        if not (self.folder / "init.json").exists():
            answer = self.call("POST", "sys/init", {"recovery_shares": 1, "recovery_threshold": 1}, token="")
            (self.folder / "init.json").write_text(json.dumps(answer))
            while self.try_get("sys/health") != 200:
                time.sleep(0.01)
        self.call("POST", "sys/mounts/kv", {"type": "kv", "options": {"version": "2"}})
        begun = time.perf_counter()
        if self.secrets:
            Load("fill", self.secrets).fill(self, 256)
        took = time.perf_counter() - begun
        self.stop()
        (self.folder / "filled").touch()
        print(f"{self.secrets} secrets written in {took:.0f} s, {self.on_disk_mb()} MB", flush=True)

    def prepare_logins(self):
        """An AppRole and a secret id: what a login sends."""
        if "approle/" not in self.call("GET", "sys/auth")["data"]:
            self.call("POST", "sys/auth/approle", {"type": "approle"})
        self.call("POST", "auth/approle/role/app", {"token_policies": "default", "token_ttl": "10m"})
        role = self.call("GET", "auth/approle/role/app/role-id")["data"]["role_id"]
        secret = self.call("POST", "auth/approle/role/app/secret-id", {})["data"]["secret_id"]
        return {"role_id": role, "secret_id": secret}

    def call(self, method, path, body=None, token=None):
        status, raw = self.request(method, path, body, self.token if token is None else token)
        if status >= 300:
            raise RuntimeError(f"{method} {path}: {status} {raw[:300]}")
        return json.loads(raw) if raw else {}

    def request(self, method, path, body, token):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, f"/v1/{path}", None if body is None else json.dumps(body), {"X-Vault-Token": token})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def try_get(self, path):
        try:
            token = self.token if (self.folder / "init.json").exists() else ""
            return self.request("GET", path, None, token)[0]
        except OSError:
            return None

    def forget_pages(self):
        """Drops the store's files from the page cache, so that a start has to read from the disk."""
        for path in (self.folder / "data").iterdir():
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(handle)

    def read_files(self):
        """Brings the store's files into the page cache, as they are on a machine that has been serving for a while."""
        for path in (self.folder / "data").iterdir():
            with open(path, "rb") as f:
                while f.read(1 << 20):
                    pass

    def resident_mb(self):
        return self.status("VmRSS")

    def peak_mb(self):
        return self.status("VmHWM")

    def status(self, name):
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return round(int(re.search(rf"{name}:\s+(\d+)", text)[1]) / 1024, 1)

    def on_disk_mb(self):
        return round(sum(f.stat().st_blocks * 512 for f in (self.folder / "data").iterdir()) / 1e6, 1)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Ceiling:
    """A bare hyper server."""

    def __init__(self, binary):
        self.port = free_port()
        self.process = subprocess.Popen(["taskset", "-c", "0", str(binary), str(self.port)], stdout=subprocess.DEVNULL)

    def __enter__(self):
        while socket.socket().connect_ex(("127.0.0.1", self.port)) != 0:
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def requests_per_second(self, connections, seconds):
        return Load("bare", 0).wrk(f"http://127.0.0.1:{self.port}", "x" * 95, connections, seconds)["rps"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
