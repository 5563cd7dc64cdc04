//! The message that a signature signs (contract: service API, signature).

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::NestedSignature;
use crate::read::params::Params;
use crate::read::text::Text;

/// Deepest nesting that is flattened. A report's leaf lies four levels down.
const MAX_DEPTH: usize = 16;

/// Whether any parameter is an array or an object.
pub(crate) fn has_nested(params: &Params<'_>) -> bool {
    params.iter().any(|param| is_nested(param.raw))
}

fn is_nested(raw: &RawValue) -> bool {
    raw.get().starts_with(['{', '['])
}

/// Every parameter but the signature, sorted by name, as `name=value` joined with `&`.
/// `None` if something is nested too deeply to be flattened.
pub(crate) fn message(params: &Params<'_>, reading: NestedSignature) -> Option<Vec<u8>> {
    let mut parts: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::with_capacity(16);
    for param in params.iter().filter(|param| param.name != "Signature") {
        let name = Cow::Borrowed(&*param.name);
        match reading {
            NestedSignature::Omit if is_nested(param.raw) => {}
            NestedSignature::Flatten => flatten(name, param.raw, 0, &mut parts)?,
            NestedSignature::Json | NestedSignature::Omit => {
                parts.push((name, value(param.raw)?));
            }
        }
    }
    // The page sorts first and then speaks of the underscores.
    parts.sort_unstable_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));

    let mut message = Vec::with_capacity(parts.iter().map(|(n, v)| n.len() + v.len() + 2).sum());
    for (place, (name, value)) in parts.iter().enumerate() {
        if place > 0 {
            message.push(b'&');
        }
        message.extend(name.bytes().map(|byte| if byte == b'_' { b'.' } else { byte }));
        message.push(b'=');
        message.extend_from_slice(value.as_bytes());
    }
    Some(message)
}

/// A string without its quotes and escapes, anything else as it stands in the body.
fn value(raw: &RawValue) -> Option<Cow<'_, str>> {
    if raw.get().starts_with('"') {
        serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|text| text.0)
    } else {
        Some(Cow::Borrowed(raw.get()))
    }
}

/// One part for each leaf: `DeviceInfos.0.DeviceId`, counted from 0.
fn flatten<'a>(
    name: Cow<'a, str>,
    raw: &'a RawValue,
    depth: usize,
    parts: &mut Vec<(Cow<'a, str>, Cow<'a, str>)>,
) -> Option<()> {
    if depth > MAX_DEPTH {
        return None;
    }
    if raw.get().starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
        for (place, item) in items.into_iter().enumerate() {
            flatten(format!("{name}.{place}").into(), item, depth + 1, parts)?;
        }
    } else if raw.get().starts_with('{') {
        let members: Params<'_> = serde_json::from_str(raw.get()).ok()?;
        for member in members.into_members() {
            let path = format!("{name}.{}", member.name).into();
            flatten(path, member.raw, depth + 1, parts)?;
        }
    } else {
        parts.push((name, value(raw)?));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::message;
    use crate::NestedSignature::{self, Flatten, Json, Omit};
    use crate::read::params::Params;

    fn of(body: &str, reading: NestedSignature) -> String {
        let params = Params::read(body.as_bytes()).unwrap();
        String::from_utf8(message(&params, reading).unwrap()).unwrap()
    }

    #[test]
    fn names_are_sorted_and_values_raw() {
        let body =
            r#"{"b":"x&=y é\"","Signature":"s","a_c":"一","Nonce":7,"a":1.50,"d":true,"B":""}"#;
        assert_eq!(of(body, Json), "B=&Nonce=7&a=1.50&a.c=一&b=x&=y é\"&d=true");
    }

    #[test]
    fn each_reading_takes_nested_values_its_own_way() {
        let body = r#"{"L":[{"b":"x","a":1.0},[2]],"K":[],"A":"é","M":{}}"#;
        assert_eq!(of(body, Json), r#"A=é&K=[]&L=[{"b":"x","a":1.0},[2]]&M={}"#);
        assert_eq!(of(body, Flatten), "A=é&L.0.a=1.0&L.0.b=x&L.1.0=2");
        assert_eq!(of(body, Omit), "A=é");
    }

    #[test]
    fn the_tenth_item_sorts_before_the_second() {
        let items = ["0"; 11].join(",");
        let message = of(&format!("{{\"L\":[{items}]}}"), Flatten);
        assert!(message.starts_with("L.0=0&L.1=0&L.10=0&L.2=0"), "{message}");
    }

    #[test]
    fn bottomless_nesting_is_refused_not_followed() {
        let body = format!("{{\"L\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let params = Params::read(body.as_bytes()).unwrap();
        assert_eq!(message(&params, Flatten), None);
        assert!(message(&params, Json).is_some());
    }
}
