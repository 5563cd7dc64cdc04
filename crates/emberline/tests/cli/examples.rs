//! The configurations that are handed out: each loads, and the complete one is up to date.

use std::path::{Path, PathBuf};

use emberline::settings::{load, render};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/examples")
}

#[test]
fn every_example_configuration_loads() {
    let mut loaded = 0;
    for entry in std::fs::read_dir(examples()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            load(Some(&path), &[]).unwrap_or_else(|problems| panic!("{problems}"));
            loaded += 1;
        }
    }
    assert!(loaded >= 4, "only {loaded} examples were found");
}

/// Mend it with `cargo run -p emberline -- config example > deploy/examples/complete.toml`.
#[test]
fn the_complete_example_is_what_the_program_prints() {
    let written = std::fs::read_to_string(examples().join("complete.toml")).unwrap();
    assert_eq!(written, render::example());
}
