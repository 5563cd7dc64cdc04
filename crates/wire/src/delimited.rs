//! Fields of protobuf that are written by hand.

use prost::encoding::WireType;

/// Writes what comes before so many bytes of a text or a message.
pub(crate) fn begin(field: u32, len: usize, value: &mut Vec<u8>) {
    key(field, WireType::LengthDelimited, value);
    varint(len as u64, value);
}

/// Writes what tells which field follows.
pub(crate) fn key(field: u32, kind: WireType, value: &mut Vec<u8>) {
    varint(u64::from(field << 3 | kind as u32), value);
}

/// Writes a number. prost's own is for any kind of buffer, and takes three times as long.
pub(crate) fn varint(mut number: u64, value: &mut Vec<u8>) {
    while number >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
        value.push(number as u8 | 0x80);
        number >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "what is left is less than 128")]
    value.push(number as u8);
}
