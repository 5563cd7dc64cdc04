//! `emberline demo`, as someone runs it who has just cloned the project.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn demo(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_emberline"));
    command.env_clear().arg("demo").args(flags).stdin(Stdio::null());
    command
}

/// The object on stdout's last line, and the numbers in it.
fn sum(output: &Output) -> (Value, impl Fn(&str) -> u64) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let last = stdout.lines().last().unwrap_or_default();
    let object: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{output:?}"));
    let numbers = object.clone();
    (object, move |key: &str| numbers[key].as_u64().unwrap_or_else(|| panic!("{key} in {numbers}")))
}

#[test]
fn its_sum_closes_and_nothing_is_lost_or_sent_twice() {
    let output = demo(&["--seconds", "3", "--devices", "200", "--rate", "500/s", "--json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let (object, of) = sum(&output);
    let outcomes = ["delivered", "duplicates", "skipped", "parked", "dead_lettered", "in_flight"];
    assert_eq!(of("read"), outcomes.map(&of).iter().sum::<u64>(), "{object}");
    assert_eq!(of("read"), of("generated"), "{object}");
    for none in ["lost", "sent_twice", "parked", "in_flight", "rejected_calls", "overlapping_calls"]
    {
        assert_eq!(of(none), 0, "{none} in {object}");
    }
    assert!(of("delivered") > 1_000 && of("duplicates") > 0 && of("calls") > 100, "{object}");
    assert!(object["reports_per_second"].as_f64() > Some(0.0), "{object}");
    assert!(of("p50_ms") <= of("p99_ms"), "{object}");
}

#[test]
fn it_tells_where_to_look_while_it_runs_and_the_sum_at_the_end() {
    let output = demo(&["--seconds", "1", "--devices", "20", "--rate", "50/s"]).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    assert!(stdout.contains("The sums agree: nothing lost, nothing sent twice."), "{stdout}");
    assert!(stderr.contains("metrics: http://127.0.0.1:"), "{stderr}");
    assert!(stderr.contains("sandbox: http://127.0.0.1:"), "{stderr}");
    assert!(!stderr.contains("WARN") && !stderr.contains("ERROR"), "{stderr}");
}

#[cfg(unix)]
#[test]
fn an_interrupted_one_ends_early_and_still_adds_up() {
    use std::io::{BufRead, BufReader, Read};

    let mut process = demo(&["--keep", "--devices", "50", "--rate", "200/s", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // More than the 50 bindings are delivered, so the devices report.
    let delivered = |line: &str| {
        let (_, after) = line.split_once("delivered ")?;
        after.split_once(' ')?.0.replace(',', "").parse::<u64>().ok()
    };
    let mut stderr = BufReader::new(process.stderr.take().unwrap());
    let mut line = String::new();
    while delivered(&line).is_none_or(|count| count <= 50) {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "it ended by itself");
    }
    let signalled = Command::new("kill").args(["-INT", &process.id().to_string()]).status();
    assert!(signalled.unwrap().success());
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    let output = process.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{rest}{output:?}");
    let (object, of) = sum(&output);
    assert_eq!((of("lost"), of("sent_twice")), (0, 0), "{object}");
    assert!(of("delivered") > 50, "{object}");
}

#[test]
fn settings_are_left_out_and_that_is_told() {
    let output = demo(&["-c", "no-such-file.toml", "--help"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&output.stdout).contains("emberline demo --keep"));
    let both = demo(&["--keep", "--seconds", "3"]).output().unwrap();
    assert_eq!(both.status.code(), Some(2), "{both:?}");
}
