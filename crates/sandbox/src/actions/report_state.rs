//! `ServiceReportDeviceState`.

use std::borrow::Cow;

use crate::answer::Success;
use crate::ledger::{Ledger, Topic};
use crate::read::ids::check_device_id;
use crate::read::params::Params;
use crate::refusal::Refusal;

/// A device's online state. It names no customer, so any well-formed device id is taken.
#[derive(Debug)]
pub(crate) struct ReportDeviceState<'a> {
    device_id: Cow<'a, str>,
    online_status: u8,
}

impl<'a> ReportDeviceState<'a> {
    pub(super) fn read(params: &Params<'a>) -> Result<Self, Refusal> {
        params.no_others_than(&["DeviceId", "OnlineStatus"])?;
        let device_id = params.text("DeviceId")?;
        let online_status = params.integer("OnlineStatus")?;
        check_device_id(&device_id)?;
        let online_status = u8::try_from(online_status).ok().filter(|status| *status <= 2);
        let online_status =
            online_status.ok_or_else(|| Refusal::invalid("OnlineStatus must be 0, 1 or 2"))?;
        Ok(Self { device_id, online_status })
    }

    pub(super) fn topic(&self) -> (&str, Topic) {
        (&self.device_id, Topic::State)
    }

    pub(super) fn carry_out(self, ledger: &Ledger) -> Success {
        ledger.accept_state(&self.device_id, self.online_status);
        Success::Done
    }
}
