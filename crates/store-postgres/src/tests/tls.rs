use super::cluster::Cluster;
use super::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::Path;

/// A CA, and a certificate for `localhost` alone.
fn put_certificates(data: &Path) -> String {
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
    std::fs::write(data.join("ca.pem"), ca.pem()).unwrap();
    std::fs::write(data.join("server.pem"), leaf.pem()).unwrap();
    std::fs::write(data.join("server.key"), key.serialize_pem()).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(data.join("server.key"), private).unwrap();
    "ssl = on\nssl_cert_file = 'server.pem'\nssl_key_file = 'server.key'\nssl_min_protocol_version = 'TLSv1.3'\n"
        .to_owned()
}

#[tokio::test]
async fn as_much_is_checked_as_was_asked_for() {
    let mut file = None;
    let started = Cluster::start_with(|data| {
        file = Some(data.join("ca.pem"));
        put_certificates(data)
    });
    let (Some(cluster), Some(ca)) = (started, file) else { return };
    let ca = ca.display();
    cluster.sql("CREATE TABLE seen (tls boolean)").await;
    let cases = [
        ("127.0.0.1", "sslmode=disable".to_owned(), Some(false)),
        ("127.0.0.1", "sslmode=prefer".to_owned(), Some(true)),
        ("127.0.0.1", "sslmode=require".to_owned(), Some(true)),
        ("127.0.0.1", "sslmode=require&channel_binding=require".to_owned(), Some(true)),
        ("127.0.0.1", format!("sslmode=verify-ca&sslrootcert={ca}"), Some(true)),
        ("127.0.0.1", format!("sslmode=verify-full&sslrootcert={ca}"), None),
        ("127.0.0.1", "sslmode=verify-ca".to_owned(), None),
        ("localhost", format!("sslmode=verify-full&sslrootcert={ca}"), Some(true)),
        ("localhost", "sslmode=verify-full&sslrootcert=system".to_owned(), None),
    ];
    for (host, tls, want) in cases {
        let url = format!("postgres://kw:not-a-secret@{host}:{}/postgres?{tls}", cluster.port);
        let address = crate::address::Address::new(&Secret::new(url)).unwrap();
        let found = match crate::session::connect(&address).await {
            Ok(session) => {
                let text = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
                Some(session.client.query_one(text, &[]).await.unwrap().get::<_, bool>(0))
            }
            Err(_) => None,
        };
        assert_eq!(found, want, "{host} {tls}");
    }
}
