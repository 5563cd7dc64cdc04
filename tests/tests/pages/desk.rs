//! A desk that places orders at the sandbox, at once or when it is told to.

use std::sync::Mutex;

use emberline_portal::{BoxFuture, OrderDesk, Placed, Purchase};
use emberline_service_api::{CallError, FailureClass, ServiceCreateCustomer, ServiceCreateOrder};
use emberline_service_client::ServiceClient;

pub(crate) struct Desk {
    client: ServiceClient,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Orders are taken and kept back.
    holds: bool,
    held: Vec<Purchase>,
    /// What it answers instead.
    answer: Option<Placed>,
}

impl Desk {
    pub(crate) fn new(client: ServiceClient) -> Self {
        Self { client, state: Mutex::default() }
    }

    /// Keeps orders back from now on.
    pub(crate) fn hold(&self) {
        self.state.lock().unwrap().holds = true;
    }

    /// Places those kept back, and the next ones at once.
    pub(crate) async fn release(&self) {
        let held = std::mem::take(&mut *self.state.lock().unwrap()).held;
        for purchase in held {
            self.place_now(&purchase).await.unwrap();
        }
    }

    /// Answers this to whatever it is asked, or does its work again.
    pub(crate) fn answer(&self, answer: Option<Placed>) {
        self.state.lock().unwrap().answer = answer;
    }

    async fn place_now(&self, purchase: &Purchase) -> Result<(), CallError> {
        let (order, customer) = (&purchase.order, purchase.customer.as_str());
        if let Some(contact) = &purchase.contact {
            let (country_code, phone_number) = (&contact.country_code, &contact.phone_number);
            let create = ServiceCreateCustomer { customer, country_code, phone_number };
            self.client.call(&create).await?;
        }
        let create = ServiceCreateOrder {
            customer,
            order_no: &order.order_no,
            item: order.item,
            version: order.version,
            count: order.count,
        };
        match self.client.call(&create).await {
            // A number that is taken already: by the press before this one.
            Err(error) if error.class() == FailureClass::Permanent => Ok(()),
            other => other.map(drop),
        }
    }
}

impl OrderDesk for Desk {
    fn place<'a>(&'a self, purchase: &'a Purchase) -> BoxFuture<'a, Placed> {
        Box::pin(async {
            {
                let mut state = self.state.lock().unwrap();
                if let Some(answer) = &state.answer {
                    return answer.clone();
                }
                if state.holds {
                    state.held.push(purchase.clone());
                    return Placed::OnItsWay;
                }
            }
            match self.place_now(purchase).await {
                Ok(()) => Placed::OnItsWay,
                Err(_) => Placed::TryLater { after: None },
            }
        })
    }
}
