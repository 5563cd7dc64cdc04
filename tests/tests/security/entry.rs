//! Who gets in, and what is said to who doesn't.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use emberline_fleet::FleetPlan;
use emberline_testkit::kafka::{Authority, SecuredKafka, password};
use emberline_testkit::{Load, World};
use libtest_mimic::Trial;

use crate::{LIMIT, come_by, story};

const ALMIGHTY: &str = SecuredKafka::ALMIGHTY;
const WRONG: &str = "canary-wrong-password-93ab";

pub(crate) fn trials() -> Vec<Trial> {
    vec![
        story("a_plain_password_over_tls_is_enough", async |world: &mut World| {
            let secured = SecuredKafka::shared().await?;
            with_password(world, &secured, "PLAIN", &password(ALMIGHTY))?;
            everything_arrives(world).await
        }),
        story("a_scram_password_over_tls_is_enough", async |world: &mut World| {
            let secured = SecuredKafka::shared().await?;
            with_password(world, &secured, "SCRAM-SHA-512", &password(ALMIGHTY))?;
            everything_arrives(world).await
        }),
        story("a_certificate_of_the_client_is_enough", async |world: &mut World| {
            let secured = SecuredKafka::shared().await?;
            let ca = text(&secured.authority)?;
            let (certificate, key) =
                (text(&secured.client.certificate)?, text(&secured.client.key)?);
            let properties = [
                ("security.protocol", "SSL"),
                ("ssl.ca.location", ca),
                ("ssl.certificate.location", certificate),
                ("ssl.key.location", key),
            ];
            come_by(world, &secured.with_certificates()?, &properties);
            everything_arrives(world).await
        }),
        story("who_has_the_wrong_password_is_told_so", async |world: &mut World| {
            let secured = SecuredKafka::shared().await?;
            with_password(world, &secured, "PLAIN", WRONG)?;
            is_told(world, "sasl.password").await
        }),
        story("who_has_the_wrong_scram_password_is_told_so", async |world: &mut World| {
            let secured = SecuredKafka::shared().await?;
            with_password(world, &secured, "SCRAM-SHA-512", WRONG)?;
            is_told(world, "sasl.password").await
        }),
        story("who_asks_for_another_mechanism_is_told_so", async |world: &mut World| {
            let secured = SecuredKafka::shared().await?;
            with_password(world, &secured, "SCRAM-SHA-256", &password(ALMIGHTY))?;
            is_told(world, "sasl.mechanisms").await
        }),
        story("who_does_not_know_the_authority_is_told_so", async |world: &mut World| {
            let secured = SecuredKafka::shared().await?;
            let directory = tempfile::tempdir()?;
            let other = Authority::new(directory.path(), "stranger")?;
            let properties =
                [("security.protocol", "SSL"), ("ssl.ca.location", text(&other.certificate)?)];
            come_by(world, &secured.with_certificates()?, &properties);
            is_told(world, "ssl.ca.location").await
        }),
        story("who_has_no_certificate_is_told_so", async |world: &mut World| {
            let secured = SecuredKafka::shared().await?;
            let ca = text(&secured.authority)?;
            let properties = [("security.protocol", "SSL"), ("ssl.ca.location", ca)];
            come_by(world, &secured.with_certificates()?, &properties);
            is_told(world, "ssl.certificate.location").await
        }),
        story("who_comes_without_tls_is_told_so", async |world: &mut World| {
            let secured = SecuredKafka::shared().await?;
            come_by(world, &secured.with_certificates()?, &[]);
            is_told(world, "security.protocol").await
        }),
        story("who_comes_with_tls_where_there_is_none_is_told_so", async |world: &mut World| {
            let secured = SecuredKafka::shared().await?;
            let ca = text(&secured.authority)?;
            let properties = [("security.protocol", "SSL"), ("ssl.ca.location", ca)];
            come_by(world, secured.kafka.bootstrap(), &properties);
            is_told(world, "security.protocol").await
        }),
    ]
}

fn with_password(
    world: &mut World,
    secured: &SecuredKafka,
    mechanism: &str,
    password: &str,
) -> Result<()> {
    let properties = [
        ("security.protocol", "SASL_SSL"),
        ("ssl.ca.location", text(&secured.authority)?),
        ("sasl.mechanisms", mechanism),
        ("sasl.username", ALMIGHTY),
        ("sasl.password", password),
    ];
    come_by(world, &secured.with_passwords()?, &properties);
    Ok(())
}

/// Topics are made, and reports arrive, each once.
async fn everything_arrives(world: &mut World) -> Result<()> {
    world.emberline(&["topics", "create"]).await?.succeeds(LIMIT).await?;
    let mut load = Load::new(FleetPlan { devices: 20, ..FleetPlan::default() });
    world.introduce(&load).await?;
    let mut records = load.records(200);
    records.extend(load.rest());
    world.tell(records).await?;
    world.run_to_end().await?;
    world.judge(&load).is_exactly_once_in_order()
}

/// Whichever command it is, it fails, and its last word names the property to be looked at.
async fn is_told(world: &World, property: &str) -> Result<()> {
    for arguments in [&["topics", "create"][..], &["run", "--exit-at-end"]] {
        let mut process = world.emberline(arguments).await?;
        let code = process.ended(LIMIT).await?;
        let log = process.log();
        let last = log.lines().last().unwrap_or_default().to_owned();

        ensure!(code != 0, "{arguments:?} says that it did it");
        ensure!(!(log + &process.output()).contains("canary-"), "{arguments:?} tells a password");
        ensure!(last.contains(property), "{arguments:?} does not name {property}: {last}");
    }
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is no UTF-8")
}
