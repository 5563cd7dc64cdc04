//! A caller that shares nothing with the sandbox: it speaks HTTP over a socket.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use emberline_sandbox::{Sandbox, SandboxSettings};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

pub(crate) use crate::call::{Call, PATH, now, report};

/// Settings with a free port.
pub(crate) fn settings() -> SandboxSettings {
    SandboxSettings { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..SandboxSettings::default() }
}

/// A sandbox with the customer `c_1`, whose device `P/a` is bound.
pub(crate) async fn furnished(settings: SandboxSettings) -> Sandbox {
    let sandbox = Sandbox::start(settings).await.unwrap();
    sandbox.create_customer("c_1", "86", "13900001234").unwrap();
    let devices = r#"[{"CustomerDeviceNo":"1","DeviceId":"P/a","ProductName":"x"}]"#;
    let bind = Call::new("ServiceBindDevice").text("CustomerId", "c_1").raw("DeviceInfos", devices);
    let answer = send(&sandbox, &bind).await;
    assert!(answer.succeeded(), "{answer:?}");
    sandbox
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The inside of the documented envelope.
    pub(crate) fn response(&self) -> Value {
        self.json()["Response"].clone()
    }

    pub(crate) fn succeeded(&self) -> bool {
        self.status == 200 && self.response()["Status"] == "OK"
    }

    /// The error's code and message; both empty on success.
    pub(crate) fn error(&self) -> (String, String) {
        assert_eq!(self.status, 200, "business errors come with 200: {self:?}");
        let error = &self.response()["Error"];
        let part = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        (part("Code"), part("Message"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) async fn send(sandbox: &Sandbox, call: &Call) -> Answer {
    post(sandbox, PATH, &call.body()).await.unwrap()
}

pub(crate) async fn post(sandbox: &Sandbox, path: &str, body: &str) -> io::Result<Answer> {
    request(sandbox, "POST", path, "application/json", body).await
}

pub(crate) async fn get(sandbox: &Sandbox, path: &str) -> Answer {
    request(sandbox, "GET", path, "application/json", "").await.unwrap()
}

/// One request on a connection of its own. An answer shorter than announced is an
/// error of kind `UnexpectedEof`.
pub(crate) async fn request(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    content_type: &str,
    body: &str,
) -> io::Result<Answer> {
    let headers = [("host", "sandbox"), ("content-type", content_type)];
    request_with(sandbox, method, path, &headers, body).await
}

/// The same with these headers and no others.
pub(crate) async fn request_with(
    sandbox: &Sandbox,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<Answer> {
    let length = body.len().to_string();
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    for (name, value) in
        headers.iter().chain(&[("connection", "close"), ("content-length", &length)])
    {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    let mut stream = TcpStream::connect(sandbox.address()).await?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await?;
    parse(&String::from_utf8(received).unwrap())
}

fn parse(text: &str) -> io::Result<Answer> {
    let (head, body) = text.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let answer = Answer { status, headers, body: body.to_owned() };
    match answer.header("content-length").map(|length| length.parse::<usize>().unwrap()) {
        Some(length) if length > body.len() => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(answer),
    }
}

/// Waits for a condition, at most ten seconds.
pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
