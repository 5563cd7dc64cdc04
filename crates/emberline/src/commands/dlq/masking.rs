//! What a letter holds, without telephone numbers and secrets.
//!
//! Of JSON, fields that are named after either are masked whatever is in them, and so is
//! what looks like a number anywhere else; but for the ids and times that the input contract
//! knows, which tell which record it is. Of anything else, what looks like a number is masked.

use std::borrow::Cow;

use emberline_service_api::{mask_number_bytes, mask_numbers};
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde_json::{Map, Value};

use super::original::About;
use crate::masked;

/// What stands for a secret, and for a number that is no text.
const MASK: &str = "***";

/// Fields of the input contract that hold an id, in any of its spellings. A customer's
/// telephone number is none of these.
const IDS: [&str; 14] = [
    "ProductId",
    "productid",
    "product_id",
    "DeviceName",
    "devicename",
    "device_name",
    "device_id",
    "Topic",
    "topic",
    "customer_id",
    "customer_device_no",
    "order_no",
    "item_id",
    "item_vno",
];

/// Numbers that count something.
const COUNTS: [&str; 6] = ["seq", "Seq", "sequence", "PayloadLen", "item_num", "amount"];

/// Digits from which a number in JSON is masked, as in a text.
const SEVEN_DIGITS: u64 = 1_000_000;

/// Masks a record's value. `None`: there is nothing to mask in it.
pub(super) fn value(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.first() == Some(&b'{')
        && let Ok(mut object) = serde_json::from_slice::<Map<String, Value>>(bytes)
    {
        let mut changed = fields(&mut object);
        for name in ["Payload", "payload"] {
            changed |= object.get_mut(name).is_some_and(|payload| base64(payload).is_some());
        }
        return changed.then(|| Value::Object(object).to_string().into_bytes());
    }
    text_or_bytes(bytes)
}

/// Masks a record's key, unless it is the id of whom the record is about.
pub(super) fn key(bytes: &[u8], about: &About) -> Option<Vec<u8>> {
    let About { device, customer } = about;
    let is_device = device.as_ref().is_some_and(|it| it.as_str().as_bytes() == bytes);
    let is_customer = customer.as_ref().is_some_and(|it| it.as_str().as_bytes() == bytes);
    if is_device || is_customer { None } else { text_or_bytes(bytes) }
}

/// Masks text, or bytes that are none. `None`: there is nothing to mask in them.
pub(super) fn text_or_bytes(bytes: &[u8]) -> Option<Vec<u8>> {
    match std::str::from_utf8(bytes).map(mask_numbers) {
        Ok(Cow::Owned(text)) => Some(text.into_bytes()),
        Ok(Cow::Borrowed(_)) => None,
        Err(_) => match mask_number_bytes(bytes) {
            Cow::Owned(bytes) => Some(bytes),
            Cow::Borrowed(_) => None,
        },
    }
}

/// Masks JSON that is shown; says whether there was anything to mask.
pub(super) fn json(value: &mut Value) -> bool {
    masked_in("", value)
}

/// Masks what stands in the Base64 of a payload, which `fields` leaves alone.
fn base64(payload: &mut Value) -> Option<()> {
    let bytes = base64_simd::forgiving_decode_to_vec(payload.as_str()?.as_bytes()).ok()?;
    *payload = Value::String(base64_simd::STANDARD.encode_to_string(self::value(&bytes)?));
    Some(())
}

fn fields(object: &mut Map<String, Value>) -> bool {
    let mut changed = false;
    for (name, value) in object.iter_mut() {
        changed |= masked_in(name, value);
    }
    // A number may even be a name.
    let hidden: Vec<String> =
        object.keys().filter(|name| matches!(mask_numbers(name), Cow::Owned(_))).cloned().collect();
    for name in hidden {
        if let Some(value) = object.remove(&name) {
            object.insert(mask_numbers(&name).into_owned(), value);
            changed = true;
        }
    }
    changed
}

/// Masks the value of a field; says whether there was anything to mask.
fn masked_in(name: &str, value: &mut Value) -> bool {
    let masked = match value {
        Value::Null | Value::Bool(_) => return false,
        Value::Object(object) if !is_secret(name) => return fields(object),
        Value::Array(list) if !is_secret(name) => {
            let mut changed = false;
            for value in list {
                changed |= masked_in(name, value);
            }
            return changed;
        }
        _ if is_secret(name) => MASK.to_owned(),
        Value::String(text) if is_phone(name) => masked::phone(text),
        Value::Number(number) if is_phone(name) => masked::phone(&number.to_string()),
        Value::String(text) => match mask_text(name, text) {
            Cow::Owned(masked) => masked,
            Cow::Borrowed(_) => return false,
        },
        Value::Number(number) => {
            let digits = number.as_i64().map(i64::unsigned_abs).or(number.as_u64());
            // A measurement has a fraction, a number of a telephone none.
            let whole = number.as_f64().is_some_and(|number| number.fract() == 0.0);
            let large = digits.map_or(whole, |digits| digits >= SEVEN_DIGITS);
            if !large || COUNTS.contains(&name) || is_time(name, digits.unwrap_or(0)) {
                return false;
            }
            MASK.to_owned()
        }
        Value::Object(_) | Value::Array(_) => return false,
    };
    *value = Value::String(masked);
    true
}

fn mask_text<'a>(name: &str, text: &'a str) -> Cow<'a, str> {
    let is_time = text.parse::<DateTime>().is_ok() || text.parse::<Timestamp>().is_ok();
    let is_base64 = name.eq_ignore_ascii_case("payload")
        && !text.bytes().all(|byte| byte.is_ascii_digit())
        && base64_simd::forgiving_decode_to_vec(text.as_bytes()).is_ok();
    if is_time || is_base64 || IDS.contains(&name) {
        return Cow::Borrowed(text);
    }
    mask_numbers(text)
}

/// Whether a number is a time in seconds or milliseconds of this century. No telephone
/// number with its country's code has 10 digits and stands in a field named so.
fn is_time(name: &str, number: u64) -> bool {
    const SECONDS: std::ops::Range<u64> = 946_684_800..4_102_444_800;
    let name = name.to_ascii_lowercase();
    (name == "timestamp" || name == "time" || name.ends_with("_ms") || name.ends_with("_time"))
        && (SECONDS.contains(&number)
            || (number >= 100_000_000_000 && SECONDS.contains(&(number / 1000))))
}

fn is_phone(name: &str) -> bool {
    let name = name.to_lowercase();
    name == "tel" || ["phone", "mobile", "msisdn", "telefon"].iter().any(|it| name.contains(it))
}

fn is_secret(name: &str) -> bool {
    // The platform's name for what pairs a message with its answer; no secret.
    if name == "clientToken" {
        return false;
    }
    let name = name.to_lowercase().replace(['_', '-'], "");
    name == "psk"
        || [
            "secret",
            "password",
            "passwd",
            "token",
            "apikey",
            "privatekey",
            "credential",
            "authorization",
        ]
        .iter()
        .any(|it| name.contains(it))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{text_or_bytes, value};

    fn masked(object: &Value) -> Value {
        let mut object = object.clone();
        super::json(&mut object);
        object
    }

    fn stays(object: &Value) {
        assert_eq!(masked(object), *object);
        assert_eq!(value(object.to_string().as_bytes()), None);
    }

    #[test]
    fn a_customers_number_is_masked_as_elsewhere() {
        let event = json!({
            "customer_id": "c_1001", "country_code": "86", "phone_number": "13987654321",
            "time": 1_628_646_000,
        });
        let expected = json!({
            "customer_id": "c_1001", "country_code": "86", "phone_number": "…4321",
            "time": 1_628_646_000,
        });
        assert_eq!(masked(&event), expected);
        let number = json!({ "phone_number": 13_987_654_321_i64, "Mobile": ["139876"] });
        assert_eq!(masked(&number), json!({ "phone_number": "…4321", "Mobile": ["…76"] }));
    }

    #[test]
    fn what_looks_like_a_number_is_masked_wherever_it_stands() {
        let object = json!({
            "note": "call 139-8765-4321", "contact": { "n": 13_987_654_321_i64 },
            "f": 13_987_654_321.0, "list": ["13987654321"], "13987654321": 1,
            "time": 13_987_654_321_i64,
        });
        let expected = json!({
            "note": "call ***", "contact": { "n": "***" }, "f": "***", "list": ["***"],
            "***": 1, "time": "***",
        });
        assert_eq!(masked(&object), expected);
    }

    #[test]
    fn secrets_are_masked_whole() {
        let object = json!({ "app_secret": "x", "accessToken": { "a": 1 }, "Api-Key": 7 });
        let expected = json!({ "app_secret": "***", "accessToken": "***", "Api-Key": "***" });
        assert_eq!(masked(&object), expected);
    }

    #[test]
    fn ids_times_and_measurements_stay() {
        stays(&json!({
            "MsgType": "Publish", "Seq": 10_498_444, "ProductId": "F4N0000AN",
            "DeviceName": "865012345678901", "Time": "2020-06-08 20:03:41", "PayloadLen": 250,
            "Topic": "$thing/up/property/F4N0000AN/865012345678901",
        }));
        stays(&json!({
            "method": "report", "clientToken": "123", "timestamp": 1_628_646_783_000_i64,
            "params": { "power": 1.234_567_89, "voltage_info": { "voltage": 220.5, "amount": 1 } },
        }));
        stays(&json!({
            "order_no": "20210811-0001", "customer_device_no": "SN-00012345", "item_num": 1,
            "time": "2021-08-11T01:53:03.5+08:00",
        }));
    }

    #[test]
    fn what_stands_in_base64_is_masked_and_packed_again() {
        let message = r#"{"method":"report","params":{"owner_phone":"13987654321"}}"#;
        let pack = |text: &str| base64_simd::STANDARD.encode_to_string(text);
        let envelope = json!({ "MsgType": "Publish", "Payload": pack(message) });
        let expected = message.replace("13987654321", "…4321");
        let expected = json!({ "MsgType": "Publish", "Payload": pack(&expected) });
        assert_eq!(
            value(envelope.to_string().as_bytes()).unwrap(),
            expected.to_string().as_bytes()
        );
        stays(&json!({ "Payload": pack(r#"{"params":{"power":1}}"#) }));
    }

    #[test]
    fn what_is_no_json_loses_its_numbers_too() {
        let cut = br#"{"phone_number":"13987654321","ti"#;
        assert_eq!(value(cut).unwrap(), br#"{"phone_number":"***","ti"#);
        assert_eq!(text_or_bytes(b"\xff13987654321").unwrap(), b"\xff***********");
        assert_eq!(value(b"c_1001"), None);
    }
}
