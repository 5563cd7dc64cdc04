//! `ServiceBindDevice`.

use std::borrow::Cow;
use std::collections::HashSet;

use serde::Deserialize;

use crate::answer::Success;
use crate::read::ids::{check_customer_id, check_device_id};
use crate::read::object::Object;
use crate::read::params::Params;
use crate::read::text::Text;
use crate::refusal::Refusal;
use crate::registry::{BoundDevice, Registry};

/// A push of a customer's devices.
#[derive(Debug)]
pub(crate) struct BindDevice<'a> {
    customer_id: Cow<'a, str>,
    devices: Vec<BoundDevice>,
}

/// One of `DeviceInfos`, nothing checked yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct DeviceInfo<'a> {
    #[serde(borrow)]
    device_id: Option<Text<'a>>,
    #[serde(borrow)]
    customer_device_no: Option<Text<'a>>,
    #[serde(borrow)]
    product_name: Option<Text<'a>>,
}

impl DeviceInfo<'_> {
    fn checked(self) -> Result<BoundDevice, Refusal> {
        let required = |text: Option<Text<'_>>, name: &str| {
            let text = text.ok_or_else(|| Refusal::missing(&format!("DeviceInfos.{name}")))?;
            Ok(text.0.into_owned())
        };
        let device = BoundDevice {
            device_id: required(self.device_id, "DeviceId")?,
            customer_device_no: required(self.customer_device_no, "CustomerDeviceNo")?,
            product_name: required(self.product_name, "ProductName")?,
        };
        check_device_id(&device.device_id)?;
        if device.customer_device_no.is_empty() {
            return Err(Refusal::invalid("DeviceInfos.CustomerDeviceNo is empty"));
        }
        Ok(device)
    }
}

impl<'a> BindDevice<'a> {
    pub(super) fn read(params: &Params<'a>) -> Result<Self, Refusal> {
        params.no_others_than(&["CustomerId", "DeviceInfos"])?;
        let customer_id = params.text("CustomerId")?;
        let infos: Vec<Object<DeviceInfo<'a>>> = params.nested("DeviceInfos")?;

        check_customer_id(&customer_id)?;
        if infos.is_empty() {
            return Err(Refusal::invalid("DeviceInfos is empty"));
        }
        let devices: Vec<BoundDevice> =
            infos.into_iter().map(|Object(info)| info.checked()).collect::<Result<_, _>>()?;
        let distinct: HashSet<&str> = devices.iter().map(|d| d.device_id.as_str()).collect();
        if distinct.len() < devices.len() {
            return Err(Refusal::invalid("DeviceInfos names a device twice"));
        }
        Ok(Self { customer_id, devices })
    }

    pub(super) fn carry_out(self, registry: &Registry) -> Result<Success, Refusal> {
        registry.bind(&self.customer_id, self.devices)?;
        Ok(Success::Done)
    }
}
