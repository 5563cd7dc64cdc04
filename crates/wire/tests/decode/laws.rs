//! What holds for every input: laws over generated messages.

use emberline_model::{
    BindingChange, BindingEvent, Category, CustomerEvent, CustomerId, DeviceId, EventTime,
    OrderEvent, Report,
};
use emberline_wire::{
    device::{DeviceDecoder, DeviceInput, DeviceRecord, Refusal},
    events::{
        decode_binding, decode_customer, decode_order, encode_binding_json, encode_customer_json,
        encode_order_json,
    },
    headers::{DeadLetter, RetryHeader},
    proto,
};
use proptest::{prelude::*, sample::Index};
use prost::Message;

use crate::support::{decode_as, forwarded, published, published_on, report, telemetry};

const TYPES: [Option<&str>; 4] =
    [None, Some("DeviceTelemetry"), Some("DeviceState"), Some("OrderEvent")];

/// Hands bytes to everything that reads bytes of others.
fn read_everywhere(bytes: &[u8]) {
    for type_name in TYPES {
        let _ = decode_as(bytes, type_name);
        let _ = decode_binding(Some(bytes), type_name);
        let _ = decode_customer(Some(bytes), type_name);
        let _ = decode_order(Some(bytes), type_name);
    }
    let _ = RetryHeader::decode(bytes);
    let _ =
        DeadLetter::from_headers([("emberline-dlq-topic", bytes), ("emberline-dlq-part", bytes)]);
}

fn input(value: &[u8]) -> DeviceInput<'_> {
    DeviceInput { value: Some(value), type_name: None, timestamp: EventTime::from_millis(0) }
}

/// Any JSON value of modest size.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_filter_map("JSON has no such number", |value| {
            value.is_finite().then(|| format!("{value:e}"))
        }),
        Just("1e999".to_owned()),
        "[a-zA-Z0-9 /=]{0,12}".prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((name(), inner), 0..4).prop_map(|fields| {
                let fields: Vec<_> =
                    fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
}

/// A name that means something somewhere.
fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "MsgType",
        "Event",
        "Topic",
        "topic",
        "ProductId",
        "productid",
        "DeviceName",
        "devicename",
        "Payload",
        "payload",
        "Time",
        "timestamp",
        "method",
        "params",
        "voltage_info",
        "voltage",
        "amount",
        "current_info",
        "rated_current",
        "power",
        "smoke_state",
        "type",
        "time",
        "x",
    ])
}

fn valid_messages() -> Vec<Vec<u8>> {
    let message = report(
        r#"{"voltage_info":{"voltage":220.5,"amount":1},"smoke_state":true,"power":-1.2,"mode":"x"}"#,
    );
    let telemetry = proto::DeviceTelemetry {
        product_id: "F4N0000AN".into(),
        device_name: "dev1".into(),
        report_time_ms: 1_628_646_783_000,
        current_info: Some(proto::Current {
            current: Some(1.0),
            amount: Some(1),
            rated_current: Some(6.0),
        }),
        power: Some(1.5),
        ..proto::DeviceTelemetry::default()
    };
    vec![
        published(&message),
        forwarded(&message),
        message.into_bytes(),
        br#"{"MsgType":"StatusChange","Event":"Online","ProductId":"P","DeviceName":"d","Time":"2020-06-08 20:03:47"}"#.to_vec(),
        br#"{"type":"bind","customer_id":"c","device_id":"P/d","customer_device_no":"1","product_name":"x","time":1628646783}"#.to_vec(),
        telemetry.encode_to_vec(),
    ]
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read_everywhere(&bytes);
        let payload = base64_simd::STANDARD.encode_to_string(&bytes);
        read_everywhere(&published_on("$thing/up/property/P/d", &payload));
    }

    #[test]
    fn no_json_panics(value in json()) {
        read_everywhere(value.as_bytes());
        read_everywhere(&published(&value));
        read_everywhere(&forwarded(&value));
        read_everywhere(&published(&report(&value)));
    }

    /// A valid message with some bytes changed, cut out or doubled never panics, in any
    /// of its layers.
    #[test]
    fn no_mutation_panics(
        which in any::<Index>(),
        edits in prop::collection::vec((any::<Index>(), any::<Index>(), 0..4_u8, any::<u8>()), 1..6),
    ) {
        let mut message = which.get(&valid_messages()).clone();
        for (from, to, kind, byte) in edits {
            if message.is_empty() {
                break;
            }
            let (from, to) = (from.index(message.len()), to.index(message.len()));
            let range = from.min(to)..from.max(to);
            match kind {
                0 => message[from] = byte,
                1 => message.truncate(from),
                2 => drop(message.drain(range)),
                _ => message.extend_from_within(range),
            }
        }
        read_everywhere(&message);
        let payload = base64_simd::STANDARD.encode_to_string(&message);
        read_everywhere(&published_on("$thing/up/property/P/d", &payload));
    }

    /// Each property of a report comes to exactly one thing.
    #[test]
    fn each_property_is_a_report_or_a_refusal(
        values in prop::collection::vec((prop::sample::select(&Category::ALL[..]), json()), 1..9),
        unknown in 0..3_u16,
    ) {
        let known = values.iter().map(|(category, value)| format!("\"{}\":{value}", category.property()));
        let unknown_ones = (0..unknown).map(|number| format!("\"p{number}\":{number}"));
        let params: Vec<_> = known.chain(unknown_ones).collect();
        let message = report(&format!("{{{}}}", params.join(",")));

        let telemetry = telemetry(&published(&message));
        let mut seen: Vec<_> = telemetry.reports.iter().map(Report::category).collect();
        seen.extend(telemetry.refused.iter().map(|refusal| refusal.category));
        seen.sort();
        let mut given: Vec<_> = values.iter().map(|(category, _)| *category).collect();
        given.sort();
        let twice: Vec<_> = given.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        given.dedup();
        prop_assert_eq!(seen, given);
        prop_assert!(telemetry.reports.iter().all(|report| !twice.contains(&report.category())));
        prop_assert_eq!(telemetry.unknown_properties, unknown);
        prop_assert!(telemetry.refused.is_sorted_by_key(|refusal| refusal.category));
        prop_assert!(telemetry.refused.iter().all(|refusal| refusal.reason.len() <= Refusal::MAX_BYTES));
    }

    /// Both spellings say the same of the same message.
    #[test]
    fn both_spellings_carry_the_same_reports(params in json()) {
        let first = published(&report(&params));
        let second = String::from_utf8(forwarded(&report(&params))).unwrap()
            .replace("dev001", "dev1").replace("DEP0000AS4", "F4N0000AN");
        prop_assert_eq!(decode_as(&first, None).ok(), decode_as(second.as_bytes(), None).ok());
    }

    /// What a decoder did before leaves no trace in what it does next.
    #[test]
    fn a_decoder_is_the_same_after_any_message(before in json(), cut in any::<Index>()) {
        let mut used = DeviceDecoder::new();
        let mut first = published(&before);
        first.truncate(cut.index(first.len()) + 1);
        let _ = used.decode(input(&first));
        let _ = used.decode(input(&published(&before)));
        for message in valid_messages() {
            prop_assert_eq!(used.decode(input(&message)), DeviceDecoder::new().decode(input(&message)));
        }
    }

    /// Every value on the model's grid arrives as it was sent, in JSON and in protobuf.
    #[test]
    fn values_arrive_as_they_were_sent(steps in -32_767..=32_767_i32, millis in 100_000_000_000..4_000_000_000_000_i64) {
        let power = f64::from(steps) / 100.0;
        let message = format!(r#"{{"method":"report","timestamp":{millis},"params":{{"power":{power}}}}}"#);
        let from_json = telemetry(&published(&message));
        prop_assert_eq!(from_json.time.seconds(), millis / 1000);
        let reading = from_json.reports[0].measurement.readings().next().unwrap();
        prop_assert_eq!(reading.value.steps(), steps);

        let twin = proto::DeviceTelemetry {
            product_id: "F4N0000AN".into(),
            device_name: "dev1".into(),
            report_time_ms: millis,
            power: Some(power),
            ..proto::DeviceTelemetry::default()
        };
        let from_protobuf = decode_as(&twin.encode_to_vec(), Some("DeviceTelemetry"));
        prop_assert_eq!(from_protobuf, Ok(DeviceRecord::Telemetry(from_json)));
    }

    #[test]
    fn a_binding_event_in_json_is_read_back(
        number in "\\PC{1,12}", name in "\\PC{1,12}", millis in 100_000_000_000..4_000_000_000_000_i64,
    ) {
        let event = BindingEvent {
            customer: CustomerId::parse("c_1001").unwrap(),
            device: DeviceId::parse("P/d").unwrap(),
            time: EventTime::from_millis(millis),
            change: BindingChange::Bind { customer_device_no: number, product_name: name },
        };
        prop_assert_eq!(decode_binding(Some(&encode_binding_json(&event)), None), Ok(Some(event)));
    }

    #[test]
    fn a_customer_event_in_json_is_read_back(
        country_code in "\\PC{1,4}", phone_number in "\\PC{1,20}", millis in 100_000_000_000..4_000_000_000_000_i64,
    ) {
        let (customer, time) = (CustomerId::parse("c_1001").unwrap(), EventTime::from_millis(millis));
        let event = CustomerEvent { customer, country_code, phone_number, time };
        prop_assert_eq!(decode_customer(Some(&encode_customer_json(&event)), None), Ok(Some(event)));
    }

    #[test]
    fn an_order_event_in_json_is_read_back(
        order_no in "\\PC{1,20}", count in 1..=i64::from(u32::MAX), millis in 100_000_000_000..4_000_000_000_000_i64,
    ) {
        let (customer, time) = (CustomerId::parse("c_1001").unwrap(), EventTime::from_millis(millis));
        let event = OrderEvent::new(customer, &order_no, ("D-FireInsurance2020", "FirePRO50W"), count, time).unwrap();
        prop_assert_eq!(decode_order(Some(&encode_order_json(&event)), None), Ok(Some(event)));
    }
}
