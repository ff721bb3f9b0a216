// Command go drives the server with the Go client library of HashiCorp Vault, unmodified, as services use it.
// VAULT_ADDR and VAULT_TOKEN name a development server. Prints "N passed, N failed".
package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	vault "github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/api/auth/approle"
)

var ctx = context.Background()

type check struct {
	name string
	run  func(root *vault.Client) error
}

func main() {
	checks := []check{
		{"health", health},
		{"kv version 2", kv},
		{"approle", login},
		{"wrapping", wrapping},
		{"token", token},
		{"mounts", mounts},
	}
	failed := 0
	for _, c := range checks {
		root, err := vault.NewClient(vault.DefaultConfig())
		if err == nil {
			err = c.run(root)
		}
		if err != nil {
			failed++
			fmt.Printf("FAIL %s: %v\n", c.name, err)
		}
	}
	fmt.Printf("%d passed, %d failed\n", len(checks)-failed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

func health(root *vault.Client) error {
	h, err := root.Sys().Health()
	if err != nil {
		return err
	}
	return want(h.Initialized && !h.Sealed, "initialised and open")
}

func kv(root *vault.Client) error {
	if err := root.Sys().Mount("go-kv", &vault.MountInput{Type: "kv", Options: map[string]string{"version": "2"}}); err != nil {
		return err
	}
	store := root.KVv2("go-kv")
	first, err := store.Put(ctx, "app/db", map[string]interface{}{"user": "ann", "password": "one"})
	if err != nil {
		return err
	}
	if _, err = store.Put(ctx, "app/db", map[string]interface{}{"password": "two"}, vault.WithCheckAndSet(first.VersionMetadata.Version)); err != nil {
		return err
	}
	if _, err = store.Put(ctx, "app/db", map[string]interface{}{"password": "three"}, vault.WithCheckAndSet(1)); err == nil {
		return errors.New("a write with an old version was taken")
	}
	if _, err = store.Patch(ctx, "app/db", map[string]interface{}{"user": "bob"}); err != nil {
		return err
	}
	newest, err := store.Get(ctx, "app/db")
	if err != nil {
		return err
	}
	if err = want(newest.Data["user"] == "bob" && newest.Data["password"] == "two", "the patched secret"); err != nil {
		return err
	}
	old, err := store.GetVersion(ctx, "app/db", 1)
	if err != nil {
		return err
	}
	if err = want(old.Data["password"] == "one", "the first version"); err != nil {
		return err
	}
	versions, err := store.GetVersionsAsList(ctx, "app/db")
	if err != nil {
		return err
	}
	if err = want(len(versions) == 3, "three versions"); err != nil {
		return err
	}
	if err = store.DeleteMetadata(ctx, "app/db"); err != nil {
		return err
	}
	_, err = store.Get(ctx, "app/db")
	return want(errors.Is(err, vault.ErrSecretNotFound), "a deleted secret is not found")
}

func login(root *vault.Client) error {
	if err := root.Sys().PutPolicy("go-reader", `path "secret/data/go/*" { capabilities = ["read"] }`); err != nil {
		return err
	}
	if err := root.Sys().EnableAuthWithOptions("go-approle", &vault.EnableAuthOptions{Type: "approle"}); err != nil {
		return err
	}
	role := "auth/go-approle/role/app"
	if _, err := root.Logical().Write(role, map[string]interface{}{"token_policies": "go-reader", "token_ttl": "10m"}); err != nil {
		return err
	}
	id, err := root.Logical().Read(role + "/role-id")
	if err != nil {
		return err
	}
	wrapped := root.WithRequestCallbacks(func(r *vault.Request) { r.WrapTTL = "60s" })
	secret, err := wrapped.Logical().Write(role+"/secret-id", nil)
	if err != nil {
		return err
	}
	// The method unwraps the secret id by itself, as services are told to hand it over.
	given := &approle.SecretID{FromString: secret.WrapInfo.Token}
	method, err := approle.NewAppRoleAuth(id.Data["role_id"].(string), given, approle.WithMountPath("go-approle"), approle.WithWrappingToken())
	if err != nil {
		return err
	}
	app, err := vault.NewClient(vault.DefaultConfig())
	if err != nil {
		return err
	}
	if _, err = app.Auth().Login(ctx, method); err != nil {
		return err
	}
	if _, err = root.KVv2("secret").Put(ctx, "go/app", map[string]interface{}{"k": "v"}); err != nil {
		return err
	}
	read, err := app.KVv2("secret").Get(ctx, "go/app")
	if err != nil {
		return err
	}
	if err = want(read.Data["k"] == "v", "the role reads its secret"); err != nil {
		return err
	}
	_, err = app.KVv2("secret").Put(ctx, "go/app", map[string]interface{}{"k": "w"})
	return want(refused(err, 403), "the role may not write")
}

func wrapping(root *vault.Client) error {
	wrapping := root.WithRequestCallbacks(func(r *vault.Request) { r.WrapTTL = "60s" })
	wrapped, err := wrapping.Logical().Write("sys/wrapping/wrap", map[string]interface{}{"note": "hello"})
	if err != nil {
		return err
	}
	plain, err := root.Logical().Unwrap(wrapped.WrapInfo.Token)
	if err != nil {
		return err
	}
	if err = want(plain.Data["note"] == "hello", "what was wrapped"); err != nil {
		return err
	}
	_, err = root.Logical().Unwrap(wrapped.WrapInfo.Token)
	return want(err != nil, "a second unwrapping is refused")
}

func token(root *vault.Client) error {
	made, err := root.Auth().Token().Create(&vault.TokenCreateRequest{Policies: []string{"default"}, TTL: "1h"})
	if err != nil {
		return err
	}
	client, err := vault.NewClient(vault.DefaultConfig())
	if err != nil {
		return err
	}
	client.SetToken(made.Auth.ClientToken)
	self, err := client.Auth().Token().LookupSelf()
	if err != nil {
		return err
	}
	accessor, err := self.TokenAccessor()
	if err != nil || accessor != made.Auth.Accessor {
		return fmt.Errorf("accessor %q: %v", accessor, err)
	}
	renewed, err := client.Auth().Token().RenewSelf(1800)
	if err != nil {
		return err
	}
	if err = want(renewed.Auth.LeaseDuration == 1800, "half an hour more"); err != nil {
		return err
	}
	if err = root.Auth().Token().RevokeAccessor(accessor); err != nil {
		return err
	}
	_, err = client.Auth().Token().LookupSelf()
	return want(refused(err, 403), "a revoked token is refused")
}

func mounts(root *vault.Client) error {
	if err := root.Sys().Mount("go-mount", &vault.MountInput{Type: "kv", Description: "of the Go client"}); err != nil {
		return err
	}
	if err := root.Sys().TuneMount("go-mount", vault.MountConfigInput{MaxLeaseTTL: "2h"}); err != nil {
		return err
	}
	config, err := root.Sys().MountConfig("go-mount")
	if err != nil {
		return err
	}
	if err = want(config.MaxLeaseTTL == 7200, "the tuned time to live"); err != nil {
		return err
	}
	if err = root.Sys().Unmount("go-mount"); err != nil {
		return err
	}
	all, err := root.Sys().ListMounts()
	if err != nil {
		return err
	}
	_, there := all["go-mount/"]
	return want(!there, "the mount is gone")
}

func refused(err error, status int) bool {
	var response *vault.ResponseError
	return errors.As(err, &response) && response.StatusCode == status
}

func want(holds bool, what string) error {
	if holds {
		return nil
	}
	return errors.New("not so: " + what)
}
