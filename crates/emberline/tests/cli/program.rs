//! The program as a whole: help, versions, completions, exit codes.

use crate::binary::Emberline;

#[test]
fn wrong_usage_is_exit_code_2_and_help_is_0() {
    let emberline = Emberline::plain();
    assert_eq!(emberline.run(&["fly"]).code, 2);
    assert_eq!(emberline.run(&[]).code, 2);
    assert_eq!(emberline.run(&["--log-level", "inof", "sandbox"]).code, 2);
    let help = emberline.run(&["--help"]);
    assert_eq!(help.code, 0);
    assert!(help.stdout.contains("Examples:") && help.stdout.contains("Exit codes:"));
    let version = emberline.run(&["--version"]);
    assert_eq!(version.stdout, format!("emberline {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn every_command_shows_examples_in_its_help() {
    for command in [
        "check",
        "reconcile",
        "audit",
        "dlq",
        "replay",
        "service",
        "portal",
        "health",
        "sandbox",
        "topics",
        "top",
        "tap",
        "thing-model",
        "config",
        "completions",
    ] {
        let help = Emberline::plain().run(&[command, "--help"]);
        assert_eq!(help.code, 0, "{command}");
        assert!(help.stdout.contains("Examples:"), "{command}");
    }
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = Emberline::plain().run(&["completions", shell]);
        assert_eq!(run.code, 0, "{shell}");
        assert!(run.stdout.contains("report-data"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    use std::process::Stdio;
    let mut child = Emberline::plain()
        .command(&["config", "schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}
