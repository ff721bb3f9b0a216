//! Passwords and certificates.
use super::etcd::Etcd;
use super::*;
use crate::store::EtcdStore;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use std::path::Path;

fn with_user(etcd: &Etcd, name: &str, password: &str) -> Options {
    let mut options = options(&etcd.url(), "/kw");
    options.username = Some(name.to_owned());
    options.password = Some(Secret::new(password.to_owned()));
    options
}

async fn refusal(options: &Options) -> String {
    match open(options).await {
        Ok(_) => unreachable!("opened"),
        Err(e) => format!("{e} {e:?}"),
    }
}

#[tokio::test]
async fn a_user_with_a_role_for_the_path_will_do() {
    // Tokens that nobody uses for a second run out.
    let short = |_: &Path| vec!["--auth-token-ttl=1".to_owned()];
    let Some(etcd) = Etcd::start_with("http", short) else { return };
    for args in [
        "user add root:not-a-secret",
        "user add kw:not-a-secret",
        "user add other:not-a-secret",
        "role add kw",
        "role grant-permission kw readwrite /kw/ --prefix=true",
        "user grant-role kw kw",
        "auth enable",
    ] {
        etcd.control(&args.split(' ').collect::<Vec<_>>());
    }
    let store = EtcdStore::open(&with_user(&etcd, "kw", "not-a-secret")).await.unwrap();
    for i in 0..3 {
        blind(&store, vec![put("a", i.to_string())]).await;
        assert_eq!(count(&store, "a").await, i);
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    let head = store.newest().await.unwrap();
    let dialer = store.dialer().clone();
    store.handle().spawn(async move { crate::trim::compact(&dialer, head).await.unwrap() }).await.unwrap();
    // What was in force ends with the role.
    let root = "--user=root:not-a-secret";
    etcd.control(&[root, "user", "revoke-role", "kw", "kw"]);
    let outcome = store.commit(Batch { writes: vec![put("a", "9")], ..Batch::default() }).await;
    assert!(matches!(&outcome, Err(StoreError::Unavailable(why)) if why.contains("permission denied")), "{outcome:?}");
    etcd.control(&[root, "user", "grant-role", "kw", "kw"]);
    blind(&store, vec![put("a", "9")]).await;
    assert_eq!(count(&store, "a").await, 9);
    let refused = refusal(&with_user(&etcd, "kw", "LEAKME")).await;
    assert!(refused.contains("authentication failed") && !refused.contains("LEAKME"), "{refused}");
    assert!(refusal(&with_user(&etcd, "other", "not-a-secret")).await.contains("permission denied"));
    assert!(refusal(&options(&etcd.url(), "/kw")).await.contains("user name is empty"));
    let mut half = options(&etcd.url(), "/kw");
    half.username = Some("kw".to_owned());
    assert!(refusal(&half).await.contains("go together"));
}

/// A CA, a certificate for `localhost` and 127.0.0.1, and one for a client, in files.
fn put_certificates(dir: &Path) -> Vec<String> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(dir.join("ca.pem"), ca.pem()).unwrap();
    for (name, names) in [("server", vec!["localhost".to_owned(), "127.0.0.1".to_owned()]), ("client", Vec::new())] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let leaf = params.signed_by(&key, &ca).unwrap();
        std::fs::write(dir.join(format!("{name}.pem")), leaf.pem()).unwrap();
        std::fs::write(dir.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
    let file = |name: &str| dir.join(name).display().to_string();
    vec![
        "--client-cert-auth".to_owned(),
        format!("--trusted-ca-file={}", file("ca.pem")),
        format!("--cert-file={}", file("server.pem")),
        format!("--key-file={}", file("server.key")),
    ]
}

#[tokio::test]
async fn both_sides_show_certificates() {
    let Some(etcd) = Etcd::start_with("https", put_certificates) else { return };
    let file = |name: &str| Some(etcd.dir().join(name));
    let mut good = options(&format!("localhost:{}", etcd.port), "/kw");
    (good.tls_ca_file, good.tls_cert_file, good.tls_key_file) =
        (file("ca.pem"), file("client.pem"), file("client.key"));
    let store = open(&good).await.unwrap();
    blind(store.as_ref(), vec![put("a", "1")]).await;
    assert_eq!(count(store.as_ref(), "a").await, 1);

    let mut by_address = good.clone();
    by_address.address = format!("https://127.0.0.1:{}", etcd.port);
    open(&by_address).await.unwrap();

    let mut stranger = good.clone();
    stranger.tls_ca_file = None;
    stranger.address = format!("https://localhost:{}", etcd.port);
    assert!(refusal(&stranger).await.contains("certificate"), "the system does not trust our CA");
    let mut nameless = good.clone();
    (nameless.tls_cert_file, nameless.tls_key_file) = (None, None);
    refusal(&nameless).await;
    let mut plain = good.clone();
    plain.address = etcd.url();
    refusal(&plain).await;
    let mut wrong = good.clone();
    wrong.tls_key_file = file("ca.pem");
    assert!(refusal(&wrong).await.contains("tls_key_file"));
    let mut half = good;
    half.tls_key_file = None;
    assert!(refusal(&half).await.contains("go together"));
}
