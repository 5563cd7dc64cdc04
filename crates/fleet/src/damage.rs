//! Records that can't be read: how messages break on their way.

use crate::plan::Format;

/// Breaks a record's value. Whatever it does, no decoder may make a message of it.
pub(crate) fn damage(
    rng: &mut fastrand::Rng,
    format: Format,
    device_name: &[u8],
    value: &mut Vec<u8>,
) {
    match format {
        Format::Platform => match rng.u8(..3) {
            0 => cut_base64(value),
            1 => cut_short(rng, value),
            _ => break_utf8(device_name, value),
        },
        Format::Forwarded => match rng.u8(..2) {
            0 => cut_short(rng, value),
            _ => break_utf8(device_name, value),
        },
        Format::Protobuf => match rng.u8(..2) {
            0 => *value = garbage(rng),
            _ => break_utf8(device_name, value),
        },
    }
}

/// Ends a JSON text in its middle.
fn cut_short(rng: &mut fastrand::Rng, value: &mut Vec<u8>) {
    let length = rng.usize(value.len() / 4..value.len() * 3 / 4);
    value.truncate(length);
}

/// Leaves 4n + 1 digits of the payload, a length that no Base64 has, padded or not.
fn cut_base64(value: &mut Vec<u8>) {
    const OPENING: &[u8] = b"\"Payload\":\"";
    let Some(start) = find(value, OPENING).map(|at| at + OPENING.len()) else { return };
    let Some(length) = find(&value[start..], b"\"") else { return };
    let left = length / 8 * 4 + 1;
    value.drain(start + left..start + length);
}

/// Puts a byte that UTF-8 does not have into the device's name, everywhere.
fn break_utf8(device_name: &[u8], value: &mut [u8]) {
    let mut from = 0;
    while let Some(at) = find(&value[from..], device_name) {
        value[from + at] = 0xff;
        from += at + device_name.len();
    }
}

/// Field 1 of a protobuf message that claims more bytes than there are.
fn garbage(rng: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = vec![0x0a, 0x7f];
    bytes.extend((0..rng.usize(1..100)).map(|_| rng.u8(..)));
    bytes
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::{break_utf8, cut_base64, cut_short, garbage};

    const VALUE: &[u8] =
        br#"{"DeviceName":"dev1","Payload":"eyJtZXRob2QiOiJyZXBvcnQifQ==","Seq":1}"#;

    #[test]
    fn a_cut_payload_is_no_base64_within_an_envelope_that_can_be_read() {
        let mut value = VALUE.to_vec();
        cut_base64(&mut value);
        let envelope: serde_json::Value = serde_json::from_slice(&value).unwrap();
        let payload = envelope["Payload"].as_str().unwrap();
        assert_eq!(payload.len() % 4, 1);
        assert!(base64_simd::STANDARD_NO_PAD.decode_to_vec(payload).is_err());
        assert_eq!(envelope["Seq"], 1);
    }

    #[test]
    fn nothing_that_is_broken_can_be_read() {
        let mut rng = fastrand::Rng::with_seed(1);
        for _ in 0..200 {
            let mut short = VALUE.to_vec();
            cut_short(&mut rng, &mut short);
            assert!(serde_json::from_slice::<serde_json::Value>(&short).is_err());
            let garbage = garbage(&mut rng);
            assert!(usize::from(garbage[1]) > garbage.len() - 2, "claims more than there is");
        }
        let mut broken = VALUE.to_vec();
        break_utf8(b"dev1", &mut broken);
        assert!(std::str::from_utf8(&broken).is_err());
    }
}
