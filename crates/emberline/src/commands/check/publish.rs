//! Before the service is published: what must have been seen working, whether this run saw
//! it, and what formal orders may cost. Publishing can't be undone.

use std::fmt::Write as _;
use std::num::NonZeroU16;

use emberline_model::{Category, Item};
use emberline_service_api::{CallError, ServiceGetOrderList};
use emberline_service_client::WholeList;
use serde::Serialize;

use super::flow::{
    BINDING, CUSTOMER, CUSTOMER_LIST, OFFLINE, ONLINE, ORDER, ORDER_LIST, PAGE, SPELLINGS,
};
use super::report::{Group, Report, State};
use crate::paced::PacedService;
use crate::settings::ClaimSettings;

/// Orders asked for at once.
const PAGE_SIZE: NonZeroU16 = NonZeroU16::new(100).unwrap();

/// What a program can't see.
const BY_HAND: [&str; 4] = [
    "a test policy was claimed on the page, on a phone, and shows in the test order",
    "both pages of your own (introduction, claim) were walked through on a phone",
    "real devices report, and emberline thing-model check --topic … finds nothing",
    "the authorisations bought are those that are shown below",
];

/// Formal and test orders at the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct OrderCounts {
    formal: u64,
    test: u64,
    /// False where the service did not show all that it says it has.
    complete: bool,
}

/// Counts the orders that the service lists.
///
/// # Errors
/// It lists none.
pub(super) async fn count_orders(service: &PacedService) -> Result<OrderCounts, CallError> {
    let list = service.list(&ServiceGetOrderList::default(), PAGE_SIZE).await?;
    Ok(OrderCounts::of(&list))
}

impl OrderCounts {
    /// What is not known to be a test order counts as a formal one.
    fn of(list: &WholeList<emberline_service_api::Order>) -> Self {
        let is_test = |id: &str| Item::parse(id).is_ok_and(|item| item.test);
        let test = list.items.iter().filter(|order| is_test(&order.item_id)).count() as u64;
        Self { test, formal: list.items.len() as u64 - test, complete: list.is_complete() }
    }
}

/// The list that is gone through before publishing.
#[derive(Debug, Serialize)]
pub(super) struct Publishing {
    /// Whether all that a program can see was seen.
    ready: bool,
    seen: Vec<Sight>,
    by_hand: [&'static str; BY_HAND.len()],
    /// `claims.authorisations`.
    authorisations: u32,
    /// `claims.formal_orders`.
    formal_orders: bool,
    orders: Option<OrderCounts>,
    /// Why the orders are not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    orders_problem: Option<String>,
}

/// Something that must have been seen.
#[derive(Debug, Serialize)]
struct Sight {
    what: String,
    seen: bool,
    /// Why not.
    #[serde(skip_serializing_if = "String::is_empty")]
    detail: String,
}

impl Publishing {
    /// What the steps show. `orders` is `None` where nobody could ask.
    pub(super) fn new(
        report: &Report,
        claims: &ClaimSettings,
        orders: Option<Result<OrderCounts, CallError>>,
    ) -> Self {
        let properties = Category::ALL.map(Category::property);
        let kafka: Vec<_> = report
            .steps()
            .iter()
            .filter(|it| it.group == Group::Kafka)
            .map(|it| it.name.as_str())
            .collect();
        let flow = Group::Flow;
        let seen = vec![
            sight(report, "Kafka: the topics are there, as they must be", Group::Kafka, &kafka),
            sight(report, "a customer is created, and listed", flow, &[CUSTOMER, CUSTOMER_LIST]),
            sight(report, "a test order is placed, and listed", flow, &[ORDER, ORDER_LIST]),
            sight(report, "the claim page has an address", flow, &[PAGE]),
            sight(report, "a device is bound", flow, &[BINDING]),
            sight(report, "data of each of the six categories is accepted", flow, &properties),
            sight(report, "a device goes online and offline", flow, &[ONLINE, OFFLINE]),
            sight(report, "calls are spelt as the service wants them", Group::Spelling, &SPELLINGS),
        ];
        let (orders, orders_problem) = match orders {
            Some(Ok(counts)) => (Some(counts), None),
            Some(Err(error)) => (None, Some(error.to_string())),
            None => (None, Some("the service was not reached".to_owned())),
        };
        Self {
            ready: seen.iter().all(|sight| sight.seen),
            seen,
            by_hand: BY_HAND,
            authorisations: claims.authorisations,
            formal_orders: claims.formal_orders,
            orders,
            orders_problem,
        }
    }

    /// Whether all that a program can see was seen.
    pub(super) const fn is_ready(&self) -> bool {
        self.ready
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let mut text = "\nbefore publishing, which can't be undone\n".to_owned();
        for Sight { what, seen, detail } in &self.seen {
            let (mark, because) =
                if *seen { ("x", String::new()) } else { (" ", format!(": {detail}")) };
            let _ = writeln!(text, "  [{mark}] {what}{because}");
        }
        for what in self.by_hand {
            let _ = writeln!(text, "  [?] {what}");
        }
        let _ = writeln!(text, "  [?]: look yourself, no program sees it\n");
        let _ = match (&self.orders, &self.orders_problem) {
            (Some(counts), _) => {
                let more = if counts.complete { "" } else { " at least: not all are shown" };
                writeln!(
                    text,
                    "orders at the service: {} formal, {} test{more}",
                    counts.formal, counts.test
                )
            }
            (None, problem) => {
                let problem = problem.as_deref().unwrap_or_default();
                writeln!(text, "orders at the service: not counted: {problem}")
            }
        };
        let _ = writeln!(text, "claims.authorisations = {}{}", self.authorisations, self.left());
        let allowed = if self.formal_orders {
            "formal orders are placed, and each uses up an authorisation; the service takes them only once it is published"
        } else {
            "no formal order is placed; set it to true once the service is published"
        };
        let _ = writeln!(text, "claims.formal_orders = {}: {allowed}", self.formal_orders);
        let ready =
            if self.ready { "all that a program can see was seen" } else { "do not publish yet" };
        let _ = writeln!(text, "{ready}");
        text
    }

    fn left(&self) -> String {
        let Some(counts) = self.orders else { return String::new() };
        match u64::from(self.authorisations).checked_sub(counts.formal) {
            Some(left) => format!(": {left} are left"),
            None => format!(": fewer than the {} formal orders that there are", counts.formal),
        }
    }
}

/// Seen is what was walked and went well; else the first step that was not is told.
fn sight(report: &Report, what: &str, group: Group, steps: &[&str]) -> Sight {
    let mut unseen = steps.iter().filter_map(|step| match report.find(group, step) {
        Some(step) if step.state == State::Ok => None,
        Some(step) => Some(format!("{}: {}", step.name, step.detail)),
        None => Some(format!("{step}: not come to")),
    });
    let nothing = || if steps.is_empty() { "not looked at".to_owned() } else { String::new() };
    let detail = unseen.next().unwrap_or_else(nothing);
    Sight { what: what.to_owned(), seen: detail.is_empty(), detail }
}

#[cfg(test)]
mod tests {
    use emberline_service_api::Order;
    use emberline_service_client::WholeList;

    use super::{OrderCounts, Publishing};
    use crate::commands::check::fault::Fault;
    use crate::commands::check::report::{Group, Report};
    use crate::settings::ClaimSettings;

    fn order(number: u64, item_id: &str) -> Order {
        Order {
            customer_id: "c".to_owned(),
            order_no: number.to_string(),
            item_id: item_id.to_owned(),
            item_vno: "FireBusiness".to_owned(),
            item_num: 1,
        }
    }

    #[test]
    fn what_is_not_known_to_be_a_test_order_counts_as_money() {
        let ids = ["D-FireInsurance2020", "FireInsurance2020", "CarInsurance2021", "D-New2030"];
        let items = (0..).zip(ids).map(|(number, id)| order(number, id)).collect();
        let counts = OrderCounts::of(&WholeList { items, total: 9 });
        assert_eq!(counts, OrderCounts { formal: 3, test: 1, complete: false });
    }

    #[test]
    fn what_was_not_seen_is_said_with_its_reason() {
        let mut report = Report::default();
        report.ok(Group::Kafka, "devices", "6 partitions");
        for step in ["customer", "customer list", "test order"] {
            report.ok(Group::Flow, step, "");
        }
        report.failed(Group::Flow, "order list", Fault::new("o-1 is not listed", "ask"));
        report.skipped(Group::Flow, "binding", "--read-only");
        let claims = ClaimSettings { authorisations: 1, ..ClaimSettings::default() };
        let orders = OrderCounts { formal: 2, test: 5, complete: true };
        insta::assert_snapshot!(Publishing::new(&report, &claims, Some(Ok(orders))).text());
    }
}
