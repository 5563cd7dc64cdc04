//! `emberline top` and `emberline tap`, beside workers that really run: those of `demo`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;

use crate::binary::Emberline;

/// A demonstration that goes on until this is dropped.
struct Demo {
    process: Child,
    /// Reads on what it writes, so that it never waits for anybody to.
    reading: Option<JoinHandle<()>>,
    metrics: String,
    admin: String,
}

impl Demo {
    /// Once it sends reports.
    fn start() -> Self {
        let program = Emberline::plain();
        let flags = ["demo", "--keep", "--devices", "50", "--rate", "200/s"];
        let mut command = program.command(&flags);
        let mut process = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(process.stderr.take().unwrap());
        let (mut metrics, mut admin) = (None, None);
        let mut line = String::new();
        // What is delivered beyond the bindings are reports.
        while metrics.is_none() || admin.is_none() || delivered(&line).is_none_or(|it| it <= 50) {
            line.clear();
            assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended by itself");
            if let Some(address) = line.trim().strip_prefix("metrics: ") {
                metrics = Some(address.to_owned());
            }
            if let Some(address) = line.trim().strip_prefix("admin: ") {
                admin = Some(address.to_owned());
            }
        }
        let reading = std::thread::spawn(move || {
            let _ = stderr.read_to_end(&mut Vec::new());
        });
        let (metrics, admin) = (metrics.unwrap(), admin.unwrap());
        Self { process, reading: Some(reading), metrics, admin }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(reading) = self.reading.take() {
            let _ = reading.join();
        }
    }
}

fn delivered(line: &str) -> Option<u64> {
    let (_, after) = line.split_once("delivered ")?;
    after.split_once(' ')?.0.replace(',', "").parse().ok()
}

#[test]
fn a_running_worker_is_watched_beside_one_that_is_not_there() {
    let demo = Demo::start();
    let program = Emberline::plain();
    let nobody = "127.0.0.1:9";
    // Not on a terminal, so once.
    let run = program.run(&["top", &demo.metrics, nobody, "--admin", &demo.admin]);
    assert_eq!(run.code, 0, "{run:?}");
    let frame = &run.stdout;
    assert!(frame.contains("2 processes, 1 not reached"), "{frame}");
    assert!(frame.contains(&format!("{nobody}  not reached: no connection")), "{frame}");
    // Address, worker, state, lag, records a second.
    let rows = frame.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let is_devices = |row: &Vec<&str>| row.get(1..3) == Some(&["devices", "works"]);
    let figures = rows.into_iter().find(is_devices).unwrap_or_else(|| panic!("{frame}"));
    let read: f64 = figures[4].replace(',', "").parse().unwrap_or_else(|_| panic!("{frame}"));
    assert!(read > 0.0, "{frame}");
    for shown in ["delivered", "ServiceReportDeviceData", "devices/11", "LATEST ERRORS", "none"] {
        assert!(frame.contains(shown), "{shown}: {frame}");
    }
    let run = program.run(&["top", nobody, "--interval", "200ms"]);
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.stdout.contains("not reached"), "{run:?}");
}

#[test]
fn calls_of_a_running_worker_are_shown_without_what_is_secret() {
    let demo = Demo::start();
    let program = Emberline::plain();
    let run = program.run(&["tap", &demo.admin, "--count", "5", "--json", "--rate", "1000"]);
    assert_eq!(run.code, 0, "{run:?}");
    let calls: Vec<Value> =
        run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(calls.len(), 5, "{run:?}");
    for secret in ["Signature", "ServiceAppKey", "ServiceAppSecret", "Nonce"] {
        assert!(!run.stdout.contains(secret), "{secret}: {run:?}");
    }

    let data = ["--action", "ServiceReportDeviceData"];
    let one = program.run(&[&["tap", &demo.admin, "--count", "1", "--json"][..], &data].concat());
    let one: Value = serde_json::from_str(&one.stdout).unwrap();
    assert_eq!((&one["outcome"], &one["action"]), (&"ok".into(), &data[1].into()));
    assert!(one["sent"]["DataInfo"].as_array().is_some_and(|reports| !reports.is_empty()), "{one}");
    let device = one["sent"]["DeviceId"].as_str().unwrap();
    let of_device = program.run(&["tap", &demo.admin, "--count", "2", "--device", device]);
    assert_eq!((of_device.code, of_device.stdout.lines().count()), (0, 2), "{of_device:?}");
    assert!(of_device.stdout.lines().all(|line| line.contains(device)), "{of_device:?}");
}

#[test]
fn where_no_worker_is_there_is_nothing_to_listen_to_and_that_is_told() {
    let run = Emberline::plain().run(&["tap", "127.0.0.1:9"]);
    assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{run:?}");
    assert!(run.stderr.contains("no worker's admin address at 127.0.0.1:9"), "{run:?}");
    let off = Emberline::with_config("[admin]\nlisten = \"off\"\n").run(&["tap"]);
    assert!(off.code == 2 && off.stderr.contains("admin.listen is off"), "{off:?}");
    let open = Emberline::with_config("[admin]\nlisten = \"0.0.0.0:9465\"\n").run(&["tap"]);
    assert!(open.code == 2 && open.stderr.contains("admin.listen"), "{open:?}");
    assert!(open.stderr.contains("can be reached from elsewhere"), "{open:?}");
}
