//! Kafka as hosted clusters are: over TLS with passwords or certificates, and with rights for
//! what is needed only. All of it against one real node that asks for them.
//!
//! Start at [`entry`] (who gets in, and what is said to who doesn't) and [`rights`] (what is said
//! where one right is missing; in [`divided`] to workers that are processes of their own).

mod divided;
mod entry;
mod rights;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use emberline_sandbox::SandboxSettings;
use emberline_testkit::kafka::{SecuredKafka, java};
use emberline_testkit::{World, harness};
use libtest_mimic::{Arguments, Trial};

/// Longest that a test may take. Each takes a fraction of it.
const LIMIT: Duration = Duration::from_mins(4);
/// Each waits more than it works.
const AT_ONCE: usize = 4;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(AT_ONCE));
    let trials = entry::trials().into_iter().chain(rights::trials());
    let trials = trials.chain(divided::trials()).collect();
    harness::run(&arguments, java().err().as_ref(), trials)
}

/// A test of this name, in a world of its own on the node that all of them share.
fn story<S>(name: &str, story: S) -> Trial
where
    S: AsyncFnOnce(&mut World) -> Result<()> + Send + 'static,
{
    let world = async {
        let kafka = Arc::clone(&SecuredKafka::shared().await?.kafka);
        World::start_on(kafka, 1, SandboxSettings::default()).await
    };
    Trial::test(name, move || harness::tell(world, LIMIT, story))
}

/// Has the processes reach Kafka there, with these properties of librdkafka's.
fn come_by(world: &mut World, brokers: &str, properties: &[(&str, &str)]) {
    world.set("kafka.brokers", &format!("{brokers:?}"));
    let properties: Vec<String> =
        properties.iter().map(|(key, value)| format!("{key:?} = {value:?}")).collect();
    world.set("kafka.properties", &format!("{{ {} }}", properties.join(", ")));
}
