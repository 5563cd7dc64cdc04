//! One order at a time, for who has no worker: the portal, where it places orders itself.
//!
//! The same rules as in a worker (`flow::claim`), and the same order book: of a portal and a
//! worker that hold the same order, one places it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use emberline_broker::{AwaitedProducer, KafkaSettings, Record, TableReader};
use emberline_flow::claim::{Claim, ClaimRules, Found, Step, Subject};
use emberline_flow::order_book::Holder;
use emberline_model::{CustomerEvent, OrderEvent};
use emberline_service_api::{
    Accepted, Action, CallError, FailureClass, ServiceCreateCustomer, ServiceCreateOrder,
    ServiceGetCustomerList, ServiceGetOrderList, Signer,
};
use emberline_service_client::{ServiceClient, Transport};
use emberline_wire::order_book::{OrderBookEntry, encode_key};
use parking_lot::RwLock;

use crate::PipelineError;
use crate::edges::WallClock;
use crate::finding::{Finding, find_customer, find_order};
use crate::order_book::{FormalOrders, PAGE, Paging, ProcessBook};
use crate::run::read_order_book;
use crate::settings::Topics;

/// Before what failed in a passing way is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(300);

/// What an [`OrderPlacer`] needs to know.
#[derive(Debug, Clone)]
pub struct PlacerSettings {
    /// The cluster that has the order book.
    pub kafka: KafkaSettings,
    /// The topics' names.
    pub topics: Topics,
    /// What may be spent.
    pub rules: ClaimRules,
    /// How long one order may take before the caller is told to try later.
    pub patience: Duration,
}

/// Why an order was not placed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotPlaced {
    /// Formal orders are off.
    FormalOrdersOff,
    /// No authorisation is left.
    AuthorisationsUsedUp,
    /// The service has another order of this number.
    Conflict,
    /// The service has refused the customer.
    CustomerRefused,
    /// The service has refused the order.
    Refused,
    /// Not now, for a reason that may pass. To try again is safe; before `after` it is no use.
    Later {
        /// How long to wait at least, where that is known.
        after: Option<Duration>,
    },
}

/// Places orders.
pub struct OrderPlacer<T> {
    settings: PlacerSettings,
    book: Arc<ProcessBook>,
    /// Follows the order book.
    _reader: TableReader,
    producer: AwaitedProducer,
    client: RwLock<Arc<ServiceClient<T>>>,
    transport: T,
    clock: WallClock,
}

impl<T: Transport + Clone> OrderPlacer<T> {
    /// Reads the order book to its end.
    ///
    /// # Errors
    /// Kafka can't be asked, or the book's topic is not as it must be.
    pub async fn start(
        settings: PlacerSettings,
        signer: Signer,
        transport: T,
    ) -> Result<Self, PipelineError> {
        let ClaimRules { formal_orders, authorisations, .. } = settings.rules;
        let book = Arc::new(ProcessBook::new(if formal_orders { authorisations } else { 0 }));
        let reader = read_order_book((&settings.kafka, &settings.topics), &book).await?;
        reader.read_to_current_end().await?;
        Ok(Self {
            producer: AwaitedProducer::new(settings.kafka.clone(), settings.patience)?,
            client: RwLock::new(Arc::new(ServiceClient::new(signer, transport.clone()))),
            transport,
            clock: WallClock::system(),
            settings,
            book,
            _reader: reader,
        })
    }

    /// Signs with this signer from now on.
    pub fn sign_with(&self, signer: Signer) {
        let client = ServiceClient::new(signer, self.transport.clone());
        *self.client.write() = Arc::new(client);
    }

    /// Makes the customer known, where it is told, and places the order, unless the service
    /// has it already. A future that is dropped on the way leaves nothing wrong behind: the
    /// order's lease ends by itself.
    ///
    /// # Errors
    /// [`NotPlaced`]; the order may be placed all the same where it says `Later`.
    pub async fn place(
        &self,
        customer: Option<&CustomerEvent>,
        order: &OrderEvent,
    ) -> Result<(), NotPlaced> {
        let deadline = Instant::now() + self.settings.patience;
        if let Some(customer) = customer {
            self.claim(&What::Customer(customer), deadline).await?;
        }
        self.claim(&What::Order(order), deadline).await
    }

    async fn claim(&self, what: &What<'_>, deadline: Instant) -> Result<(), NotPlaced> {
        let mut claim = Claim::default();
        let ended = self.go_through(what, &mut claim, deadline).await;
        // A call in doubt may still be acted on: then the lease is left to end.
        if let (What::Order(order), Some(holder)) = (what, claim.holder())
            && !claim.is_in_doubt()
        {
            let placed = ended.is_ok() && claim.was_tried() && !order.item.test;
            let entry = placed.then_some((*order, true));
            if let Err(error) = self.write((order, holder), entry).await {
                tracing::warn!(%error, "an order's lease could not be given back; it ends by itself");
            }
        }
        ended
    }

    async fn go_through(
        &self,
        what: &What<'_>,
        claim: &mut Claim,
        deadline: Instant,
    ) -> Result<(), NotPlaced> {
        let rules = &self.settings.rules;
        loop {
            let now = Instant::now();
            let step = self.book.look(|book| claim.next(what.subject(), rules, book, now));
            let failed = match step {
                Step::Wait(until) if until > deadline => {
                    let after = Some(until.saturating_duration_since(now));
                    return Err(NotPlaced::Later { after });
                }
                Step::Wait(until) => {
                    tokio::time::sleep_until(until.into()).await;
                    None
                }
                Step::Lease => self.lease(what, claim, now).await?,
                Step::Count => self.count().await,
                Step::Ask => self.ask(what, claim).await,
                Step::Create => self.create(what, claim).await,
                Step::There => return Ok(()),
                Step::Conflict => return Err(NotPlaced::Conflict),
                Step::Refused => return Err(what.refused()),
                Step::FormalOrdersOff => return Err(NotPlaced::FormalOrdersOff),
                Step::AuthorisationsUsedUp => return Err(NotPlaced::AuthorisationsUsedUp),
            };
            match failed {
                None => {}
                Some(Failed::Done) => return Ok(()),
                Some(Failed::TryAgain) if Instant::now() + TRY_AGAIN < deadline => {
                    tokio::time::sleep(TRY_AGAIN).await;
                }
                Some(Failed::TryAgain) => return Err(NotPlaced::Later { after: None }),
                Some(Failed::Later(after)) => return Err(NotPlaced::Later { after }),
            }
        }
    }

    async fn lease(
        &self,
        what: &What<'_>,
        claim: &mut Claim,
        now: Instant,
    ) -> Result<Option<Failed>, NotPlaced> {
        let What::Order(order) = what else { return Ok(None) };
        let holder = Holder(fastrand::u128(..));
        let before = claim.lease_begins(holder, now);
        if let Some(before) = before {
            // At worst it ends by itself.
            let _ = self.write((order, before), None).await;
        }
        match self.write((order, holder), Some((order, false))).await {
            Ok(offset) => {
                claim.lease_written(offset);
                Ok(None)
            }
            Err(error) => {
                tracing::error!(%error, "an order can't be entered in the order book: it is not placed");
                Err(NotPlaced::Later { after: None })
            }
        }
    }

    async fn write(
        &self,
        (order, holder): (&OrderEvent, Holder),
        entry: Option<(&OrderEvent, bool)>,
    ) -> Result<i64, String> {
        let key = encode_key(&order.order_no, holder.0);
        let value = entry.map(|(order, placed)| {
            OrderBookEntry {
                customer_id: order.customer.as_str().to_owned(),
                formal: !order.item.test,
                placed,
                time_ms: self.clock.unix_millis(),
            }
            .encode()
        });
        let topic = self.settings.topics.order_book();
        let record = Record {
            topic: &topic,
            partition: None,
            key: Some(&key),
            value: value.as_deref(),
            headers: &[],
            timestamp_ms: None,
        };
        let written = self.producer.write(record).await;
        written.map(|at| at.offset).map_err(|error| error.to_string())
    }

    async fn count(&self) -> Option<Failed> {
        let began = Instant::now();
        let (mut formal, mut from) = (FormalOrders::default(), 0);
        loop {
            let list = ServiceGetOrderList {
                offset: Some(from),
                limit: Some(PAGE),
                ..ServiceGetOrderList::default()
            };
            match self.call(&list).await.map(|page| formal.take(page)) {
                Ok(Paging::Next(next)) => from = next,
                Ok(Paging::Done) => break,
                Ok(Paging::Short) => return Some(Failed::TryAgain),
                Err(error) => return Some(failed(&error)),
            }
        }
        self.book.counted(formal.into_numbers(), began);
        None
    }

    async fn call<A: Action + Sync>(&self, action: &A) -> Result<A::Answer, CallError> {
        let client = Arc::clone(&self.client.read());
        client.call(action).await
    }

    async fn ask(&self, what: &What<'_>, claim: &mut Claim) -> Option<Failed> {
        let found: Result<Finding, CallError> = match what {
            What::Customer(event) => {
                let customer = Some(event.customer.as_str());
                let list = ServiceGetCustomerList { customer, ..Default::default() };
                let listed = self.call(&list).await;
                listed.map(|list| find_customer(event, &list.customers, list.total))
            }
            What::Order(order) => {
                let order_no = Some(order.order_no.as_str());
                let list = ServiceGetOrderList { order_no, ..Default::default() };
                let listed = self.call(&list).await;
                listed.map(|list| find_order(order, &list.orders, list.total))
            }
        };
        match found {
            Ok(Ok((found, _))) => {
                claim.answered(found, Instant::now());
                None
            }
            Ok(Err(problem)) => {
                tracing::warn!(problem, "whether the service has an order can't be told");
                Some(Failed::Later(None))
            }
            Err(error) => Some(failed(&error)),
        }
    }

    async fn create(&self, what: &What<'_>, claim: &mut Claim) -> Option<Failed> {
        claim.create_begins();
        // Until its answer is there, or for good where this future is dropped.
        claim.in_doubt(Instant::now() + self.settings.rules.doubt);
        let created: Result<Accepted, CallError> = match what {
            What::Customer(event) => {
                let customer = event.customer.as_str();
                let (country_code, phone_number) = (&event.country_code, &event.phone_number);
                self.call(&ServiceCreateCustomer { customer, country_code, phone_number }).await
            }
            What::Order(order) => {
                let create = ServiceCreateOrder {
                    customer: order.customer.as_str(),
                    order_no: &order.order_no,
                    item: order.item,
                    version: order.version,
                    count: order.count,
                };
                self.call(&create).await
            }
        };
        match created {
            Ok(Accepted) => {
                claim.answered(Found::Same, Instant::now());
                Some(Failed::Done)
            }
            Err(error) if error.is_ambiguous() => {
                claim.in_doubt(Instant::now() + self.settings.rules.doubt);
                None
            }
            Err(error) => {
                claim.out_of_doubt();
                match error.class() {
                    FailureClass::Permanent | FailureClass::Defect => {
                        claim.create_refused();
                        None
                    }
                    _ => Some(failed(&error)),
                }
            }
        }
    }
}

/// What is claimed.
enum What<'a> {
    Customer(&'a CustomerEvent),
    Order(&'a OrderEvent),
}

impl What<'_> {
    fn subject(&self) -> Subject<'_> {
        match self {
            Self::Customer(_) => Subject::Customer,
            Self::Order(order) => {
                Subject::Order { number: &order.order_no, formal: !order.item.test }
            }
        }
    }

    fn refused(&self) -> NotPlaced {
        match self {
            Self::Customer(_) => NotPlaced::CustomerRefused,
            Self::Order(_) => NotPlaced::Refused,
        }
    }
}

/// How a step ended that did not lead to the next one.
enum Failed {
    /// It is done: nothing comes after it.
    Done,
    TryAgain,
    Later(Option<Duration>),
}

fn failed(error: &CallError) -> Failed {
    if let CallError::Throttled { retry_after, .. } = error {
        return Failed::Later(*retry_after);
    }
    tracing::warn!(%error, class = error.class().name(), "an order is not placed yet");
    match error.class() {
        FailureClass::Transient => Failed::TryAgain,
        _ => Failed::Later(None),
    }
}
