//! What the topics say: of each customer the newest event, of each order the oldest.
//!
//! A customer may change its telephone number; an order does not change. A second order of
//! the same number with another content is a contradiction, and it is the first that the
//! service was told.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::Context;
use emberline_broker::{Extent, KafkaSettings, ScanRecord, scan};
use emberline_model::{CustomerEvent, CustomerId, OrderEvent};
use emberline_wire::events::{decode_customer, decode_order};
use emberline_wire::headers::TYPE_HEADER;

use crate::settings::Settings;
use crate::wiring;

/// Longest silence of the brokers.
const PATIENCE: Duration = Duration::from_secs(30);

/// Most records that can't be read whose places are told.
const MOST_PLACES: usize = 100;

/// Whose customers and orders are looked at.
#[derive(Debug, Default)]
pub(super) struct Filter {
    pub(super) only: Option<CustomerId>,
    pub(super) except: Vec<CustomerId>,
}

impl Filter {
    pub(super) fn takes(&self, customer: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only.as_str() == customer)
            && !self.except.iter().any(|id| id.as_str() == customer)
    }
}

/// Where a record lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) offset: i64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}:{}", self.topic, self.partition, self.offset)
    }
}

/// A record that can't be read: where it lies, and why.
pub(super) type Unreadable = (Place, String);

/// What the topics hold.
#[derive(Default)]
pub(super) struct Known {
    filter: Filter,
    pub(super) customers: BTreeMap<String, (CustomerEvent, Place)>,
    pub(super) orders: BTreeMap<String, (OrderEvent, Place)>,
    /// Orders of a number that another order has, by that number.
    pub(super) contradictions: BTreeMap<String, (OrderEvent, Place)>,
    pub(super) records: u64,
    /// How many can't be read, and of the first ones where and why.
    pub(super) undecodable: (u64, Vec<Unreadable>),
}

impl Known {
    /// Reads all topics of customers and orders, up to the end that each has now.
    ///
    /// # Errors
    /// Settings that can't be used, a topic that is not there, no answer.
    pub(super) async fn read(settings: &Settings, filter: Filter) -> anyhow::Result<Self> {
        let kafka = wiring::kafka(settings)?;
        let brokers = settings.kafka.brokers.clone();
        let topics = settings.topics.clone();
        let known = Self { filter, ..Self::default() };
        let reading = tokio::task::spawn_blocking(move || {
            let mut known = known;
            for topic in &topics.customers {
                known.read_topic(&kafka, topic, Self::take_customer)?;
            }
            for topic in &topics.orders {
                known.read_topic(&kafka, topic, Self::take_order)?;
            }
            anyhow::Ok(known)
        });
        reading.await?.with_context(|| format!("Kafka at {brokers}"))
    }

    fn read_topic(
        &mut self,
        kafka: &KafkaSettings,
        topic: &str,
        take: impl Fn(&mut Self, Option<&[u8]>, Option<&str>, Place) -> Result<(), Unreadable>,
    ) -> anyhow::Result<()> {
        scan(kafka, topic, Extent::Whole, PATIENCE, |record: &ScanRecord<'_>| {
            let place = Place {
                topic: topic.to_owned(),
                partition: record.partition(),
                offset: record.offset(),
            };
            let header = record.header(TYPE_HEADER).map(String::from_utf8_lossy);
            self.records += 1;
            if let Err(problem) = take(self, record.value(), header.as_deref(), place) {
                self.undecodable.0 += 1;
                if self.undecodable.1.len() < MOST_PLACES {
                    self.undecodable.1.push(problem);
                }
            }
        })?;
        Ok(())
    }

    /// # Errors
    /// Where it lies, and why it can't be read.
    fn take_customer(
        &mut self,
        value: Option<&[u8]>,
        type_name: Option<&str>,
        place: Place,
    ) -> Result<(), Unreadable> {
        let event = match decode_customer(value, type_name) {
            Ok(event) => event.filter(|event| self.filter.takes(event.customer.as_str())),
            Err(error) => return Err((place, error.to_string())),
        };
        let Some(event) = event else { return Ok(()) };
        let id = event.customer.as_str().to_owned();
        let newer = |(other, other_place): &(CustomerEvent, Place)| {
            (event.time, &place) >= (other.time, other_place)
        };
        if self.customers.get(&id).is_none_or(newer) {
            self.customers.insert(id, (event, place));
        }
        Ok(())
    }

    /// # Errors
    /// As [`take_customer`](Self::take_customer).
    fn take_order(
        &mut self,
        value: Option<&[u8]>,
        type_name: Option<&str>,
        place: Place,
    ) -> Result<(), Unreadable> {
        let event = match decode_order(value, type_name) {
            Ok(event) => event.filter(|event| self.filter.takes(event.customer.as_str())),
            Err(error) => return Err((place, error.to_string())),
        };
        let Some(mut event) = event else { return Ok(()) };
        let mut place = place;
        let number = event.order_no.clone();
        let Some(first) = self.orders.get_mut(&number) else {
            self.orders.insert(number, (event, place));
            return Ok(());
        };
        if (event.time, &place) < (first.0.time, &first.1) {
            std::mem::swap(&mut first.0, &mut event);
            std::mem::swap(&mut first.1, &mut place);
        }
        if !is_same(&first.0, &event) {
            self.contradictions.insert(number, (event, place));
        }
        Ok(())
    }
}

/// Whether two orders of one number order the same.
fn is_same(one: &OrderEvent, other: &OrderEvent) -> bool {
    let content =
        |order: &OrderEvent| (order.customer.clone(), order.item, order.version, order.count);
    content(one) == content(other)
}

#[cfg(test)]
pub(super) mod tests {
    use emberline_model::CustomerId;
    use serde_json::{Value, json};

    use super::{Filter, Known, Place};

    pub(crate) fn place(offset: i64) -> Place {
        Place { topic: "t".to_owned(), partition: 0, offset }
    }

    /// What topics with these events say.
    pub(crate) fn known(filter: Filter, customers: &[Value], orders: &[Value]) -> Known {
        let mut known = Known { filter, ..Known::default() };
        for (offset, event) in (0..).zip(customers) {
            known.take_customer(Some(event.to_string().as_bytes()), None, place(offset)).unwrap();
        }
        for (offset, event) in (0..).zip(orders) {
            known.take_order(Some(event.to_string().as_bytes()), None, place(offset)).unwrap();
        }
        known
    }

    pub(crate) fn customer(id: &str, phone: &str, time: i64) -> Value {
        json!({ "customer_id": id, "country_code": "86", "phone_number": phone, "time": time })
    }

    pub(crate) fn order(number: &str, customer: &str, count: u32, time: i64) -> Value {
        json!({
            "customer_id": customer, "order_no": number, "item_id": "D-FireInsurance2020",
            "item_vno": "FireBusiness", "item_num": count, "time": time,
        })
    }

    #[test]
    fn of_a_customer_the_newest_event_stands_wherever_it_is_read() {
        let events = [customer("c", "1", 5), customer("c", "2", 9), customer("c", "3", 7)];
        let known = known(Filter::default(), &events, &[]);
        assert_eq!(known.customers["c"].0.phone_number, "2");
        // At the same time the later record.
        let events = [customer("c", "1", 5), customer("c", "2", 5)];
        assert_eq!(
            super::tests::known(Filter::default(), &events, &[]).customers["c"].0.phone_number,
            "2"
        );
    }

    #[test]
    fn of_an_order_the_oldest_event_stands_and_another_content_is_a_contradiction() {
        let events = [
            order("o", "c", 2, 9),
            order("o", "c", 1, 5),
            order("p", "c", 1, 1),
            order("p", "c", 1, 3),
        ];
        let known = known(Filter::default(), &[], &events);
        assert_eq!(known.orders["o"].0.count, 1);
        assert_eq!(known.contradictions["o"].0.count, 2);
        assert_eq!(known.contradictions["o"].1, place(0));
        assert!(!known.contradictions.contains_key("p"), "the same twice is no contradiction");
    }

    #[test]
    fn a_filter_takes_one_customer_or_leaves_some_out() {
        let id = |text| CustomerId::parse(text).unwrap();
        let only = Filter { only: Some(id("a")), except: Vec::new() };
        let except = Filter { only: None, except: vec![id("a")] };
        assert_eq!([only.takes("a"), only.takes("b")], [true, false]);
        assert_eq!([except.takes("a"), except.takes("b")], [false, true]);
        let orders = [order("o", "a", 1, 1), order("p", "b", 1, 1)];
        assert_eq!(known(only, &[], &orders).orders.len(), 1);
    }

    #[test]
    fn what_can_not_be_read_is_told_without_what_it_holds() {
        let mut known = Known::default();
        let event = br#"{"customer_id":"c","phone_number":"13912345678","time":1}"#;
        let (at, why) = known.take_customer(Some(event), None, place(7)).unwrap_err();
        assert_eq!((at.to_string().as_str(), why.as_str()), ("t 0:7", "country_code is missing"));
        known.take_order(None, None, place(8)).unwrap();
        assert!(known.orders.is_empty(), "a tombstone is nothing");
    }
}
