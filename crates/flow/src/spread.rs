//! Whether devices' records lie in several partitions of a topic: then the topic is not keyed
//! by device, and nothing keeps a device's order.
//!
//! Absent: certainty. A sample of the devices is watched, and only in the partitions that are
//! read here; a topic that is keyed otherwise shows within a few records.
//!
//! Start at [`Spread::observe`].

use emberline_model::DeviceKey;

/// Devices watched, at most: a quarter of a megabyte of seats, whatever there are.
const SEATS: usize = 1 << 15;
const PARTITION_BITS: u32 = 15;
const PARTITION: u64 = (1 << PARTITION_BITS) - 1;
/// Of a device that was told of; above the partition.
const TOLD: u64 = 1 << PARTITION_BITS;
/// What is left names the device: 48 bits of its hash.
const NAME: u64 = !(TOLD | PARTITION);

/// The partitions in which a sample of devices was seen. The first device of a seat keeps it:
/// so a watched one is watched for good, however many there are.
#[derive(Debug)]
pub struct Spread {
    /// 0: free.
    seats: Box<[u64]>,
}

impl Default for Spread {
    fn default() -> Self {
        Self { seats: vec![0; SEATS].into_boxed_slice() }
    }
}

impl Spread {
    /// A record of this device was read in this partition of the topic of that number. Returned
    /// is, once a device, the other partition in which its last one was.
    pub fn observe(&mut self, topic: u16, device: DeviceKey, partition: i32) -> Option<i32> {
        // The odd constant is 2^64 divided by the golden ratio: it spreads small numbers.
        let salt = (u64::from(topic) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
        let seat = &mut self.seats[(device.0[0] ^ salt) as usize % SEATS];
        let name = (device.0[1] ^ salt) & NAME;
        let here = u64::from(partition.unsigned_abs()) & PARTITION;
        if *seat == 0 {
            // A name of zeros in partition 0 leaves its seat free: it is not watched.
            *seat = name | here;
            return None;
        }
        let (other, told) = (*seat & PARTITION, *seat & TOLD != 0);
        if *seat & NAME != name || other == here || told {
            return None;
        }
        *seat |= TOLD;
        // It is 15 bits.
        i32::try_from(other).ok()
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::{DeviceId, DeviceKey};

    use super::{SEATS, Spread};

    fn device(number: usize) -> DeviceKey {
        DeviceId::new("P", &format!("d{number}")).unwrap().key()
    }

    #[test]
    fn a_device_in_two_partitions_is_told_once() {
        let mut spread = Spread::default();
        assert_eq!(spread.observe(0, device(1), 3), None);
        assert_eq!(spread.observe(0, device(1), 3), None);
        assert_eq!(spread.observe(0, device(1), 0), Some(3));
        for partition in [3, 0, 5] {
            assert_eq!(spread.observe(0, device(1), partition), None, "it was told");
        }
        assert_eq!(spread.observe(0, device(2), 9), None);
        assert_eq!(spread.observe(0, device(2), 8), Some(9));
    }

    #[test]
    fn of_a_topic_that_is_keyed_by_device_none_is_told_however_many_there_are() {
        let mut spread = Spread::default();
        let mut told = 0;
        for round in 0..2 {
            for number in 0..SEATS * 8 {
                let partition = i32::try_from(number % 97).unwrap();
                told += usize::from(spread.observe(0, device(number), partition).is_some());
                // The same devices in another topic, otherwise partitioned.
                let other = (partition + 1) % 5;
                told += usize::from(spread.observe(1, device(number), other).is_some());
            }
            assert_eq!(told, 0, "round {round}");
        }
    }

    #[test]
    fn of_far_more_devices_than_are_watched_some_are_told() {
        let mut spread = Spread::default();
        let mut told = 0;
        for partition in 0..2 {
            for number in 0..SEATS * 8 {
                told += usize::from(spread.observe(0, device(number), partition).is_some());
            }
        }
        assert!(told > SEATS / 2, "{told}");
    }
}
