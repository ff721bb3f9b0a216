use super::*;
use futures_util::FutureExt;
use kw_barrier::SystemRng;

fn seal(current: (&str, u8), previous: Option<(&str, u8)>) -> StaticKey {
    let key = |byte| Secret::new(vec![byte; KEY_LEN]);
    let options = StaticKeyOptions {
        current_key_id: current.0.to_owned(),
        current_key: key(current.1),
        previous: previous.map(|(id, byte)| (id.to_owned(), key(byte))),
    };
    StaticKey::new(options, Arc::new(SystemRng)).unwrap()
}

#[test]
fn a_key_that_became_the_previous_one_still_opens() {
    let key = UnsealKey::generate(&SystemRng);
    let wrapped = seal(("a", 1), None).wrap(&key).now_or_never().unwrap().unwrap();
    assert_eq!(wrapped.key_id, "a");
    let open = |seal: StaticKey| seal.unwrap(&wrapped).now_or_never().unwrap();
    assert!(open(seal(("a", 1), None)).unwrap().matches(&key));
    assert!(open(seal(("b", 2), Some(("a", 1)))).unwrap().matches(&key));
    assert_eq!(open(seal(("a", 2), None)).unwrap_err(), SealError::WrongKey);
    assert!(open(seal(("b", 2), None)).unwrap_err().to_string().contains("\"a\""));
}

#[test]
fn what_was_changed_does_not_open() {
    let seal = seal(("a", 1), Some(("b", 1)));
    let wrapped = seal.wrap(&UnsealKey::generate(&SystemRng)).now_or_never().unwrap().unwrap();
    for at in 0..wrapped.content.len() {
        let mut changed = wrapped.clone();
        changed.content[at] ^= 1;
        assert_eq!(seal.unwrap(&changed).now_or_never().unwrap().unwrap_err(), SealError::WrongKey);
    }
    let other_id = WrappedKey { key_id: "b".to_owned(), ..wrapped };
    assert_eq!(seal.unwrap(&other_id).now_or_never().unwrap().unwrap_err(), SealError::WrongKey);
}

#[test]
fn a_key_is_read_in_every_form_that_operators_write() {
    let folder = tempfile::tempdir().unwrap();
    let key = [0xa7_u8; KEY_LEN];
    let read = |setting: &str| StaticKeyOptions::read_key(setting, |name| (name == "KEY").then(|| hex::encode(key)));
    let file = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        format!("file://{}", path.display())
    };
    for setting in [
        hex::encode(key),
        STANDARD.encode(key),
        URL_SAFE_NO_PAD.encode(key),
        "env://KEY".to_owned(),
        file("raw", &key),
        file("hex", format!("{}\n", hex::encode(key)).as_bytes()),
    ] {
        assert_eq!(read(&setting).unwrap().expose(), &key);
    }
    for setting in ["", "LEAKME", "env://OTHER", "file:///nowhere", &hex::encode([1; 31]), &file("short", b"LEAKME")] {
        let why = read(setting).unwrap_err();
        assert!(!why.contains("LEAKME"), "{why}");
    }
}
