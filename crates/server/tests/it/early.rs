//! Many requests on one connection: answers leave in their order, whoever writes them, and none before audit has it.
use crate::support::{Answer, Setup};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

/// A server with an audit device at this path.
fn audited(path: &str) -> Setup {
    Setup::embedded().with_top(&format!("audit \"file\" \"main\" {{\n options {{ file_path = {path:?} }}\n}}"))
}

/// All answers that come until the server closes.
fn answers(stream: &mut TcpStream) -> Vec<Answer> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let (mut rest, mut answers) = (all.as_slice(), Vec::new());
    while !rest.is_empty() {
        let head = rest.windows(4).position(|w| w == b"\r\n\r\n").expect("an answer was cut") + 4;
        let len: usize = Answer::parse(&rest[..head]).unwrap().header("content-length").unwrap().parse().unwrap();
        answers.push(Answer::parse(&rest[..head + len]).unwrap());
        rest = &rest[head + len..];
    }
    answers
}

#[test]
fn requests_that_come_early_are_answered_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let server = audited(folder.path().join("audit.log").to_str().unwrap()).open();
    server.mount("kv", json!({"type": "kv"}));
    // One that leaves in one piece, one behind its head, and one that no socket takes at once.
    let texts = [3, 9_000, 900_000].map(|len| "x".repeat(len));
    for text in &texts {
        server.root().post(&format!("kv/{}", text.len()), json!({"text": text})).is(204);
    }
    let names = ["3", "9000", "none", "3", "900000", "3", "9000", "900000", "none", "3"];
    let lines: Vec<String> = names.iter().map(|name| format!("GET /v1/kv/{name} HTTP/1.1\r\n")).collect();
    let headers = format!("Host: a\r\nX-Vault-Token: {}\r\n\r\n", server.keys.root);
    let requests: String = lines.iter().map(|line| format!("{line}{headers}")).collect();
    for (piece, pause) in [(requests.len(), 0), (1000, 1), (37, 1)] {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        for piece in requests.as_bytes().chunks(piece) {
            stream.write_all(piece).unwrap();
            std::thread::sleep(Duration::from_millis(pause));
        }
        // Nothing more is sent, and what was is answered nevertheless; though the client does not read for a while.
        stream.shutdown(Shutdown::Write).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let answers = answers(&mut stream);
        assert_eq!(answers.len(), names.len(), "in pieces of {piece}");
        for (name, answer) in names.iter().zip(answers) {
            match name.parse::<usize>() {
                Ok(len) => assert_eq!(answer.is(200).at("/data/text").len(), len),
                Err(_) => drop(answer.is(404)),
            }
        }
    }
}

#[test]
fn without_audit_no_answer_leaves_and_the_connection_goes_on() {
    let server = audited("/dev/full").open();
    let line = "GET /v1/sys/mounts HTTP/1.1\r\n";
    let headers = format!("Host: a\r\nX-Vault-Token: {}\r\n", server.keys.root);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let requests = [line, &headers, "\r\n"].concat();
    stream.write_all(format!("{requests}{requests}{line}{headers}Connection: close\r\n\r\n").as_bytes()).unwrap();
    let answers = answers(&mut stream);
    assert_eq!(answers.len(), 3);
    for answer in answers {
        assert!(answer.is(500).at("/errors/0").contains("failed to audit"));
    }
}
