# The daily commands. `just` lists them; each is one line that works without `just` too.

set positional-arguments
set shell := ["bash", "-euc"]

[private]
default:
    @just --list --unsorted

# The whole pipeline in one process, with generated devices
demo *args:
    cargo run --release -- demo "$@"

# All tests; those that need a Kafka start one
test *args:
    cargo test --workspace "$@"

# The tests of one crate, for example `just unit flow`
unit crate *args:
    cargo test -p emberline-{{ crate }} "${@:2}"

# What must be clean before a commit: format, lints, documentation
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings
    RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

# Everything that CI runs
ci:
    .ci/run

# The figures, beside raw limits measured in the same run
bench *args:
    cargo bench -p emberline-benches -- "$@"

# The stand-in for the service, on 127.0.0.1:9470
sandbox *args:
    cargo run -- sandbox "$@"

# Write the generated files anew: message types, the complete example configuration, the chart's copies
generated:
    UPDATE_PROTO=1 cargo test -p emberline-wire --test schemas
    cargo run -- config example > deploy/examples/complete.toml
    UPDATE_CHART=1 cargo test -p emberline-tests --test deploy

# Licences, advisories and sources of the dependencies (needs cargo-deny)
deny:
    cargo deny --locked check
