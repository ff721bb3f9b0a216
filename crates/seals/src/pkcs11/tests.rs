use super::token::Failure;
use super::*;
use futures_util::FutureExt;
use kw_barrier::SystemRng;

fn options(lib: &str) -> Pkcs11Options {
    Pkcs11Options {
        lib: PathBuf::from(lib),
        slot: Some(0),
        token_label: None,
        pin: Secret::new("4321".to_owned()),
        key_label: "root".to_owned(),
        key_id: None,
        mechanism: None,
        oaep_hash: OaepHash::default(),
        generate_key: false,
        time_max: Duration::from_millis(200),
    }
}

#[test]
fn mechanisms_are_read_by_name_and_number() {
    for text in ["CKM_AES_GCM", "aes_gcm", "0x1087", "4231"] {
        assert_eq!(Pkcs11Mechanism::parse(text), Some(Pkcs11Mechanism::AesGcm), "{text}");
    }
    for text in ["CKM_RSA_PKCS_OAEP", "0x9", "9", "0x0009"] {
        assert_eq!(Pkcs11Mechanism::parse(text), Some(Pkcs11Mechanism::RsaOaep), "{text}");
    }
    for text in ["", "CKM_AES_CBC", "0x1085", "0x", "-9"] {
        assert_eq!(Pkcs11Mechanism::parse(text), None, "{text}");
    }
}

#[test]
fn what_does_not_go_together_is_refused() {
    let refuse = |options: Pkcs11Options| Pkcs11::new(options, Arc::new(SystemRng)).err().unwrap();
    assert!(refuse(Pkcs11Options { slot: None, ..options("/x") }).contains("slot or token_label"));
    assert!(refuse(Pkcs11Options { key_label: String::new(), ..options("/x") }).contains("key_label"));
    let unnamed =
        Pkcs11Options { key_label: String::new(), key_id: Some(vec![1]), generate_key: true, ..options("/x") };
    assert!(refuse(unnamed).contains("generate_key needs key_label"));
}

#[tokio::test]
async fn a_library_that_is_missing_is_an_answer_and_not_a_panic() {
    let seal = Pkcs11::new(options("/nowhere/missing.so"), Arc::new(SystemRng)).unwrap();
    let why = seal.wrap(&UnsealKey::generate(&SystemRng)).await.unwrap_err().to_string();
    assert!(why.contains("/nowhere/missing.so") && !why.contains("4321"), "{why}");
}

#[tokio::test]
async fn a_module_that_hangs_is_given_up() {
    let module = Module::of(&PathBuf::from("/nowhere/hanging.so")).unwrap();
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    module.block(held);
    for _ in 0..40 {
        // Also when more calls wait than the module is given.
        let call = module.run(Duration::from_millis(5), |_| Ok::<_, Failure>(()));
        assert!(call.await.unwrap_err().to_string().contains("has not answered"));
    }
    let_go.send(()).unwrap();
    // What has piled up is let go of first; while there is no room behind it, a call is still refused.
    let mut why = String::new();
    for _ in 0..200 {
        let call = module.run(Duration::from_secs(5), |_| Ok::<_, Failure>(())).await;
        why = call.unwrap_err().to_string();
        if why.contains("hanging.so") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(why.contains("hanging.so"), "{why}");
    // A call that nobody waits for is not made.
    let (let_go, held) = std::sync::mpsc::channel::<()>();
    module.block(held);
    let (made, was_made) = std::sync::mpsc::channel::<()>();
    let call = module.run(Duration::from_secs(5), move |_| {
        let _told = made.send(());
        Ok::<_, Failure>(())
    });
    assert!(call.now_or_never().is_none());
    let_go.send(()).unwrap();
    assert!(was_made.recv().is_err(), "its work is dropped unused");
}
