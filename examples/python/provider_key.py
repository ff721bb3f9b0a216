"""Reads a provider key with hvac, once every few minutes rather than at each call, and again when the provider refuses it.

Set VAULT_ADDR, ROLE_ID and SECRET_ID; see docs/tutorial.md for how they are made.
"""
import os
import time

import hvac

SECONDS_KEPT = 300


class ProviderKey:
    def __init__(self, path, field="value", mount="secret"):
        self._path, self._field, self._mount = path, field, mount
        self._vault = hvac.Client(url=os.environ["VAULT_ADDR"])
        self._value, self._read_at = None, 0.0

    def get(self, refused=False):
        """The key; `refused=True` after the provider has refused it."""
        if refused or self._value is None or time.monotonic() - self._read_at > SECONDS_KEPT:
            if not self._vault.is_authenticated():
                self._vault.auth.approle.login(role_id=os.environ["ROLE_ID"], secret_id=os.environ["SECRET_ID"])
            answer = self._vault.secrets.kv.v2.read_secret_version(path=self._path, mount_point=self._mount, raise_on_deleted_version=True)
            self._value, self._read_at = answer["data"]["data"][self._field], time.monotonic()
        return self._value


if __name__ == "__main__":
    print(len(ProviderKey("my-ai-app/api_key").get()), "characters")
