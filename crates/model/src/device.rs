//! A device's name at the service.

use std::fmt;

use compact_str::CompactString;
use xxhash_rust::xxh3::xxh3_128;

/// `ProductId/DeviceName` (contract: service API, binding push).
///
/// Held inline up to 24 bytes, so that the usual id costs no allocation.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceId(CompactString);

/// Why a text is no device id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDeviceId {
    /// The product id or the device name is empty, or there is no `/` between them.
    #[error("a device id is \"product id/device name\", both not empty")]
    Incomplete,
    /// More than [`DeviceId::MAX_BYTES`].
    #[error("a device id is at most {} bytes", DeviceId::MAX_BYTES)]
    TooLong,
    /// White space, a control character or a second `/`.
    #[error("a device id has no white space, control character or second \"/\"")]
    BadCharacter,
}

impl DeviceId {
    /// Longest id accepted, in bytes. The platform's own limits (10 for a product id,
    /// 48 for a device name) lie well below.
    pub const MAX_BYTES: usize = 128;

    /// Puts an id together from its parts.
    ///
    /// # Errors
    /// [`InvalidDeviceId`] if a part is empty, too long, or holds what an id may not.
    pub fn new(product_id: &str, device_name: &str) -> Result<Self, InvalidDeviceId> {
        if product_id.is_empty() || device_name.is_empty() {
            return Err(InvalidDeviceId::Incomplete);
        }
        if product_id.len() + 1 + device_name.len() > Self::MAX_BYTES {
            return Err(InvalidDeviceId::TooLong);
        }
        if !is_clean(product_id) || !is_clean(device_name) {
            return Err(InvalidDeviceId::BadCharacter);
        }
        let mut text = CompactString::with_capacity(product_id.len() + 1 + device_name.len());
        text.push_str(product_id);
        text.push('/');
        text.push_str(device_name);
        Ok(Self(text))
    }

    /// Reads `product id/device name`.
    ///
    /// # Errors
    /// [`InvalidDeviceId`] as for [`DeviceId::new`].
    pub fn parse(text: &str) -> Result<Self, InvalidDeviceId> {
        let (product_id, device_name) = text.split_once('/').ok_or(InvalidDeviceId::Incomplete)?;
        Self::new(product_id, device_name)
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the `/`.
    pub fn product_id(&self) -> &str {
        self.0.split_once('/').map_or("", |(product_id, _)| product_id)
    }

    /// The hash that tables of devices are keyed by.
    pub fn key(&self) -> DeviceKey {
        DeviceKey::of(self.as_str())
    }
}

fn is_clean(part: &str) -> bool {
    if part.is_ascii() {
        part.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/')
    } else {
        !part.chars().any(|c| c == '/' || c.is_whitespace() || c.is_control())
    }
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// 128-bit hash (XXH3) of a device id. Two devices are told apart by it alone: among
/// ten million ids a collision has a chance of about 10⁻²⁵.
///
/// Two halves, so that a table's row needs no 16-byte alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeviceKey(pub [u64; 2]);

impl DeviceKey {
    /// The key of a device id's text.
    pub fn of(device_id: &str) -> Self {
        let hash = xxh3_128(device_id.as_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of one hash")]
        Self([(hash >> 64) as u64, hash as u64])
    }
}

#[cfg(test)]
mod tests {
    use super::{DeviceId, InvalidDeviceId};

    #[test]
    fn an_id_is_product_slash_name() {
        let id = DeviceId::parse("F4N0000AN/dev1").unwrap();
        assert_eq!(id.as_str(), "F4N0000AN/dev1");
        assert_eq!(id.product_id(), "F4N0000AN");
        assert_eq!(id, DeviceId::new("F4N0000AN", "dev1").unwrap());
        assert_eq!(id.key(), DeviceId::new("F4N0000AN", "dev1").unwrap().key());
    }

    #[test]
    fn what_is_no_id_is_refused_with_its_reason() {
        assert_eq!(DeviceId::parse("dev1"), Err(InvalidDeviceId::Incomplete));
        assert_eq!(DeviceId::parse("/dev1"), Err(InvalidDeviceId::Incomplete));
        assert_eq!(DeviceId::parse("P/"), Err(InvalidDeviceId::Incomplete));
        assert_eq!(DeviceId::parse("P/a/b"), Err(InvalidDeviceId::BadCharacter));
        assert_eq!(DeviceId::parse("P/a b"), Err(InvalidDeviceId::BadCharacter));
        assert_eq!(DeviceId::parse("P/a\u{3000}b"), Err(InvalidDeviceId::BadCharacter));
        assert_eq!(DeviceId::parse("P/a\nb"), Err(InvalidDeviceId::BadCharacter));
        assert_eq!(DeviceId::new("P", &"x".repeat(127)), Err(InvalidDeviceId::TooLong));
    }
}
