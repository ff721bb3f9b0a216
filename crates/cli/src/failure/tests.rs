use super::*;
use std::io::Error as System;

fn told(message: String) -> String {
    match Failure::local(message) {
        Failure::Stopped { code: 1, message } => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_system_says_what_to_do_instead_of_a_number() {
    let missing = std::fs::read("/no/such/file").unwrap_err();
    assert_eq!(
        told(format!("Cannot read a: {missing}\n\nMore.")),
        "Cannot read a: No such file or directory; check the path\n\nMore."
    );
    for number in [2, 13, 17, 20, 21, 28, 30] {
        let text = told(System::from_raw_os_error(number).to_string());
        assert!(text.contains("; ") && !text.contains("os error"), "{text}");
    }
    assert_eq!(told(format!("a: {}", System::from_raw_os_error(5))), "a: Input/output error");
}

#[test]
fn other_words_stay_as_they_are() {
    for text in ["", "Cannot read a", "a (os error 2", "a (os error"] {
        assert_eq!(told(text.to_owned()), text);
    }
    // What the server said is its own.
    match Failure::remote("a (os error 2)") {
        Failure::Stopped { code: 2, message } => assert_eq!(message, "a (os error 2)"),
        other => panic!("{other:?}"),
    }
}
