#!/usr/bin/env python3
"""The calls of hvac's own getting-started pages, on a development server that VAULT_ADDR and VAULT_TOKEN name."""
import os, sys, tempfile, traceback

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest


def client(token=None):
    return hvac.Client(url=os.environ["VAULT_ADDR"], token=token or os.environ["VAULT_TOKEN"])


def raises(kind, call, *args, **kw):
    try:
        call(*args, **kw)
    except kind:
        return True
    return False


def status_and_authentication(vault):
    assert vault.is_authenticated() and vault.sys.is_initialized() and not vault.sys.is_sealed()
    assert vault.sys.read_health_status(method="GET")["initialized"] is True
    assert not client("hvs.nobody").is_authenticated()


def kv_version_2(vault):
    kv = vault.secrets.kv.v2
    kv.create_or_update_secret(path="hvac/app", secret={"user": "ann", "password": "one"})
    kv.create_or_update_secret(path="hvac/app", secret={"user": "ann", "password": "two"})
    assert kv.read_secret_version(path="hvac/app", raise_on_deleted_version=True)["data"]["data"]["password"] == "two"
    assert kv.read_secret_version(path="hvac/app", version=1, raise_on_deleted_version=True)["data"]["data"]["password"] == "one"
    kv.patch(path="hvac/app", secret={"user": "bob"})
    assert kv.read_secret_version(path="hvac/app", raise_on_deleted_version=True)["data"]["data"] == {"user": "bob", "password": "two"}
    assert raises(InvalidRequest, kv.create_or_update_secret, path="hvac/app", secret={"x": "y"}, cas=1)
    assert kv.list_secrets(path="hvac")["data"]["keys"] == ["app"]
    kv.delete_secret_versions(path="hvac/app", versions=[2])
    assert raises(InvalidPath, kv.read_secret_version, path="hvac/app", version=2, raise_on_deleted_version=True)
    kv.undelete_secret_versions(path="hvac/app", versions=[2])
    kv.destroy_secret_versions(path="hvac/app", versions=[1])
    versions = kv.read_secret_metadata(path="hvac/app")["data"]["versions"]
    assert versions["1"]["destroyed"] is True and versions["2"]["deletion_time"] == ""
    kv.update_metadata(path="hvac/app", max_versions=5, custom_metadata={"owner": "ann"})
    kv.delete_metadata_and_all_versions(path="hvac/app")
    assert raises(InvalidPath, kv.read_secret_metadata, path="hvac/app")


def kv_version_1(vault):
    vault.sys.enable_secrets_engine("kv", path="hvac-kv1", options={"version": "1"})
    kv = vault.secrets.kv.v1
    kv.create_or_update_secret(mount_point="hvac-kv1", path="a", secret={"n": 1})
    assert kv.read_secret(mount_point="hvac-kv1", path="a")["data"] == {"n": 1}
    kv.delete_secret(mount_point="hvac-kv1", path="a")
    vault.sys.disable_secrets_engine("hvac-kv1")
    assert "hvac-kv1/" not in vault.sys.list_mounted_secrets_engines()["data"]


def policies(vault):
    vault.sys.create_or_update_policy("hvac-reader", 'path "secret/data/hvac/*" { capabilities = ["read"] }')
    assert "hvac-reader" in vault.sys.list_policies()["data"]["policies"]
    assert "secret/data/hvac" in vault.sys.read_policy("hvac-reader")["data"]["rules"]


def tokens(vault):
    made = vault.auth.token.create(policies=["hvac-reader"], ttl="1h")["auth"]
    limited = client(made["client_token"])
    assert set(limited.auth.token.lookup_self()["data"]["policies"]) == {"default", "hvac-reader"}
    vault.secrets.kv.v2.create_or_update_secret(path="hvac/t", secret={"k": "v"})
    assert limited.secrets.kv.v2.read_secret_version(path="hvac/t", raise_on_deleted_version=True)["data"]["data"] == {"k": "v"}
    assert raises(Forbidden, limited.secrets.kv.v2.create_or_update_secret, path="hvac/t", secret={"k": "w"})
    assert limited.auth.token.renew_self(increment="30m")["auth"]["lease_duration"] == 1800
    assert vault.auth.token.lookup_accessor(made["accessor"])["data"]["accessor"] == made["accessor"]
    vault.auth.token.revoke(made["client_token"])
    assert not limited.is_authenticated()


def approle(vault):
    vault.sys.enable_auth_method("approle", path="hvac-approle")
    vault.auth.approle.create_or_update_approle("app", token_policies=["hvac-reader"], token_ttl="10m", mount_point="hvac-approle")
    role_id = vault.auth.approle.read_role_id("app", mount_point="hvac-approle")["data"]["role_id"]
    secret_id = vault.auth.approle.generate_secret_id("app", mount_point="hvac-approle")["data"]["secret_id"]
    app = hvac.Client(url=os.environ["VAULT_ADDR"])
    auth = app.auth.approle.login(role_id=role_id, secret_id=secret_id, mount_point="hvac-approle")["auth"]
    assert "hvac-reader" in auth["policies"] and app.is_authenticated()
    assert raises(InvalidRequest, app.auth.approle.login, role_id=role_id, secret_id="wrong", mount_point="hvac-approle")


def userpass(vault):
    vault.sys.enable_auth_method("userpass", path="hvac-users")
    vault.auth.userpass.create_or_update_user("ann", "a-pass-word", policies=["hvac-reader"], mount_point="hvac-users")
    ann = hvac.Client(url=os.environ["VAULT_ADDR"])
    assert ann.auth.userpass.login("ann", "a-pass-word", mount_point="hvac-users")["auth"]["metadata"] == {"username": "ann"}
    assert ann.is_authenticated()


def wrapping(vault):
    wrapped = vault.sys.wrap({"note": "hello"}, ttl=60)["wrap_info"]["token"]
    assert vault.sys.unwrap(wrapped)["data"] == {"note": "hello"}
    assert raises((InvalidRequest, Forbidden), vault.sys.unwrap, wrapped)


def audit_and_leases(vault):
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "audit.log")
        vault.sys.enable_audit_device("file", options={"file_path": file}, path="hvac-audit")
        assert "hvac-audit/" in vault.sys.list_enabled_audit_devices()["data"]
        vault.sys.disable_audit_device("hvac-audit")
        assert os.path.getsize(file) > 0
    assert raises((InvalidRequest, InvalidPath), vault.sys.read_lease, "no/such/lease")


CALLS = [status_and_authentication, kv_version_2, kv_version_1, policies, tokens, approle, userpass, wrapping, audit_and_leases]


def main():
    failed = 0
    for call in CALLS:
        try:
            call(client())
        except Exception:
            failed += 1
            print(f"FAIL {call.__name__}")
            traceback.print_exc(file=sys.stdout)
    print(f"{len(CALLS) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
