//! `health`: whether a process is well, asked over HTTP: for containers, which have no shell and
//! no curl.
//!
//! It asks in plain HTTP, of one address, and looks at the status alone: what serves health here
//! has no TLS, and sends nobody elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use axum::http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::app::{Exit, UsageError};
use crate::cli::Common;
use crate::output;
use crate::settings::Listen;

const EXAMPLES: &str = "\
Examples:
  emberline health -c emberline.toml                     the workers that http.listen is of
  emberline health http://127.0.0.1:9480/readyz          the portal
  emberline health http://127.0.0.1:9470/admin/ledger    the sandbox

Exit code 0 if the answer is a good one, 1 with what it says if not.";

/// Longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most that is read of an answer: what it complains of is short.
const MOST: u64 = 16 * 1024;

/// Arguments of `health`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// What to ask, with http://. Default: /readyz at http.listen.
    #[arg(value_name = "URL")]
    url: Option<Uri>,
}

/// Asks.
///
/// # Errors
/// Nobody answers, or the address is none.
pub async fn run(args: Args, common: &Common) -> anyhow::Result<Exit> {
    let url = match args.url {
        Some(url) => url,
        None => own(common.load()?.settings.http.listen)?,
    };
    let asked = timeout(PATIENCE, ask(&url)).await;
    let answer = asked.with_context(|| format!("{url}: no answer within {PATIENCE:?}"))?;
    let (status, body) = answer.with_context(|| url.to_string())?;
    if (200..300).contains(&status) {
        return Ok(Exit::Done);
    }
    output::notice(&format!("{url} answers {status}: {}", body.trim()));
    Ok(Exit::Failed)
}

/// Where the workers of this configuration tell whether they are ready.
fn own(listen: Listen) -> anyhow::Result<Uri> {
    let Listen::On(mut address) = listen else {
        let text = "http.listen is off: nothing can be asked there";
        return Err(UsageError(text.to_owned()).into());
    };
    // Who listens everywhere is asked from here.
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    Ok(format!("http://{address}/readyz").parse()?)
}

/// The answer's status and body.
async fn ask(url: &Uri) -> anyhow::Result<(u16, String)> {
    let (Some("http"), Some(authority)) = (url.scheme_str(), url.authority()) else {
        return Err(UsageError(format!("{url} does not begin with http://")).into());
    };
    let host = authority.host().trim_matches(['[', ']']);
    let mut stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    // An answer to HTTP/1.0 ends with its connection, and comes in one piece.
    let request = format!("GET {path} HTTP/1.0\r\nHost: {authority}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let Some(status) = head.strip_prefix("HTTP/1.").and_then(|head| head.get(2..5)) else {
        bail!("no HTTP is spoken there");
    };
    Ok((status.parse().context("the answer has no status")?, body.to_owned()))
}
