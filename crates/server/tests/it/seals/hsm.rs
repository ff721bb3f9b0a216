//! A hardware module: SoftHSM, which is one in software, through its PKCS#11 library.
use super::*;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const LIBRARIES: [&str; 3] =
    ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/usr/local/lib/softhsm/libsofthsm2.so"];

/// A module with one empty token.
struct Hsm {
    folder: TempDir,
    library: &'static str,
}

impl Hsm {
    /// `None` where it is not installed; `cargo xtask check` installs it.
    fn new() -> Option<Self> {
        let library = LIBRARIES.into_iter().find(|path| PathBuf::from(path).exists())?;
        let hsm = Self { folder: tempfile::tempdir().unwrap(), library };
        fs::create_dir(hsm.tokens()).unwrap();
        let conf = format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
            hsm.tokens().display()
        );
        fs::write(hsm.conf(), conf).unwrap();
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", "keywright", "--pin", "4321", "--so-pin", "87654321"])
            .env("SOFTHSM2_CONF", hsm.conf())
            .stdout(Stdio::null())
            .status();
        assert!(made.unwrap().success());
        Some(hsm)
    }

    fn conf(&self) -> PathBuf {
        self.folder.path().join("softhsm2.conf")
    }

    fn tokens(&self) -> PathBuf {
        self.folder.path().join("tokens")
    }

    fn seal(&self, more: &str) -> String {
        format!(
            "seal \"pkcs11\" {{\n  lib = \"{}\"\n  token_label = \"keywright\"\n  pin = \"4321\"\n  key_label = \"root\"\n  {more}\n}}",
            self.library
        )
    }

    fn setup(&self, more: &str) -> Setup {
        let conf = self.conf().display().to_string();
        Setup::embedded().with_variable("SOFTHSM2_CONF", &conf).with_top(&self.seal(more))
    }

    /// The module is unplugged.
    fn unplug(&self) {
        fs::rename(self.tokens(), self.folder.path().join("away")).unwrap();
        fs::create_dir(self.tokens()).unwrap();
    }

    fn plug_in(&self) {
        fs::remove_dir_all(self.tokens()).unwrap();
        fs::rename(self.folder.path().join("away"), self.tokens()).unwrap();
    }
}

/// The whole life with one mechanism.
fn live(more: &str, key_word: &str) {
    let Some(hsm) = Hsm::new() else { return eprintln!("skipped: SoftHSM is not installed") };
    let setup = hsm.setup(more);
    let server = initialised(&setup);
    let row = backend(&server);
    assert!(row["key_id"].as_str().unwrap().starts_with(key_word), "{row}");
    let server = restarted(&setup, server);
    opens(&server);
    hsm.unplug();
    let server = restarted(&setup, server);
    stays_sealed(&server, "token");
    assert_eq!(backend(&server)["healthy"], json!(false));
    // It comes back, and nobody has to do anything.
    hsm.plug_in();
    opens(&server);
    // It is lost for good.
    let shares = server.keys.shares.clone();
    assert_eq!(drill(&server, &shares[..2]).ok().json()["opens_store"], json!(true));
    hsm.unplug();
    let server = restarted(&setup, server);
    stays_sealed(&server, "token");
    assert_eq!(give(&server, &shares[1..], "recovery").status, 200);
    opens(&server);
    assert!(!server.log().contains("4321"), "the PIN is in the log");
}

fn backend(server: &Server) -> Value {
    server.nobody().get("sys/seal-backend-status").ok().json()["backends"][0].clone()
}

#[test]
fn an_aes_key_of_a_module_opens_the_store() {
    live("mechanism = \"0x1087\"\n  generate_key = \"true\"", "root:");
}

#[test]
fn an_rsa_key_of_a_module_opens_the_store() {
    // SoftHSM knows OAEP with SHA-1 alone.
    live("mechanism = \"CKM_RSA_PKCS_OAEP\"\n  rsa_oaep_hash = \"sha1\"\n  generate_key = true", "root:");
}

#[test]
fn a_wrong_pin_is_tried_once() {
    let Some(hsm) = Hsm::new() else { return eprintln!("skipped: SoftHSM is not installed") };
    let setup = hsm.setup("generate_key = true");
    let server = initialised(&setup);
    let keys = server.keys.clone();
    server.stop();
    // As operators set it where the configuration is not to hold it; the environment counts first.
    let wrong = started(&setup.clone().with_variable("BAO_HSM_PIN", "999999"), &keys);
    stays_sealed(&wrong, "not tried again");
    wrong.stop();
    let server = started(&setup, &keys);
    opens(&server);
}

#[test]
fn a_new_key_of_the_module_is_taken_up_and_the_old_one_still_opens() {
    let Some(hsm) = Hsm::new() else { return eprintln!("skipped: SoftHSM is not installed") };
    let mut setup = hsm.setup("key_id = \"0x01\"\n  generate_key = true");
    let server = initialised(&setup);
    let keys = server.keys.clone();
    server.stop();
    setup.top = hsm.seal("key_id = \"0x02\"\n  generate_key = true");
    let server = started(&setup, &keys);
    opens(&server);
    let since = Instant::now();
    while !server.log().contains("encrypted anew by the seals") {
        assert!(since.elapsed() < OPENING_TIME, "{}", server.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(backend(&server)["key_id"], json!("root:02"));
    let server = restarted(&setup, server);
    opens(&server);
}
