//! Certificates as people make them.
use crate::shell::Shell;
use crate::support::{Server, Setup};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// What one call of `openssl req -x509` makes: a certificate that is its own authority. Gives the paths of both files.
pub fn self_signed(setup: &Setup) -> (String, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(setup.path("cert.pem"), own.pem()).unwrap();
    std::fs::write(setup.path("key.pem"), own.key().serialize_pem()).unwrap();
    (setup.file("cert.pem"), setup.file("key.pem"))
}

/// A server as in production: embedded store, TLS, sealed. And someone who trusts its certificate.
pub fn secured() -> (Setup, Server, Shell) {
    let mut setup = Setup::embedded();
    let (cert, key) = self_signed(&setup);
    setup.listeners = format!(
        "listener \"tcp\" {{\n  address = \"127.0.0.1:0\"\n  tls_cert_file = \"{cert}\"\n  tls_key_file = \"{key}\"\n}}\n"
    );
    let server = setup.start();
    let sh = Shell::new(&format!("https://{}", server.address)).with("VAULT_CACERT", &cert);
    (setup, server, sh)
}

#[test]
fn a_self_signed_certificate_is_trusted_when_it_is_named_and_only_then() {
    let (setup, server, sh) = secured();
    sh.run("status").is(2).says(&["Initialized        false"]);
    let port = server.address.rsplit(':').next().unwrap();
    sh.with("VAULT_ADDR", &format!("https://localhost:{port}")).run("status").is(2);
    let stranger = sh.with("VAULT_CACERT", "");
    stranger.run("status").is(1).complains(&["tls: invalid peer certificate", "-ca-cert or VAULT_CACERT"]);
    stranger.run("read secret/a").is(2).complains(&["tls: invalid peer certificate"]);
    stranger.with("VAULT_SKIP_VERIFY", "true").run("status").is(2).says(&["Sealed             true"]);
    stranger.run(&format!("status -ca-cert={}", setup.file("cert.pem"))).is(2);
    let pem = std::fs::read_to_string(setup.file("cert.pem")).unwrap();
    stranger.with("VAULT_CACERT_BYTES", &pem).run("status").is(2).says(&["Sealed             true"]);
    stranger.with("BAO_CACERT_BYTES", "x").run("status").is(1).complains(&["holds no certificate in PEM"]);
    let (other, _) = self_signed(&Setup::embedded());
    assert!(!std::path::Path::new(&other).exists());
    let second = Setup::embedded();
    let (other, _) = self_signed(&second);
    sh.with("VAULT_CACERT", &other).run("status").is(1).complains(&["tls: invalid peer certificate"]);
    let named = sh.run("status -tls-server-name=elsewhere.test").is(1);
    named.complains(&["not valid for name", "-tls-server-name"]);
    sh.with("VAULT_CACERT", "/nonexistent.pem").run("status").is(1).complains(&["/nonexistent.pem"]);
    let key = setup.file("key.pem");
    sh.with("VAULT_CACERT", &key).run("status").is(1).complains(&["holds no certificate in PEM"]);
    let plain = sh.with("VAULT_ADDR", &format!("http://{}", server.address)).run("status").is(1);
    plain.complains(&["begin VAULT_ADDR with https://"]);
    let dev = Server::dev();
    let secure = sh.with("VAULT_ADDR", &format!("https://{}", dev.address)).run("status").is(1);
    secure.complains(&["begin VAULT_ADDR with http://"]);
}
