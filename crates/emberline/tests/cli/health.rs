//! `emberline health`: the exit code says whether what was asked is well.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;

use crate::binary::Emberline;

/// Answers one question, and hands it back.
fn answering(answer: &'static str) -> (SocketAddr, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let asked = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut question = Vec::new();
        let mut byte = [0];
        while !question.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() > 0 {
            question.push(byte[0]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(question).unwrap()
    });
    (address, asked)
}

#[test]
fn a_process_that_is_well_is_exit_code_0() {
    let (address, asked) = answering("HTTP/1.1 200 OK\r\n\r\nok\n");
    let run = Emberline::plain().run(&["health", &format!("http://{address}/livez?full=1")]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(asked.join().unwrap().starts_with("GET /livez?full=1 HTTP/1.0\r\n"));
}

#[test]
fn a_process_that_is_not_is_exit_code_1_with_its_reason() {
    let (address, asked) = answering("HTTP/1.1 503 Service Unavailable\r\n\r\nstarting\n");
    let run = Emberline::plain().run(&["health", &format!("http://{address}/readyz")]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("503: starting"), "{}", run.stderr);
    asked.join().unwrap();
}

#[test]
fn without_an_address_the_workers_own_is_asked() {
    let (address, asked) = answering("HTTP/1.1 200 OK\r\n\r\n");
    let everywhere = format!("0.0.0.0:{}", address.port());
    let run = Emberline::plain().env("EMBERLINE__HTTP__LISTEN", &everywhere).run(&["health"]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(asked.join().unwrap().starts_with("GET /readyz "));
}

#[test]
fn what_can_not_be_asked_is_told() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(Emberline::plain().run(&["health", &format!("http://{gone}/readyz")]).code, 1);
    assert_eq!(Emberline::plain().run(&["health", "127.0.0.1:9464"]).code, 2);
    let off = Emberline::plain().env("EMBERLINE__HTTP__LISTEN", "off");
    assert_eq!(off.run(&["health"]).code, 2);
}
