//! Canaries: secrets and telephone numbers, looked for in all that is written.

use anyhow::{Result, ensure};
use emberline_sandbox::{Fault, FaultRule};
use emberline_testkit::kafka::NewRecord;
use emberline_testkit::{Signal, World};

use crate::events::{BEGINNING, bind, power};
use crate::story::LIMIT;
use crate::sum::at_rest;

const PHONE: &str = "13987654321";
const PASSWORD: &str = "canary-kafka-password-77aa";

pub(crate) async fn nothing_is_told(world: &mut World) -> Result<()> {
    world.set(
        "kafka.properties",
        &format!(r#"{{ "session.timeout.ms" = "6000", "sasl.password" = "{PASSWORD}" }}"#),
    );
    world.create_customer("c_1")?;
    let customer = format!(
        r#"{{"customer_id":"c_1","country_code":"86","phone_number":"{PHONE}","time":{BEGINNING}}}"#
    );
    // Where a customer event does not belong, it is undecodable; half of one is everywhere.
    let strays = [NewRecord::text("c_1", &customer), NewRecord::text("c_1", &customer[..70])];
    let mut bindings = vec![bind("c_1", "dev", BEGINNING)];
    bindings.extend(strays.clone());
    let mut devices: Vec<_> = (0..20).map(|number| power("dev", BEGINNING + number, 1.5)).collect();
    devices.extend(strays);
    world.kafka.produce(&world.bindings(), &bindings).await?;
    world.kafka.produce(&world.devices(), &devices).await?;
    // Failures are told more of than successes.
    for fault in [Fault::status(503), Fault::TruncatedJson, Fault::Reset] {
        world.sandbox.faults().add(FaultRule::first(2, fault));
    }

    let mut run = world.emberline(&["run", "--log-level", "trace", "--log-format", "json"]).await?;
    world.accepted(20).await?;
    let read = devices.len() as u64;
    at_rest(world, &mut run, ("devices", read)).await?;
    at_rest(world, &mut run, ("bindings", bindings.len() as u64)).await?;
    let (_, metrics) = run.get("/metrics").await?;
    run.signal(Signal::Terminate)?;
    run.succeeds(LIMIT).await?;
    ensure!(run.log().contains("TRACE"), "nothing was logged at trace level");
    let letters = world.dead_letters().await?;
    ensure!(letters.len() == 4, "{} dead letters", letters.len());
    let headers: Vec<String> = letters
        .iter()
        .flat_map(|letter| &letter.headers)
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value)))
        .collect();
    for (place, text) in [
        ("the log", &run.log()),
        ("stdout", &run.output()),
        ("the metrics", &metrics),
        ("the dead letters' headers", &headers.join("\n")),
    ] {
        holds_no_canary(place, text)?;
    }

    for number in [PHONE, "no telephone number 13987654321"] {
        for dry in [&["--dry-run"][..], &[]] {
            let mut arguments = vec!["service", "create-customer", "--log-level", "trace"];
            arguments.extend(["--customer", "c_2", "--phone-number", number]);
            arguments.extend(dry);
            let mut command = world.emberline(&arguments).await?;
            command.ended(LIMIT).await?;
            ensure!(!command.output().is_empty() || !command.log().is_empty());
            holds_no_canary("service create-customer's log", &command.log())?;
            holds_no_canary("service create-customer's output", &command.output())?;
        }
    }
    let mut command = world.emberline(&["config", "show"]).await?;
    command.succeeds(LIMIT).await?;
    ensure!(command.output().contains("app_secret"), "{}", command.output());
    holds_no_canary("config show", &command.output())
}

fn holds_no_canary(place: &str, text: &str) -> Result<()> {
    for canary in [World::APP_SECRET, PASSWORD, PHONE] {
        let line = text.lines().find(|line| line.contains(canary));
        ensure!(line.is_none(), "{place} holds {canary}: {}", line.unwrap_or_default());
    }
    Ok(())
}
