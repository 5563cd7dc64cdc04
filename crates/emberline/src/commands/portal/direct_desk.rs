//! Orders placed at the service by the portal itself, by the same rules and with the same
//! order book as the claims worker.

use std::sync::Arc;
use std::time::Duration;

use emberline_model::CustomerEvent;
use emberline_pipeline::{NotPlaced, OrderPlacer};
use emberline_portal::{BoxFuture, OrderDesk, Placed, Purchase, RefusedOrder};
use emberline_service_client::HttpClient;

/// Longest that a customer waits; the order goes on being placed after that.
pub(crate) const PATIENCE: Duration = Duration::from_secs(12);

/// Places orders at the service.
pub struct DirectDesk(pub(crate) Arc<OrderPlacer<Arc<HttpClient>>>);

impl OrderDesk for DirectDesk {
    fn place<'a>(&'a self, purchase: &'a Purchase) -> BoxFuture<'a, Placed> {
        let (placer, purchase) = (Arc::clone(&self.0), purchase.clone());
        // A customer who goes away meanwhile leaves no order half placed.
        let placing = tokio::spawn(async move { place(&placer, &purchase).await });
        Box::pin(async move { placing.await.unwrap_or(Placed::TryLater { after: None }) })
    }
}

async fn place(placer: &OrderPlacer<Arc<HttpClient>>, purchase: &Purchase) -> Placed {
    let customer = purchase.contact.as_ref().map(|contact| CustomerEvent {
        customer: purchase.customer.clone(),
        country_code: contact.country_code.clone(),
        phone_number: contact.phone_number.clone(),
        time: purchase.order.time,
    });
    let order = &purchase.order.order_no;
    let placed = match placer.place(customer.as_ref(), &purchase.order).await {
        Ok(()) => Placed::There,
        Err(NotPlaced::FormalOrdersOff) => Placed::Refused(RefusedOrder::NotOnSale),
        Err(NotPlaced::AuthorisationsUsedUp) => Placed::Refused(RefusedOrder::SoldOut),
        Err(NotPlaced::CustomerRefused) => Placed::Refused(RefusedOrder::Contact),
        Err(NotPlaced::Conflict | NotPlaced::Refused) => Placed::Refused(RefusedOrder::Order),
        Err(NotPlaced::Later { after }) => Placed::TryLater { after },
    };
    tracing::info!(order, ?placed, "an order was to be placed");
    placed
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use emberline_broker::EmbeddedBroker;
    use emberline_flow::claim::ClaimRules;
    use emberline_model::{CustomerId, EventTime, OrderEvent};
    use emberline_pipeline::{OrderPlacer, PlacerSettings};
    use emberline_portal::{Contact, OrderDesk, Placed, Purchase, RefusedOrder};
    use emberline_sandbox::{Action, Fault, FaultPlan, FaultRule, Sandbox, SandboxSettings};
    use emberline_service_api::{Credentials, Dialect, Secret, Signer};
    use emberline_service_client::{HttpClient, HttpSettings};

    use super::DirectDesk;
    use crate::settings::Settings;
    use crate::wiring;

    struct World {
        broker: EmbeddedBroker,
        sandbox: Sandbox,
    }

    impl World {
        async fn start() -> Self {
            let broker = EmbeddedBroker::start(&[("emberline.order-book", 1)]).unwrap();
            let service = SandboxSettings {
                listen: ([127, 0, 0, 1], 0).into(),
                authorisations_bought: 9,
                published: true,
                ..SandboxSettings::default()
            };
            Self { broker, sandbox: Sandbox::start(service).await.unwrap() }
        }

        async fn desk(&self, authorisations: usize) -> DirectDesk {
            let settings = PlacerSettings {
                kafka: self.broker.settings("g"),
                topics: wiring::topics(&Settings::default()),
                rules: ClaimRules {
                    formal_orders: authorisations > 0,
                    authorisations,
                    doubt: Duration::from_millis(300),
                    lease: Duration::from_secs(20),
                    recount: Duration::from_mins(1),
                },
                patience: super::PATIENCE,
            };
            let secret = Secret::new("ServiceAppSecret");
            let credentials = Credentials { app_key: "ServiceAppKey".into(), app_secret: secret };
            let signer = Signer::new(&credentials, Dialect::default());
            let http = Arc::new(HttpClient::new(&HttpSettings::new(self.sandbox.url())).unwrap());
            DirectDesk(Arc::new(OrderPlacer::start(settings, signer, http).await.unwrap()))
        }

        /// Orders placed, and calls that were one too many.
        fn placed(&self) -> (usize, u64) {
            let totals = self.sandbox.ledger().totals();
            let refused = totals.by_action["ServiceCreateOrder"].rejected;
            (self.sandbox.registry().orders().orders.len(), refused)
        }
    }

    fn purchase(order_no: &str, item: &str) -> Purchase {
        let customer = CustomerId::parse("c_1").unwrap();
        let time = EventTime::from_millis(1_800_000_000_000);
        let item = (item, "FireBusiness");
        let contact =
            Contact { country_code: "86".to_owned(), phone_number: "13900000000".to_owned() };
        Purchase {
            order: OrderEvent::new(customer.clone(), order_no, item, 1, time).unwrap(),
            contact: Some(contact),
            customer,
        }
    }

    #[tokio::test]
    async fn a_button_pressed_at_two_replicas_at_once_places_one_order() {
        let world = World::start().await;
        let desks = [world.desk(0).await, world.desk(0).await];
        let bought = purchase("EP-1", "D-FireInsurance2020");
        let placed = tokio::join!(desks[0].place(&bought), desks[1].place(&bought));
        assert_eq!(placed, (Placed::There, Placed::There));
        assert_eq!(desks[0].place(&bought).await, Placed::There);
        assert_eq!(world.placed(), (1, 0));
    }

    #[tokio::test]
    async fn an_order_whose_answer_was_lost_is_found_and_not_placed_again() {
        let world = World::start().await;
        let desk = world.desk(0).await;
        let lost = FaultRule::first(1, Fault::Reset).of(Action::CreateOrder).after_acting();
        world.sandbox.faults().set(FaultPlan { rules: vec![lost], ..FaultPlan::default() });
        let bought = purchase("EP-1", "D-FireInsurance2020");
        assert_eq!(desk.place(&bought).await, Placed::There);
        assert_eq!(world.placed(), (1, 0));
    }

    #[tokio::test]
    async fn formal_orders_need_the_switch_and_an_authorisation() {
        let world = World::start().await;
        let formal = |number| purchase(number, "FireInsurance2020");
        let off = world.desk(0).await.place(&formal("EP-1")).await;
        assert_eq!(off, Placed::Refused(RefusedOrder::NotOnSale));
        let desk = world.desk(1).await;
        assert_eq!(desk.place(&formal("EP-1")).await, Placed::There);
        let second = desk.place(&formal("EP-2")).await;
        assert_eq!(second, Placed::Refused(RefusedOrder::SoldOut));
        assert_eq!(world.placed(), (1, 0));
    }
}
