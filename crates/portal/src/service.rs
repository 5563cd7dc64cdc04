//! What the portal asks the service: a customer's orders, and the page of a claim. Each
//! question has one deadline, and so many are asked at the same time.

use std::sync::Arc;
use std::time::Duration;

use emberline_model::{CustomerId, Item, ItemVersion};
use emberline_service_api::{
    CallError, InsurancePage, Order, ServiceGetInsurancePageURL, ServiceGetOrderList, Signer,
};
use emberline_service_client::{HttpClient, ServiceClient};
use parking_lot::RwLock;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::trouble::Trouble;

/// Orders asked for at once.
const PAGE: u64 = 100;
/// Most orders of a customer that are read; the oldest ones, as the service lists them.
const MOST_ORDERS: usize = 1000;
/// Most questions at the same time; others wait, within their deadline.
const AT_ONCE: usize = 64;

type Client = ServiceClient<Arc<HttpClient>>;

/// The service, as far as the pages need it.
pub struct Service {
    client: RwLock<Arc<Client>>,
    http: Arc<HttpClient>,
    places: Semaphore,
    patience: Duration,
}

impl Service {
    /// Asks through this client, signing with this signer, and waits for an answer for so
    /// long.
    pub fn new(signer: Signer, http: HttpClient, patience: Duration) -> Self {
        let http = Arc::new(http);
        let client = RwLock::new(Arc::new(ServiceClient::new(signer, Arc::clone(&http))));
        Self { client, http, places: Semaphore::new(AT_ONCE), patience }
    }

    /// Signs with this signer from now on: credentials may change while the portal runs.
    pub fn sign_with(&self, signer: Signer) {
        *self.client.write() = Arc::new(ServiceClient::new(signer, Arc::clone(&self.http)));
    }

    /// The orders of a customer, from all pages of the service's list.
    pub(crate) async fn orders_of(&self, customer: &CustomerId) -> Result<Vec<Order>, Trouble> {
        self.within_patience(async |client| {
            let mut orders: Vec<Order> = Vec::new();
            loop {
                let list = ServiceGetOrderList {
                    customer: Some(customer.as_str()),
                    offset: Some(orders.len() as u64),
                    limit: Some(PAGE),
                    ..ServiceGetOrderList::default()
                };
                let page = client.call(&list).await?;
                let is_last = page.orders.is_empty();
                orders.extend(page.orders);
                if is_last || orders.len() as u64 >= page.total || orders.len() >= MOST_ORDERS {
                    return Ok(orders);
                }
            }
        })
        .await
        .map(|orders| {
            // Whatever a service answers, nobody sees another's orders.
            orders.into_iter().filter(|order| order.customer_id == customer.as_str()).collect()
        })
    }

    /// The customer's order of this number; `None` if there is none, or it is another's.
    pub(crate) async fn order(
        &self,
        customer: &CustomerId,
        order_no: &str,
    ) -> Result<Option<Order>, Trouble> {
        let list = ServiceGetOrderList {
            customer: Some(customer.as_str()),
            order_no: Some(order_no),
            ..ServiceGetOrderList::default()
        };
        let found = self.within_patience(async |client| client.call(&list).await).await?;
        let is_it =
            |order: &Order| order.order_no == order_no && order.customer_id == customer.as_str();
        Ok(found.orders.into_iter().find(is_it))
    }

    /// Where the customer claims what this order is for.
    pub(crate) async fn page_of(
        &self,
        customer: &CustomerId,
        item: Item,
        version: Option<ItemVersion>,
    ) -> Result<InsurancePage, Trouble> {
        let question = ServiceGetInsurancePageURL { customer: customer.as_str(), item, version };
        self.within_patience(async |client| client.call(&question).await).await
    }

    async fn within_patience<T>(
        &self,
        ask: impl AsyncFnOnce(Arc<Client>) -> Result<T, CallError>,
    ) -> Result<T, Trouble> {
        let client = Arc::clone(&self.client.read());
        let asked = timeout(self.patience, async {
            let _place = self.places.acquire().await;
            ask(client).await
        });
        let Ok(answer) = asked.await else {
            tracing::warn!(after = ?self.patience, "a call of the portal took too long");
            return Err(Trouble::Slow);
        };
        answer.map_err(|error| Trouble::of(&error))
    }
}
