use std::sync::{Arc, Mutex};

use emberline_broker::{EmbeddedBroker, KafkaSettings, TableReader};
use emberline_model::{CustomerId, EventTime, OrderEvent};
use emberline_portal::{Contact, OrderDesk, Placed, Purchase};
use emberline_wire::events::{decode_customer, decode_order};

use super::TopicDesk;

fn purchase(contact: bool) -> Purchase {
    let customer = CustomerId::parse("c_1001").unwrap();
    let item = ("D-FireInsurance2020", "FireMER20W");
    let time = EventTime::from_millis(1_800_000_000_000);
    let order = OrderEvent::new(customer.clone(), "EP-1", item, 1, time).unwrap();
    let contact = contact
        .then(|| Contact { country_code: "86".to_owned(), phone_number: "13900000000".to_owned() });
    Purchase { customer, contact, order }
}

type Records = Vec<(Vec<u8>, Vec<u8>)>;

/// Keys and values of a topic.
async fn all_of(kafka: &KafkaSettings, topic: &str) -> Records {
    let records = Arc::new(Mutex::new(Records::new()));
    let kept = Arc::clone(&records);
    let reader = TableReader::start(kafka, topic, move |record| {
        let key = record.key.unwrap_or_default().to_vec();
        kept.lock().unwrap().push((key, record.value.unwrap_or_default().to_vec()));
    });
    let reader = reader.unwrap();
    reader.read_to_current_end().await.unwrap();
    reader.stop().await;
    let records = records.lock().unwrap();
    records.clone()
}

#[tokio::test]
async fn an_order_is_written_after_its_customer_and_acknowledged() {
    let broker = EmbeddedBroker::start(&[("customers", 2), ("orders", 2)]).unwrap();
    let kafka = broker.settings("g");
    let desk = TopicDesk::new(kafka.clone(), "customers", "orders").unwrap();
    assert_eq!(desk.place(&purchase(true)).await, Placed::OnItsWay);
    assert_eq!(desk.place(&purchase(false)).await, Placed::OnItsWay);

    let customers = all_of(&kafka, "customers").await;
    let [(key, value)] = &customers[..] else { panic!("{} customers", customers.len()) };
    let customer = decode_customer(Some(value), None).unwrap().unwrap();
    assert_eq!((key.as_slice(), customer.phone_number.as_str()), (&b"c_1001"[..], "13900000000"));

    let orders = all_of(&kafka, "orders").await;
    assert_eq!(orders.len(), 2);
    assert_eq!(orders[0], orders[1]);
    assert_eq!(orders[0].0, b"c_1001");
    assert_eq!(decode_order(Some(&orders[0].1), None).unwrap(), Some(purchase(true).order));
}

#[tokio::test]
async fn without_brokers_an_order_is_to_be_tried_later() {
    let desk = TopicDesk::new(KafkaSettings::new("127.0.0.1:1", "g"), "customers", "orders");
    assert_eq!(desk.unwrap().place(&purchase(true)).await, Placed::TryLater { after: None });
}
