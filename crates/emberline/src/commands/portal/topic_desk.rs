//! Orders by way of the topics that the claims worker reads: the customer's event first, then
//! the order's, each acknowledged by the brokers before the customer is told.
//!
//! The same press of a button writes the same event; the worker creates an order number once.

use std::time::Duration;

use emberline_broker::{
    AwaitedProducer, BrokerError, ErrorClass, KafkaSettings, ProduceError, Record,
};
use emberline_model::CustomerEvent;
use emberline_portal::{BoxFuture, OrderDesk, Placed, Purchase};
use emberline_wire::events::{encode_customer_json, encode_order_json};
use tokio::time::timeout;

/// Longest that a customer waits for the brokers; the event may be written after that.
const PATIENCE: Duration = Duration::from_secs(8);

/// Places orders on topics.
pub struct TopicDesk {
    customers: String,
    orders: String,
    producer: AwaitedProducer,
}

impl TopicDesk {
    /// A desk that writes to these topics. Needs a running runtime.
    ///
    /// # Errors
    /// Settings that librdkafka refuses.
    pub fn new(kafka: KafkaSettings, customers: &str, orders: &str) -> Result<Self, BrokerError> {
        let producer = AwaitedProducer::new(kafka, PATIENCE)?;
        Ok(Self { customers: customers.to_owned(), orders: orders.to_owned(), producer })
    }

    async fn write(&self, purchase: &Purchase) -> Result<(), ProduceError> {
        let key = purchase.customer.as_str();
        if let Some(contact) = &purchase.contact {
            let event = CustomerEvent {
                customer: purchase.customer.clone(),
                country_code: contact.country_code.clone(),
                phone_number: contact.phone_number.clone(),
                time: purchase.order.time,
            };
            self.write_one(&self.customers, key, &encode_customer_json(&event)).await?;
        }
        self.write_one(&self.orders, key, &encode_order_json(&purchase.order)).await
    }

    /// Waits for the brokers' word.
    async fn write_one(&self, topic: &str, key: &str, value: &[u8]) -> Result<(), ProduceError> {
        let key = Some(key.as_bytes());
        let record = Record {
            topic,
            partition: None,
            key,
            value: Some(value),
            headers: &[],
            timestamp_ms: None,
        };
        self.producer.write(record).await.map(drop)
    }
}

impl OrderDesk for TopicDesk {
    fn place<'a>(&'a self, purchase: &'a Purchase) -> BoxFuture<'a, Placed> {
        Box::pin(async {
            let order = &purchase.order.order_no;
            match timeout(PATIENCE, self.write(purchase)).await {
                Ok(Ok(())) => {
                    tracing::info!(order, "an order is on its way");
                    return Placed::OnItsWay;
                }
                Ok(Err(error)) if error.class() == ErrorClass::Permanent => {
                    tracing::error!(order, %error, "an order can't be written: mend that");
                }
                Ok(Err(error)) => tracing::warn!(order, %error, "an order is not written"),
                Err(_) => tracing::warn!(order, "an order is not written in time"),
            }
            Placed::TryLater { after: None }
        })
    }
}

#[cfg(test)]
mod tests;
