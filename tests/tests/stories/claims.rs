//! Customers and orders: each order once, after its customer, and no more formal ones than
//! there are authorisations.

use std::time::Duration;

use anyhow::{Result, ensure};
use emberline_sandbox::{Action, Fault, FaultPlan, FaultRule, SandboxSettings};
use emberline_testkit::kafka::NewRecord;
use emberline_testkit::{Signal, World};
use serde_json::json;

use crate::events::BEGINNING;
use crate::story::LIMIT;

fn customer(id: &str) -> NewRecord {
    let value = json!({
        "customer_id": id, "country_code": "86", "phone_number": "13900000000",
        "time": BEGINNING,
    });
    NewRecord::text(id, &value.to_string())
}

fn order(customer: &str, number: &str, item: &str, count: u32) -> NewRecord {
    let value = json!({
        "customer_id": customer, "order_no": number, "item_id": item,
        "item_vno": "FireBusiness", "item_num": count, "time": BEGINNING,
    });
    NewRecord::text(customer, &value.to_string())
}

const TEST: &str = "D-FireInsurance2020";
const FORMAL: &str = "FireInsurance2020";

/// The numbers of the orders that the service has, sorted.
fn placed(world: &World) -> Vec<String> {
    let orders = world.sandbox.registry().orders().orders;
    let mut numbers: Vec<String> = orders.into_iter().map(|order| order.order_no).collect();
    numbers.sort_unstable();
    numbers
}

/// Calls to place an order that the service did not want: each was one too many.
fn refused(world: &World) -> u64 {
    let totals = world.sandbox.ledger().totals();
    totals.by_action.get("ServiceCreateOrder").map_or(0, |calls| calls.rejected)
}

/// Why what is in the dead letters is there, and in which words.
async fn reasons(world: &World) -> Result<Vec<(String, String)>> {
    let mut reasons = Vec::new();
    for letter in world.dead_letters().await? {
        let header = |name: &str| letter.header(&format!("emberline-dlq-{name}"));
        let [reason, message] = ["reason", "error-message"].map(header);
        reasons.push((reason.unwrap_or_default().into(), message.unwrap_or_default().into()));
    }
    reasons.sort_unstable();
    Ok(reasons)
}

pub(crate) async fn orders_after_customers(world: &mut World) -> Result<()> {
    world.read_claims().await?;
    world.set("retry.tiers", r#"["1s", "2s"]"#);
    // The orders are there before anything is known of who orders.
    let orders = [
        order("c_1", "1", TEST, 1),
        order("c_1", "2", TEST, 1),
        order("c_2", "3", TEST, 2),
        order("c_2", "3", TEST, 2),
        order("c_1", "4", "D-CarInsurance2021", 1),
        order("c_1", "5", FORMAL, 1),
    ];
    world.kafka.produce(&world.orders(), &orders).await?;
    let mut run = world.emberline(&["run"]).await?;
    world.settled("claims", &world.orders()).await?;
    ensure!(placed(world).is_empty(), "{:?} of nobody", placed(world));

    world.kafka.produce(&world.customers(), &[customer("c_1"), customer("c_2")]).await?;
    let all = || placed(world) == ["1", "2", "3"];
    world.wait_for("the orders", async || Ok(all().then_some(()))).await?;
    // Another one of a number that is taken.
    world.kafka.produce(&world.orders(), &[order("c_2", "3", TEST, 1)]).await?;
    world.settled("claims", &world.orders()).await?;
    run.signal(Signal::Terminate)?;
    run.succeeds(LIMIT).await?;

    let reasons = reasons(world).await?;
    let names: Vec<&str> = reasons.iter().map(|(reason, _)| reason.as_str()).collect();
    ensure!(names == ["formal_orders_off", "order_conflict", "undecodable"], "{reasons:?}");
    let conflict = &reasons[1].1;
    ensure!(conflict.contains("ItemNum is 1 here and 2 at the service"), "{conflict}");
    ensure!(reasons[2].1.contains("family"), "{}", reasons[2].1);
    Ok(())
}

/// A service of which more authorisations were bought than the settings allow to be used.
pub(crate) fn bought() -> SandboxSettings {
    SandboxSettings { authorisations_bought: 100, published: true, ..SandboxSettings::default() }
}

pub(crate) async fn authorisations(world: &mut World) -> Result<()> {
    world.read_claims().await?;
    world.set("claims.formal_orders", "true");
    world.set("claims.authorisations", "3");
    let ids: Vec<String> = (0..8).map(|number| format!("c_{number}")).collect();
    let customers: Vec<NewRecord> = ids.iter().map(|id| customer(id)).collect();
    world.kafka.produce(&world.customers(), &customers).await?;
    world.run_to_end().await?;
    let formal = |id: &String| order(id, &format!("formal-{id}"), FORMAL, 1);
    let test = |id: &String| order(id, &format!("test-{id}"), TEST, 1);
    let orders: Vec<NewRecord> = ids.iter().flat_map(|id| [formal(id), test(id)]).collect();
    let mut runs = [world.emberline(&["run"]).await?, world.emberline(&["run"]).await?];
    world.kafka.produce(&world.orders(), &orders).await?;
    world.settled("claims", &world.orders()).await?;
    for run in &mut runs {
        run.signal(Signal::Terminate)?;
        run.succeeds(LIMIT).await?;
    }
    let orders = world.sandbox.registry().orders();
    ensure!(orders.authorisations_used == 3, "{} used", orders.authorisations_used);
    ensure!(orders.orders.len() == 3 + 8, "{:?}", placed(world));
    ensure!(refused(world) == 0, "{} calls were one too many", refused(world));
    let reasons = reasons(world).await?;
    ensure!(reasons.len() == 5, "{reasons:?}");
    ensure!(reasons.iter().all(|(reason, _)| reason == "authorisations_used_up"), "{reasons:?}");
    Ok(())
}

pub(crate) async fn killed(world: &mut World) -> Result<()> {
    const CUSTOMERS: u32 = 40;
    const KILLS: u32 = 5;
    world.read_claims().await?;
    world.set("service.timeout", r#""2s""#);
    world.set("claims.doubt", r#""1s""#);
    let (mut customers, mut orders, mut expected) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..CUSTOMERS {
        let id = format!("c_{number}");
        customers.push(customer(&id));
        for copy in 0..3 {
            let order_no = format!("{number}-{copy}");
            orders.push(order(&id, &order_no, TEST, 1));
            expected.push(order_no);
        }
        // Told twice.
        orders.push(order(&id, &format!("{number}-0"), TEST, 1));
    }
    expected.sort_unstable();
    world.kafka.produce(&world.customers(), &customers).await?;
    world.kafka.produce(&world.orders(), &orders).await?;
    // Of what is done some is not told.
    let lost = |fault| FaultRule::share(0.3, fault).of(Action::CreateOrder).after_acting();
    world.sandbox.faults().set(FaultPlan {
        latency: Duration::from_millis(300),
        rules: vec![lost(Fault::Reset), lost(Fault::Hang)],
        ..FaultPlan::default()
    });
    for kill in 1..=KILLS {
        let mut run = world.emberline(&["run"]).await?;
        let some = usize::try_from(kill * CUSTOMERS / 4)?;
        let enough = || placed(world).len() >= some;
        world.wait_for("some orders", async || Ok(enough().then_some(()))).await?;
        run.signal(Signal::Kill)?;
        ensure!(run.ended(LIMIT).await? == Signal::KILLED);
    }
    ensure!(placed(world).len() < expected.len(), "it was not in the middle");
    world.sandbox.faults().clear();
    world.run_to_end().await?;
    ensure!(placed(world) == expected, "{:?}", placed(world));
    ensure!(refused(world) == 0, "{} calls were one too many", refused(world));
    ensure!(world.dead_letters().await?.is_empty());
    Ok(())
}
