//! What the service says.

use std::collections::BTreeMap;
use std::num::NonZeroU16;

use anyhow::{Context, ensure};
use emberline_model::CustomerId;
use emberline_service_api::{Customer, Order, ServiceGetCustomerList, ServiceGetOrderList};
use emberline_service_client::{ListQuery, WholeList};

use super::known::{Filter, Known};
use crate::paced::PacedService;

/// Most that are asked for one by one. Where more is missing, it is not for a moment.
const MOST_ASKED: usize = 200;

/// Customers and orders by their ids.
#[derive(Default)]
pub(super) struct Far {
    pub(super) customers: BTreeMap<String, Customer>,
    pub(super) orders: BTreeMap<String, Order>,
}

/// Lists both.
///
/// # Errors
/// The service gives no answer, or does not list all that it says it has.
pub(super) async fn list(
    service: &PacedService,
    filter: &Filter,
    page_size: NonZeroU16,
) -> anyhow::Result<Far> {
    let customer = filter.only.as_ref().map(CustomerId::as_str);
    let query = ServiceGetCustomerList { customer, ..Default::default() };
    let customers = whole("customers", service, &query, page_size).await?;
    let query = ServiceGetOrderList { customer, ..Default::default() };
    let orders = whole("orders", service, &query, page_size).await?;
    let mut far = Far::default();
    for customer in customers.into_iter().filter(|it| filter.takes(&it.customer_id)) {
        far.customers.insert(customer.customer_id.clone(), customer);
    }
    for order in orders.into_iter().filter(|it| filter.takes(&it.customer_id)) {
        far.orders.insert(order.order_no.clone(), order);
    }
    Ok(far)
}

async fn whole<Q: ListQuery + Sync>(
    name: &str,
    service: &PacedService,
    query: &Q,
    page_size: NonZeroU16,
) -> anyhow::Result<Vec<Q::Item>> {
    let list = service.list(query, page_size).await;
    let list = list.with_context(|| format!("the list of {name}"))?;
    ensure!(
        list.is_complete(),
        "the service shows {} of {} {name}: nothing can be said of the rest; try another --page-size",
        list.items.len(),
        list.total
    );
    let WholeList { items, .. } = list;
    Ok(items)
}

impl Far {
    /// Asks once more for what is missing, where it is little: it may have come since.
    ///
    /// # Errors
    /// The service gives no answer.
    pub(super) async fn ask_again(
        &mut self,
        service: &PacedService,
        known: &Known,
    ) -> anyhow::Result<()> {
        let missing: Vec<_> =
            known.customers.keys().filter(|id| !self.customers.contains_key(*id)).collect();
        if missing.len() <= MOST_ASKED {
            for id in missing {
                let query = ServiceGetCustomerList { customer: Some(id), ..Default::default() };
                let list = service.read(&query).await.context("the list of customers")?;
                let found = list.customers.into_iter().find(|it| it.customer_id == *id);
                self.customers.extend(found.map(|found| (id.clone(), found)));
            }
        }
        let missing: Vec<_> =
            known.orders.keys().filter(|number| !self.orders.contains_key(*number)).collect();
        if missing.len() <= MOST_ASKED {
            for number in missing {
                let query = ServiceGetOrderList { order_no: Some(number), ..Default::default() };
                let list = service.read(&query).await.context("the list of orders")?;
                let found = list.orders.into_iter().find(|it| it.order_no == *number);
                self.orders.extend(found.map(|found| (number.clone(), found)));
            }
        }
        Ok(())
    }
}
