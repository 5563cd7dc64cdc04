//! The proxy's faults, before a server that says back what it hears.
#![expect(clippy::unwrap_used, reason = "a test, with helpers of its own")]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use emberline_testkit::{Proxy, ProxyCounts, ProxyFaults, wait_for};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const LIMIT: Duration = Duration::from_secs(20);

async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    address
}

async fn proxy(faults: ProxyFaults) -> (Proxy, TcpStream) {
    let proxy = Proxy::start(echo().await).unwrap();
    proxy.set(faults);
    let stream = TcpStream::connect(proxy.address()).await.unwrap();
    (proxy, stream)
}

/// Says something and hears it back.
async fn says(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    let mut back = vec![0; text.len()];
    stream.read_exact(&mut back).await?;
    assert_eq!(back, text.as_bytes());
    Ok(())
}

async fn until(proxy: &Proxy, what: &str, is: impl Fn(ProxyCounts) -> bool) {
    wait_for(what, LIMIT, async || Ok(is(proxy.counts()).then_some(()))).await.unwrap();
}

#[tokio::test]
async fn without_faults_bytes_pass_and_ends_too() {
    let (proxy, mut stream) = proxy(ProxyFaults::default()).await;
    let long = "x".repeat(100_000);
    let (mut read, mut write) = stream.split();
    let said = async {
        write.write_all(long.as_bytes()).await.unwrap();
        write.shutdown().await.unwrap();
    };
    let mut heard = String::new();
    let (_, ()) = tokio::join!(async { read.read_to_string(&mut heard).await.unwrap() }, said);
    assert_eq!(heard, long);
    until(&proxy, "the connection ends", |counts| counts.open == 0).await;
    let expected = ProxyCounts {
        connections: 1,
        bytes_there: 100_000,
        bytes_back: 100_000,
        ..ProxyCounts::default()
    };
    assert_eq!(proxy.counts(), expected);
}

#[tokio::test]
async fn what_is_open_is_cut_when_told() {
    let (proxy, mut stream) = proxy(ProxyFaults::default()).await;
    says(&mut stream, "hello").await.unwrap();
    proxy.cut_all();
    assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    until(&proxy, "it is counted", |counts| counts.cut == 1).await;
    assert_eq!(proxy.counts().cut_amid, 0, "nothing was under way");

    let mut next = TcpStream::connect(proxy.address()).await.unwrap();
    says(&mut next, "hello").await.unwrap();
}

#[tokio::test]
async fn an_answer_is_cut_in_its_middle() {
    let faults = ProxyFaults { cut_back: Some(3..=3), ..ProxyFaults::default() };
    let (proxy, mut stream) = proxy(faults).await;
    stream.write_all(b"hello").await.unwrap();
    let mut heard = Vec::new();
    let error = stream.read_to_end(&mut heard).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(heard.len() <= 3, "{heard:?}");
    let counts = proxy.counts();
    assert_eq!((counts.cut, counts.cut_amid, counts.bytes_back), (1, 1, 3));
}

#[tokio::test]
async fn a_question_is_cut_in_its_middle() {
    let faults = ProxyFaults { cut_there: Some(2..=4), ..ProxyFaults::default() };
    let (proxy, mut stream) = proxy(faults).await;
    assert!(says(&mut stream, "hello").await.is_err());
    let counts = proxy.counts();
    assert_eq!((counts.cut, counts.cut_amid), (1, 1));
    assert!((2..=4).contains(&counts.bytes_there));
}

#[tokio::test]
async fn a_half_open_connection_hears_nothing_and_is_reset_when_that_is_over() {
    let (proxy, mut stream) = proxy(ProxyFaults::default()).await;
    says(&mut stream, "hello").await.unwrap();
    proxy.set(ProxyFaults { half_open: true, ..ProxyFaults::default() });
    let mut other = TcpStream::connect(proxy.address()).await.unwrap();
    stream.write_all(b"is anyone there?").await.unwrap();
    until(&proxy, "it is swallowed", |counts| counts.swallowed_bytes == 16).await;
    assert_eq!(proxy.counts().bytes_back, 5);
    until(&proxy, "both are open", |counts| counts.open == 2).await;
    proxy.heal();
    assert_eq!(stream.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    says(&mut other, "one that lost nothing goes on").await.unwrap();
    assert_eq!(proxy.counts().cut_amid, 1);
}

#[tokio::test]
async fn a_slow_connection_takes_its_time_and_goes_on_at_once_when_healed() {
    let faults = ProxyFaults {
        latency: Duration::from_millis(50),
        bytes_a_second_back: Some(100),
        ..ProxyFaults::default()
    };
    let (proxy, mut stream) = proxy(faults).await;
    says(&mut stream, "0123456789").await.unwrap();
    assert_eq!(proxy.counts().slowed_bytes, 20);

    proxy.set(ProxyFaults { latency: Duration::from_hours(1), ..ProxyFaults::default() });
    stream.write_all(b"late").await.unwrap();
    let heal = async {
        tokio::task::yield_now().await;
        proxy.heal();
    };
    let mut back = [0; 4];
    let (read, ()) = tokio::join!(stream.read_exact(&mut back), heal);
    read.unwrap();
    assert_eq!(&back, b"late");
}

#[tokio::test]
async fn a_closed_door_resets_who_comes_and_only_a_share_if_told_so() {
    let faults = ProxyFaults { refuse: true, share: 0.5, ..ProxyFaults::default() };
    let (proxy, _) = proxy(faults).await;
    let mut answered = 0;
    for _ in 0..40 {
        let stream = TcpStream::connect(proxy.address()).await;
        if let Ok(mut stream) = stream
            && says(&mut stream, "hello").await.is_ok()
        {
            answered += 1;
        }
    }
    until(&proxy, "all have ended", |counts| counts.open == 0).await;
    let counts = proxy.counts();
    assert_eq!(counts.connections, 41);
    assert!((10..=30).contains(&answered), "{answered} of 40, {counts:?}");
    assert!(counts.refused >= 10, "{counts:?}");
}
