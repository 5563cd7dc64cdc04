//! `tap`: a sample of what a running worker sends, as it sends it.

use std::ops::ControlFlow;

use clap::builder::PossibleValuesParser;
use emberline_model::DeviceId;
use emberline_pipeline::tap::ACTIONS;
use emberline_service_client::{HttpClient, HttpSettings, Stream};
use serde_json::Value;

use super::top::{address, reachable};
use crate::app::Exit;
use crate::observe::admin::{MOST_A_SECOND, ShownCall};
use crate::output::{self, Lines};
use crate::settings::Settings;
use crate::signals::stop_on_signal;

const EXAMPLES: &str = "\
Examples:
  emberline tap                                        calls of the worker of this configuration
  emberline tap --device ABC123DEF4/cam_0001           of one device
  emberline tap --action ServiceBindDevice --count 5   five pushes of bindings
  emberline tap --json | jq .sent
  kubectl exec deploy/emberline -- emberline tap --count 10

Each line is a call that has ended, with what was sent: without signature and keys, a telephone
number but for its last digits, long lists cut short. It is asked for at the worker's admin
address, on its own machine. The worker waits for nobody: what is more than --rate, or than is
read, is left out, and how much is told at the end.";

/// Arguments of `tap`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The worker's admin address, as host:port. Default: admin.listen of the configuration.
    #[arg(value_name = "ADDRESS", value_parser = address)]
    address: Option<String>,
    /// Only calls that report data or the state of this device.
    #[arg(long, value_name = "PRODUCT/DEVICE", value_parser = DeviceId::parse)]
    device: Option<DeviceId>,
    /// Only calls of this action.
    #[arg(long, value_name = "ACTION", value_parser = PossibleValuesParser::new(ACTIONS))]
    action: Option<String>,
    /// End after so many calls.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Most calls a second that are shown.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 20,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_A_SECOND))
    )]
    rate: u32,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Shows calls until told to stop, or so many.
///
/// # Errors
/// If the worker can't be reached, or is gone.
pub async fn run(args: Args, settings: &Settings) -> anyhow::Result<Exit> {
    let address = match &args.address {
        Some(address) => address.clone(),
        None => reachable("admin.listen", settings.admin.listen)?,
    };
    let stop = stop_on_signal()?;
    let client = HttpClient::new(&HttpSettings::new(url(&address, &args)))?;
    let mut stream = client.stream().await.map_err(|error| {
        anyhow::anyhow!("no worker's admin address at {address} (admin.listen): {error}")
    })?;
    if stream.status != 200 {
        let (status, why) = (stream.status, rest_of(&mut stream).await);
        anyhow::bail!("{address} answered {status}: {why}");
    }
    let mut shown =
        Shown { out: Lines::on_stdout(), json: args.json, left: args.count, left_out: 0 };
    let mut unread = Vec::new();
    let ended = loop {
        let piece = tokio::select! {
            piece = stream.next() => piece,
            () = stop.cancelled() => break Exit::Done,
        };
        let Some(piece) = piece.map_err(|error| anyhow::anyhow!("{address}: {error}"))? else {
            output::notice("the worker has ended");
            break Exit::Done;
        };
        unread.extend_from_slice(&piece);
        if shown.lines(&mut unread)?.is_break() {
            break Exit::Done;
        }
    };
    shown.end()?;
    Ok(ended)
}

fn url(address: &str, args: &Args) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("per_second", &args.rate.to_string());
    if let Some(device) = &args.device {
        query.append_pair("device", device.as_str());
    }
    if let Some(action) = &args.action {
        query.append_pair("action", action);
    }
    format!("http://{address}/tap?{}", query.finish())
}

async fn rest_of(stream: &mut Stream) -> String {
    let mut text = Vec::new();
    while let Ok(Some(piece)) = stream.next().await {
        text.extend_from_slice(&piece);
    }
    String::from_utf8_lossy(&text).trim().to_owned()
}

/// What is printed.
struct Shown {
    out: Lines<std::io::StdoutLock<'static>>,
    json: bool,
    /// So many more, if there is an end to it.
    left: Option<u64>,
    left_out: u64,
}

impl Shown {
    /// Takes the whole lines out of what was read, and prints them; break: nothing more is
    /// wanted.
    fn lines(&mut self, unread: &mut Vec<u8>) -> anyhow::Result<ControlFlow<()>> {
        let Some(end) = unread.iter().rposition(|byte| *byte == b'\n') else {
            return Ok(ControlFlow::Continue(()));
        };
        let whole: Vec<u8> = unread.drain(..=end).collect();
        // An empty line is a sign of life.
        for line in whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let call: ShownCall = serde_json::from_slice(line)?;
            self.left_out += call.left_out;
            let line = if self.json { serde_json::to_string(&call)? } else { sentence(&call) };
            if self.out.line(&line)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            if let Some(left) = &mut self.left {
                *left -= 1;
                if *left == 0 {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        // Who watches wants to see each at once.
        Ok(self.out.flush()?)
    }

    fn end(self) -> anyhow::Result<()> {
        self.out.end()?;
        if self.left_out > 0 {
            let left_out = output::grouped(self.left_out);
            output::notice(&format!("{left_out} more calls were left out (--rate)"));
        }
        Ok(())
    }
}

/// A call on one line.
fn sentence(call: &ShownCall) -> String {
    let ShownCall { at, worker, action, ms, outcome, items, sent, request_id, .. } = call;
    let about = ["DeviceId", "CustomerId"].map(|name| sent[name].as_str());
    let about: Vec<&str> = about.into_iter().flatten().collect();
    let failed = match (&call.code, &call.message) {
        (Some(code), Some(message)) => format!(" {code}: {message}"),
        _ => String::new(),
    };
    format!(
        "{at:.3} {worker} {action} {about} items={items} {outcome} {ms} ms{failed} {sent} \
         request={request_id}",
        about = about.join(" of "),
        sent = particulars(sent),
    )
}

/// What was sent beside whom it is about.
fn particulars(sent: &Value) -> Value {
    let Value::Object(fields) = sent else { return sent.clone() };
    let others =
        fields.iter().filter(|(name, _)| !["DeviceId", "CustomerId"].contains(&name.as_str()));
    Value::Object(others.map(|(name, value)| (name.clone(), value.clone())).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::sentence;
    use crate::observe::admin::ShownCall;

    #[test]
    fn a_call_is_one_line_that_says_what_was_sent_and_how_it_ended() {
        let mut call = ShownCall {
            at: "2026-03-01T08:00:07.125Z".parse().unwrap(),
            worker: "devices".into(),
            action: "ServiceReportDeviceData".into(),
            request_id: "476c990a".into(),
            ms: 12,
            outcome: "ok".into(),
            code: None,
            message: None,
            items: 2,
            bytes: 300,
            sent: json!({ "DeviceId": "P/d", "CustomerId": "c_1", "DataCategory": 100 }),
            left_out: 0,
        };
        let line = "2026-03-01T08:00:07.125Z devices ServiceReportDeviceData P/d of c_1 items=2 ok 12 ms \
                    {\"DataCategory\":100} request=476c990a";
        assert_eq!(sentence(&call), line);
        call.outcome = "transient".into();
        (call.code, call.message) = (Some("503".into()), Some("service answered 503".into()));
        assert!(sentence(&call).contains("transient 12 ms 503: service answered 503 {"));
    }
}
