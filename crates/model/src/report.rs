//! One report: what a device measured of one category at one time.

use xxhash_rust::xxh3::xxh3_128;

use crate::{Category, DeviceKey, Measurement, ReportTime};

/// What one push of data carries for one time (contract: `ReportDeviceData`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Report {
    /// When it was measured.
    pub time: ReportTime,
    /// What was measured.
    pub measurement: Measurement,
}

impl Report {
    /// The category of its measurement.
    pub const fn category(&self) -> Category {
        self.measurement.category()
    }

    /// What makes this report of that device the same as another one.
    pub fn identity(&self, device: DeviceKey) -> Identity {
        let mut bytes = [0_u8; 40];
        bytes[..8].copy_from_slice(&device.0[0].to_le_bytes());
        bytes[8..16].copy_from_slice(&device.0[1].to_le_bytes());
        bytes[16..24].copy_from_slice(&self.time.seconds().to_le_bytes());
        for (place, steps) in bytes[24..36].chunks_exact_mut(4).zip(self.measurement.steps()) {
            place.copy_from_slice(&steps.to_le_bytes());
        }
        bytes[36..38].copy_from_slice(&self.category().code().to_le_bytes());
        Identity(xxh3_128(&bytes))
    }
}

/// 128-bit hash of (device, category, report time, values): two reports with the same
/// identity are one report that came twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity(pub u128);

#[cfg(test)]
mod tests {
    use super::Report;
    use crate::{Category, DeviceId, Measurement, ReportTime};

    fn power(seconds: i64, kilowatt: f64) -> Report {
        Report {
            time: ReportTime::from_seconds(seconds).unwrap(),
            measurement: Measurement::new(Category::Power, &[kilowatt]).unwrap(),
        }
    }

    #[test]
    fn identity_is_device_category_time_and_values() {
        let device = DeviceId::parse("P/a").unwrap().key();
        let other = DeviceId::parse("P/b").unwrap().key();
        let identity = power(1, 1.0).identity(device);
        assert_eq!(identity, power(1, 1.001).identity(device), "the same after rounding");
        assert_ne!(identity, power(2, 1.0).identity(device));
        assert_ne!(identity, power(1, 1.01).identity(device));
        assert_ne!(identity, power(1, 1.0).identity(other));
        let residual = Report {
            measurement: Measurement::new(Category::ResidualCurrent, &[0.1]).unwrap(),
            ..power(1, 1.0)
        };
        assert_ne!(identity, residual.identity(device), "100 steps of another category");
    }
}
