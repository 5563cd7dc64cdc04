//! Which rights are needed, and what is said where one of them is missing.
//!
//! A user gets what the operations guide lists, by name, and nothing else: with all of it
//! everything is done, and without any one of it the log or the last word names it.

use anyhow::{Result, ensure};
use emberline_testkit::World;
use emberline_testkit::kafka::{NewRecord, Right, SecuredKafka, USER, password};
use libtest_mimic::Trial;
use serde_json::json;

use crate::{LIMIT, come_by, story};

pub(crate) const RETRY: &str = "retry.2s";
/// The product of all devices here.
const PRODUCT: &str = "F4N0000AN";
/// When all of it happened, in Unix seconds.
const TIME: i64 = 1_767_196_800;

/// A right by what it is on, in any world.
#[derive(Debug, Clone, Copy)]
pub(crate) enum On {
    Devices,
    Bindings,
    Customers,
    Orders,
    Own(&'static str),
    Group(&'static str),
}

impl On {
    /// As it is called in a test's name.
    pub(crate) fn told(self) -> String {
        let of = match self {
            Self::Devices => "devices",
            Self::Bindings => "bindings",
            Self::Customers => "customers",
            Self::Orders => "orders",
            // Not the input of that name.
            Self::Own("devices") => "keyed_devices",
            Self::Own(name) => name,
            Self::Group(worker) => worker,
        };
        let kind = if matches!(self, Self::Group(_)) { "group" } else { "topic" };
        format!("the_{kind}_{}", of.replace(['-', '.'], "_"))
    }

    pub(crate) fn name(self, world: &World) -> String {
        match self {
            Self::Devices => world.devices(),
            Self::Bindings => world.bindings(),
            Self::Customers => world.customers(),
            Self::Orders => world.orders(),
            Self::Own(topic) => world.own_topic(topic),
            Self::Group(worker) => world.group(worker),
        }
    }
}

/// A right as it is called, what it is, and on what.
pub(crate) type Needed = (&'static str, fn(String) -> Right, On);

/// What `emberline run` needs, as the guide has it.
const TO_RUN: &[Needed] = &[
    ("READ", Right::Read, On::Devices),
    ("READ", Right::Read, On::Bindings),
    ("READ", Right::Read, On::Customers),
    ("READ", Right::Read, On::Orders),
    ("READ", Right::Read, On::Own("customer-devices")),
    ("WRITE", Right::Write, On::Own("customer-devices")),
    ("READ", Right::Read, On::Own(RETRY)),
    ("WRITE", Right::Write, On::Own(RETRY)),
    ("READ", Right::Read, On::Own("order-book")),
    ("WRITE", Right::Write, On::Own("order-book")),
    ("WRITE", Right::Write, On::Own("dead-letters")),
    ("WRITE", Right::Write, On::Own("receipts")),
    ("DESCRIBE", Right::Describe, On::Own("replays")),
    ("DESCRIBE", Right::Describe, On::Own("portal-tokens")),
    ("READ", Right::Join, On::Group("devices")),
    ("READ", Right::Join, On::Group("bindings")),
    ("READ", Right::Join, On::Group("retries")),
    ("READ", Right::Join, On::Group("claims")),
];
/// What it needs too where the topic of devices is repartitioned.
const TO_REPARTITION: &[Needed] = &[
    ("READ", Right::Read, On::Own("devices")),
    ("WRITE", Right::Write, On::Own("devices")),
    ("READ", Right::Join, On::Group("repartition")),
];

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        story("the_rights_that_the_guide_lists_are_enough", async |world: &mut World| {
            are_enough(world, TO_RUN).await
        }),
        story("the_rights_that_the_guide_lists_are_enough_to_repartition", async |world| {
            repartition(world);
            are_enough(world, &[TO_RUN, TO_REPARTITION].concat()).await
        }),
        story("the_right_to_create_a_topic_is_named_where_it_is_missing", async |world| {
            come(world).await?;
            is_named(world, &["topics", "create"], "CREATE", &world.own_topic("receipts")).await
        }),
        story("the_right_to_create_topics_is_enough_to_create_them", async |world| {
            come(world).await?;
            let own =
                ["customer-devices", RETRY, "order-book", "dead-letters", "receipts", "replays"];
            let own = own.into_iter().chain(["portal-tokens"]);
            let own: Vec<_> = own.map(|topic| Right::Create(world.own_topic(topic))).collect();
            world.kafka.allow(USER, &own).await?;
            world.emberline(&["topics", "create"]).await?.succeeds(LIMIT).await
        }),
    ];
    for (number, (named, _, on)) in TO_RUN.iter().chain(TO_REPARTITION).enumerate() {
        let named_as = named.to_lowercase();
        let name = format!("without_{named_as}_on_{}_that_is_what_is_said", on.told());
        trials.push(story(&name, async move |world: &mut World| {
            let mut rights = TO_RUN.to_vec();
            if number >= TO_RUN.len() {
                repartition(world);
                rights.extend(TO_REPARTITION);
            }
            rights.remove(number);
            prepare(world, &rights).await?;
            is_named(world, &["run"], named, &on.name(world)).await
        }));
    }
    trials
}

/// As the user that has no rights yet.
pub(crate) async fn come(world: &mut World) -> Result<()> {
    let secured = SecuredKafka::shared().await?;
    let authority = secured.authority.display().to_string();
    let properties = [
        ("security.protocol", "SASL_SSL"),
        ("ssl.ca.location", &authority),
        ("sasl.mechanisms", "PLAIN"),
        ("sasl.username", USER),
        ("sasl.password", &password(USER)),
    ];
    come_by(world, &secured.with_passwords()?, &properties);
    world.set("retry.tiers", r#"["2s"]"#);
    Ok(())
}

/// The topic of devices is not keyed by device, and who joins has all bindings.
fn repartition(world: &mut World) {
    world.repartition();
    world.set("join.table", r#""all""#);
}

/// With these rights all is done.
async fn are_enough(world: &mut World, rights: &[Needed]) -> Result<()> {
    prepare(world, rights).await?;
    world.run_to_end().await?;
    let totals = world.sandbox.ledger().totals();
    ensure!(totals.distinct_reports == 1, "{totals:?}");
    let placed = world.sandbox.registry().orders().orders.len();
    ensure!(placed == 1, "{placed} orders");
    let letters = world.dead_letters().await?.len();
    ensure!(letters == 1, "{letters} dead letters");
    Ok(())
}

/// Topics, something of everything in them, and these rights.
async fn prepare(world: &mut World, rights: &[Needed]) -> Result<()> {
    world.read_claims().await?;
    world.set("retry.tiers", r#"["2s"]"#);
    world.set("join.wait", r#""200ms""#);
    world.emberline(&["topics", "create"]).await?.succeeds(LIMIT).await?;
    come(world).await?;
    allow(world, rights).await?;
    write_something_of_everything(world).await
}

/// Gives the user these rights. The node may take a moment to go by them.
pub(crate) async fn allow(world: &World, rights: &[Needed]) -> Result<()> {
    let rights: Vec<Right> = rights.iter().map(|(_, right, on)| right(on.name(world))).collect();
    world.kafka.allow(USER, &rights).await
}

/// A report that arrives, one that waits for its binding, one that nobody understands, and an
/// order: everything that a process writes to is written to.
pub(crate) async fn write_something_of_everything(world: &World) -> Result<()> {
    world.create_customer("c_1")?;
    let bound = json!({
        "type": "bind", "customer_id": "c_1", "device_id": id("bound"),
        "customer_device_no": "SN-0001", "product_name": "Smoke detector", "time": TIME,
    });
    let customer = json!({
        "customer_id": "c_2", "country_code": "86", "phone_number": "13900000000", "time": TIME,
    });
    let order = json!({
        "customer_id": "c_2", "order_no": "1", "item_id": "D-FireInsurance2020",
        "item_vno": "FireBusiness", "item_num": 1, "time": TIME,
    });
    let of = |key: &str, value: serde_json::Value| NewRecord::text(key, &value.to_string());
    let devices = [report("bound"), report("unbound"), NewRecord::text("noise", "no JSON")];
    world.kafka.produce(&world.bindings(), &[of("c_1", bound)]).await?;
    world.kafka.produce(&world.customers(), &[of("c_2", customer)]).await?;
    world.kafka.produce(&world.orders(), &[of("c_2", order)]).await?;
    world.kafka.produce(&world.devices(), &devices).await
}

fn id(device: &str) -> String {
    format!("{PRODUCT}/{device}")
}

fn report(device: &str) -> NewRecord {
    let value = json!({
        "payload": { "clientToken": "t", "method": "report", "params": { "power": 1.5 } },
        "seq": 1, "timestamp": TIME, "topic": format!("$thing/up/property/{PRODUCT}/{device}"),
        "devicename": device, "productid": PRODUCT,
    });
    NewRecord::text(&id(device), &value.to_string())
}

/// Sooner or later a process with these arguments says which right it lacks, and on what.
pub(crate) async fn is_named(
    world: &World,
    arguments: &[&str],
    right: &str,
    resource: &str,
) -> Result<()> {
    let mut process = world.emberline(arguments).await?;
    let what = format!("a line that names {right} and {resource}");
    world
        .wait_for(&what, async || {
            let said = process.log() + &process.output();
            let names = |line: &str| {
                line.split_once("allow ").is_some_and(|(_, what)| what.contains(right))
            };
            let named = said.lines().any(|line| names(line) && line.contains(resource));
            ensure!(named || process.exit_code()?.is_none(), "it ended without: {what}");
            Ok(named.then_some(()))
        })
        .await
}
