//! The fields of a protobuf message, where they stand in its bytes.

use crate::DecodeError;

/// A field's value; nothing is copied.
pub(super) enum FieldValue<'a> {
    Varint(u64),
    /// Text, bytes or a message.
    Bytes(&'a [u8]),
    /// Four or eight bytes: no field of ours has this form.
    Fixed,
}

/// Walks over the fields of one message. After an error it ends.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// A field that a message has, and its bytes there, with its number before them.
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: FieldValue<'a>,
    pub(super) bytes: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// What is not walked over yet.
    pub(super) fn left(&self) -> &'a [u8] {
        self.rest
    }

    fn field(&mut self) -> Option<Field<'a>> {
        let from_here = self.rest;
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).ok().filter(|number| *number > 0)?;
        let value = match key & 7 {
            0 => FieldValue::Varint(self.varint()?),
            1 => self.bytes(8).map(|_| FieldValue::Fixed)?,
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                FieldValue::Bytes(self.bytes(length)?)
            }
            5 => self.bytes(4).map(|_| FieldValue::Fixed)?,
            // 3 and 4 are the groups of proto2, which no schema of ours can have.
            _ => return None,
        };
        let bytes = &from_here[..from_here.len() - self.rest.len()];
        Some(Field { number, value, bytes })
    }

    /// A number in base 128, at most ten bytes.
    fn varint(&mut self) -> Option<u64> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.rest = &[];
        }
        Some(
            field.ok_or_else(|| DecodeError::protobuf(super::MESSAGE, &"a field is cut or broken")),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, FieldValue, Fields};

    fn first_varint(message: &[u8]) -> Option<u64> {
        match Fields::of(message).next()?.ok()? {
            Field { number: 1, value: FieldValue::Varint(number), bytes } => {
                assert_eq!(bytes, message, "a field's bytes are all of it");
                Some(number)
            }
            _ => None,
        }
    }

    #[test]
    fn a_number_has_at_most_64_bits() {
        assert_eq!(first_varint(b"\x08\x96\x01"), Some(150));
        assert_eq!(first_varint(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), Some(u64::MAX));
        assert_eq!(first_varint(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), None);
        assert_eq!(first_varint(b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), None);
    }

    #[test]
    fn a_broken_field_ends_the_walk() {
        for broken in [
            &b"\x0a\x05abc"[..],
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            b"\x0b",
            b"\x00\x01",
        ] {
            let mut fields = Fields::of(broken);
            assert!(fields.next().unwrap().is_err(), "{broken:?}");
            assert!(fields.next().is_none());
        }
    }
}
