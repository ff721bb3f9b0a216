//! The certificate that is both the authority and the server.
use super::Verifier;
use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::{ServerName, UnixTime};
use std::sync::Arc;
use std::time::Duration;

/// 2024-06-01.
const NOW: u64 = 1_717_200_000;

fn own(is_ca: IsCa) -> Certificate {
    let mut params = CertificateParams::new(vec!["vault.test".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.is_ca = is_ca;
    params.not_before = date_time_ymd(2024, 1, 1);
    params.not_after = date_time_ymd(2025, 1, 1);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap()
}

fn check(named: &Certificate, shown: &Certificate, name: &'static str, now: u64) -> Result<(), String> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = Verifier::new(vec![named.der().clone()], provider).unwrap();
    let (name, now) = (ServerName::try_from(name).unwrap(), UnixTime::since_unix_epoch(Duration::from_secs(now)));
    verifier.verify_server_cert(shown.der(), &[], &name, &[], now).map(|_| ()).map_err(|e| e.to_string())
}

#[test]
fn a_trusted_certificate_may_be_the_servers_own() {
    for is_ca in [IsCa::Ca(BasicConstraints::Unconstrained), IsCa::ExplicitNoCa, IsCa::NoCa] {
        let own = own(is_ca);
        check(&own, &own, "vault.test", NOW).unwrap();
        check(&own, &own, "127.0.0.1", NOW).unwrap();
    }
}

#[test]
fn and_is_refused_for_another_name_at_another_time_or_as_another_certificate() {
    let ca = || own(IsCa::Ca(BasicConstraints::Unconstrained));
    let mine = ca();
    assert!(check(&mine, &mine, "other.test", NOW).unwrap_err().contains("not valid for name"));
    assert!(check(&mine, &mine, "127.0.0.2", NOW).unwrap_err().contains("not valid for name"));
    assert!(check(&mine, &mine, "vault.test", NOW + 400 * 86_400).unwrap_err().contains("expired"));
    assert!(check(&mine, &mine, "vault.test", NOW - 400 * 86_400).unwrap_err().contains("not valid yet"));
    check(&mine, &ca(), "vault.test", NOW).unwrap_err();
    check(&mine, &own(IsCa::NoCa), "vault.test", NOW).unwrap_err();
}
