//! What makes each attempt of a call unique: its id, time and nonce.

use std::fmt;

/// A call's `RequestId`: the text of a UUID, held inline.
///
/// It is what the vendor's support asks for, so it belongs in logs and receipts.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId([u8; Self::BYTES]);

impl RequestId {
    /// Length of the text: 32 hexadecimal digits and 4 hyphens.
    pub const BYTES: usize = 36;

    /// The text of a UUID given as its 16 bytes.
    pub const fn from_bytes(uuid: [u8; 16]) -> Self {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; Self::BYTES];
        let (mut read, mut write) = (0, 0);
        while read < uuid.len() {
            if matches!(write, 8 | 13 | 18 | 23) {
                write += 1;
            }
            text[write] = HEX[(uuid[read] >> 4) as usize];
            text[write + 1] = HEX[(uuid[read] & 0xf) as usize];
            (read, write) = (read + 1, write + 2);
        }
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Always true: it is made of hexadecimal digits and hyphens only.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The part of a call that is new at each attempt, also of the same content: the
/// service refuses a nonce that it has seen and a time too far from its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Unique per request.
    pub request_id: RequestId,
    /// Unix seconds.
    pub timestamp: i64,
    /// Random, positive, within an `i32`.
    pub nonce: u32,
}

#[cfg(test)]
mod tests {
    use super::RequestId;

    #[test]
    fn a_request_id_is_the_usual_text_of_a_uuid() {
        let bytes = 0x476c_990a_f5b7_1575_987c_4ef7_0e47_4932_u128.to_be_bytes();
        let id = RequestId::from_bytes(bytes);
        assert_eq!(id.to_string(), "476c990a-f5b7-1575-987c-4ef70e474932");
        assert_eq!(id.as_str().len(), RequestId::BYTES);
    }
}
