//! Key and row in 24 bytes, without padding.

use std::hash::{Hash, Hasher};

use emberline_model::{DeviceKey, EventTime};

use super::Claim;
use super::customers::CustomerRef;

/// 112 of the 128 bits of a device's key: among ten million devices two are confused
/// with a chance of about 10⁻²⁰. The 16 bits saved hold half of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key([u8; 14]);

impl Key {
    pub(super) fn of(device: DeviceKey) -> Self {
        let mut bytes = [0; 14];
        bytes[..8].copy_from_slice(&device.0[0].to_le_bytes());
        bytes[8..].copy_from_slice(&device.0[1].to_le_bytes()[..6]);
        Self(bytes)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut half = [0; 8];
        half.copy_from_slice(&self.0[..8]);
        state.write_u64(u64::from_le_bytes(half));
    }
}

/// A claim and its standing: 32 bits of customer, 46 of time, one a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row([u8; 10]);

const _: () = assert!(size_of::<(Key, Row)>() == 24);

/// Whether a row tells all that is known of its device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// One customer only ever told of it.
    Alone,
    /// Several did: the row is the outcome, the facts are listed elsewhere.
    Contested,
}

const TIME_BITS: u32 = 46;
/// 2⁴⁵ ms are 1,115 years, on either side of 1970.
const MAX_TIME: i64 = (1 << (TIME_BITS - 1)) - 1;
const BOUND: u128 = 1 << 78;
const CONTESTED: u128 = 1 << 79;

/// The nearest time that a row can hold.
pub(super) fn clamp(time: EventTime) -> EventTime {
    EventTime::from_millis(time.millis().clamp(-MAX_TIME, MAX_TIME))
}

impl Row {
    pub(super) fn of(claim: Claim, standing: Standing) -> Self {
        let time = (clamp(claim.time).millis() + MAX_TIME).unsigned_abs();
        let mut bits = u128::from(claim.customer.0) | u128::from(time) << 32;
        bits |= if claim.bound { BOUND } else { 0 };
        bits |= if standing == Standing::Contested { CONTESTED } else { 0 };
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&bits.to_le_bytes()[..10]);
        Self(bytes)
    }

    fn bits(self) -> u128 {
        let mut bytes = [0; 16];
        bytes[..10].copy_from_slice(&self.0);
        u128::from_le_bytes(bytes)
    }

    #[expect(clippy::cast_possible_truncation, reason = "masked to their width")]
    pub(super) fn claim(self) -> Claim {
        let bits = self.bits();
        let time = (bits >> 32) as i64 & ((1 << TIME_BITS) - 1);
        Claim {
            customer: CustomerRef(bits as u32),
            time: EventTime::from_millis(time - MAX_TIME),
            bound: bits & BOUND != 0,
        }
    }

    pub(super) fn standing(self) -> Standing {
        if self.bits() & CONTESTED == 0 { Standing::Alone } else { Standing::Contested }
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::EventTime;
    use proptest::prelude::*;

    use super::super::Claim;
    use super::super::customers::CustomerRef;
    use super::{MAX_TIME, Row, Standing, clamp};

    proptest! {
        /// A row gives back what it was made of.
        #[test]
        fn a_row_gives_back_what_it_holds(
            customer in any::<u32>(), millis in any::<i64>(), bound in any::<bool>(), contested in any::<bool>(),
        ) {
            let time = EventTime::from_millis(millis);
            let standing = if contested { Standing::Contested } else { Standing::Alone };
            let row = Row::of(Claim { customer: CustomerRef(customer), time, bound }, standing);
            prop_assert_eq!(row.claim().customer, CustomerRef(customer));
            prop_assert_eq!(row.claim().time, clamp(time));
            prop_assert_eq!(row.claim().bound, bound);
            prop_assert_eq!(row.standing(), standing);
        }
    }

    #[test]
    fn times_of_a_thousand_years_are_kept_to_the_millisecond() {
        for millis in [0, 1, -1, 1_628_646_783_123, MAX_TIME, -MAX_TIME] {
            assert_eq!(clamp(EventTime::from_millis(millis)).millis(), millis);
        }
    }
}
