//! A desk that does what a test tells it: it places orders at the sandbox itself, or it
//! keeps them waiting.

use std::sync::Mutex;

use emberline_portal::{BoxFuture, OrderDesk, Placed, Purchase};
use emberline_service_api::{
    CallError, FailureClass, ServiceCreateCustomer, ServiceCreateOrder, Signer,
};
use emberline_service_client::{HttpClient, ServiceClient};

/// What a desk does with an order.
#[derive(Debug, Clone)]
pub(crate) enum Doing {
    /// Places it at the service.
    Place,
    /// Answers this, and does nothing.
    Answer(Placed),
}

pub(crate) struct TestDesk {
    client: ServiceClient,
    doing: Mutex<Doing>,
    /// What it was asked to place, repeats too.
    asked: Mutex<Vec<Purchase>>,
}

impl TestDesk {
    pub(crate) fn new(signer: Signer, http: HttpClient) -> Self {
        let client = ServiceClient::new(signer, http);
        Self { client, doing: Mutex::new(Doing::Place), asked: Mutex::default() }
    }

    pub(crate) fn does(&self, doing: Doing) {
        *self.doing.lock().unwrap() = doing;
    }

    pub(crate) fn asked(&self) -> Vec<Purchase> {
        self.asked.lock().unwrap().clone()
    }

    async fn place_now(&self, purchase: &Purchase) -> Result<(), CallError> {
        let (order, customer) = (&purchase.order, purchase.customer.as_str());
        if let Some(contact) = &purchase.contact {
            let (country_code, phone_number) = (&contact.country_code, &contact.phone_number);
            self.client
                .call(&ServiceCreateCustomer { customer, country_code, phone_number })
                .await?;
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

impl OrderDesk for TestDesk {
    fn place<'a>(&'a self, purchase: &'a Purchase) -> BoxFuture<'a, Placed> {
        self.asked.lock().unwrap().push(purchase.clone());
        let doing = self.doing.lock().unwrap().clone();
        Box::pin(async move {
            match doing {
                Doing::Answer(placed) => placed,
                Doing::Place => match self.place_now(purchase).await {
                    Ok(()) => Placed::OnItsWay,
                    Err(_) => Placed::TryLater { after: None },
                },
            }
        })
    }
}
