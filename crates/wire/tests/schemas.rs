//! The checked-in message types are what the schemas in `proto/` say.

use std::{fs, path::Path};

/// Generates the message types anew, as text.
fn generate() -> String {
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let files = ["emberline/v1/events.proto", "emberline/v1/own_topics.proto"];
    let descriptors = protox::compile(files, [&schemas]).expect("the schemas are valid");
    let folder = tempfile::tempdir().expect("a folder for the generated code");
    prost_build::Config::new()
        .out_dir(folder.path())
        // It holds a telephone number: `proto` prints it without.
        .skip_debug(["emberline.v1.CustomerEvent"])
        // Far larger than its siblings.
        .boxed("emberline.v1.ReplayEntry.entry.word")
        // The same entry has the same bytes.
        .btree_map(["."])
        .compile_fds(descriptors)
        .expect("the schemas can be generated");
    fs::read_to_string(folder.path().join("emberline.v1.rs")).expect("one package, one file")
}

#[test]
fn the_checked_in_message_types_are_what_the_schemas_say() {
    let checked_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/proto/emberline.v1.rs");
    let generated = generate();
    if std::env::var_os("UPDATE_PROTO").is_some() {
        fs::write(&checked_in, &generated).expect("the generated code can be written");
    }
    let found = fs::read_to_string(&checked_in).unwrap_or_default();
    assert!(
        found == generated,
        "proto/ and {} differ: run `UPDATE_PROTO=1 cargo test -p emberline-wire --test schemas`",
        checked_in.display(),
    );
}
