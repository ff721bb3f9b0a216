//! `server -dev`, as the tutorials have it: one command, and everything works.
use crate::shell::{Said, Shell};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A development server that was started by someone, and stops with the test.
struct Dev {
    child: Child,
    url: String,
    /// What it printed until its keys.
    said: String,
}

impl Dev {
    /// Starts it in the home of `sh`, with these flags besides.
    fn start(sh: &Shell, flags: &[&str]) -> Self {
        let mut child = Command::new(sh.path("vault"))
            .args(["server", "-dev", "-dev-listen-address=127.0.0.1:0"])
            .args(flags)
            .current_dir(sh.path(""))
            .env_clear()
            .env("HOME", sh.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            said += &line.unwrap();
            said += "\n";
            if said.contains("should NOT be used in production") {
                break;
            }
        }
        let url = said.split("VAULT_ADDR='").nth(1).and_then(|rest| rest.split('\'').next()).unwrap().to_owned();
        Self { child, url, said }
    }

    fn value(&self, label: &str) -> String {
        self.said.lines().find_map(|l| l.strip_prefix(label)).unwrap().trim().to_owned()
    }

    /// Asks it to stop; gives its exit code.
    fn stop(mut self) -> Option<i32> {
        let sent = Command::new("/bin/kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn works(sh: &Shell, dev: &Dev) -> Said {
    let sh = sh.with("VAULT_ADDR", &dev.url);
    sh.ok("kv put secret/hello foo=world");
    sh.ok("kv get secret/hello").says(&["foo    world"])
}

#[test]
fn the_first_commands_of_a_tutorial() {
    let sh = Shell::new("");
    let dev = Dev::start(&sh, &["-dev-root-token-id=education"]);
    assert!(dev.said.contains("==> Vault server configuration:") && dev.said.contains("==> Vault server started!"));
    assert_eq!(dev.value("Root Token: "), "education");
    // The root token is there for the command line, without login and without a variable.
    works(&sh, &dev);
    assert_eq!(sh.value("print token"), "education");
    let here = sh.with("VAULT_ADDR", &dev.url);
    here.ok("operator seal");
    here.ok(&format!("operator unseal {}", dev.value("Unseal Key: "))).says(&["Sealed          false"]);
    works(&sh, &dev);
    assert_eq!(dev.stop(), Some(0));
}

#[test]
fn a_development_server_that_keeps_its_data() {
    let sh = Shell::new("");
    let kept = format!("-dev-persist={}", sh.path("kept").display());
    let dev = Dev::start(&sh, &[&kept]);
    works(&sh, &dev);
    let token = dev.value("Root Token: ");
    dev.stop();
    let dev = Dev::start(&sh, &[&kept, "-dev-no-store-token"]);
    assert_eq!(dev.value("Root Token: "), token);
    let here = sh.with("VAULT_ADDR", &dev.url);
    assert_eq!(here.value("kv get -field=foo secret/hello"), "world");
}

#[test]
fn tls_as_the_tutorials_have_it() {
    let sh = Shell::new("");
    let dev = Dev::start(&sh, &["-dev-tls", "-dev-tls-san=vault.test"]);
    assert!(dev.url.starts_with("https://127.0.0.1:"), "{}", dev.said);
    let authority =
        dev.said.split("VAULT_CACERT='").nth(1).and_then(|rest| rest.split('\'').next()).unwrap().to_owned();
    let trusting = sh.with("VAULT_CACERT", &authority);
    works(&trusting, &dev);
    let here = trusting.with("VAULT_ADDR", &dev.url);
    here.ok("status -tls-server-name=vault.test");
    here.run("status -tls-server-name=other.test").is(1).complains(&["not valid for name"]);
    sh.with("VAULT_ADDR", &dev.url).run("status").is(1).complains(&["is not trusted"]);
    assert_eq!(dev.stop(), Some(0));
    assert!(!std::path::Path::new(&authority).exists(), "what was temporary is gone");
    std::fs::create_dir(sh.path("certs")).unwrap();
    let dev = Dev::start(&sh, &["-dev-tls", "-dev-tls-cert-dir=certs"]);
    works(&sh.with("VAULT_CACERT", "certs/vault-ca.pem"), &dev);
}

#[test]
fn a_file_and_a_token_helper_of_ones_own() {
    let sh = Shell::new("");
    sh.write_file("dev.hcl", "default_lease_ttl = \"1h\"\n");
    sh.write_file(".vault", &format!("token_helper = \"{}\"\n", sh.path("helper").display()));
    sh.write_file("helper", "#!/bin/sh\ncase $1 in get) touch kept; cat kept ;; store) cat > kept ;; esac\n");
    std::fs::set_permissions(sh.path("helper"), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let dev = Dev::start(&sh, &["-config=dev.hcl", "-log-file=dev.log"]);
    works(&sh, &dev);
    assert_eq!(std::fs::read_to_string(sh.path("kept")).unwrap(), dev.value("Root Token: "));
    assert!(!sh.path(".vault-token").exists());
    let here = sh.with("VAULT_ADDR", &dev.url);
    assert_eq!(here.ok("token create -policy=default").row("token_duration"), "1h");
    dev.stop();
    assert!(std::fs::read_to_string(sh.path("dev.log")).unwrap().contains("stopping"));
}

#[test]
fn without_the_comforts() {
    let sh = Shell::new("");
    let dev = Dev::start(&sh, &["-dev-no-store-token", "-dev-no-kv"]);
    assert!(!sh.path(".vault-token").exists());
    let here = sh.with("VAULT_ADDR", &dev.url).with("VAULT_TOKEN", &dev.value("Root Token: "));
    assert!(!here.ok("secrets list").out.contains("secret/"));
}
