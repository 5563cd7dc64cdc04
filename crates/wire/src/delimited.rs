//! Fields of protobuf that are written by hand.

use prost::encoding::{WireType, encode_key, encode_varint};

/// Writes what comes before so many bytes of a text or a message.
pub(crate) fn begin(field: u32, len: usize, value: &mut Vec<u8>) {
    encode_key(field, WireType::LengthDelimited, value);
    encode_varint(len as u64, value);
}
