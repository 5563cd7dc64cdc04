//! Where the vendor's pages leave open how a call looks, the service is tried: the spelling
//! of the settings first, then the others, until one is accepted.
//!
//! What a signature with nothing nested in it says is known before (the credentials); so a
//! binding that is refused for its signature is refused for the reading.

use std::fmt::Display;

use emberline_model::Report as DeviceReport;
use emberline_service_api::{
    BoundDevice, DataCategoryForm, DataInfoForm, Dialect, FailureClass, NestedSignature,
    ServiceBindDevice, ServiceReportDeviceData,
};

use super::fault::Fault;
use super::report::{Group, Report};
use super::subject::Subject;
use crate::paced::PacedService;

/// Pushes the test binding in one reading of nested signatures after the other.
///
/// # Errors
/// What the service said, if it takes none.
pub(super) async fn bind(
    service: &PacedService,
    subject: &Subject,
) -> Result<NestedSignature, Fault> {
    use NestedSignature::{Flatten, Json, Omit};
    let configured = service.dialect();
    let devices = [BoundDevice {
        customer_device_no: "check",
        device: subject.device.as_str(),
        product_name: "emberline check",
    }];
    let action = ServiceBindDevice { customer: subject.customer.as_str(), devices: &devices };
    let mut refused = None;
    for nested_signature in configured_first(configured.nested_signature, [Json, Flatten, Omit]) {
        let service = service.speaking(Dialect { nested_signature, ..configured });
        match service.call(&action).await {
            Ok(_) => return Ok(nested_signature),
            Err(error) if error.class() == FailureClass::Credentials => {
                refused.get_or_insert(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    let text = refused.map(|error| error.to_string()).unwrap_or_default();
    Err(Fault::new(
        format!("no reading of nested values in the signature is accepted: {text}"),
        "ask the service's operator how DeviceInfos enters the signature",
    ))
}

/// Reports in one form of `DataInfo` and `DataCategory` after the other; the dialect of the
/// one that was accepted.
///
/// # Errors
/// What the service said to the form of the settings, if it takes none.
pub(super) async fn report(
    service: &PacedService,
    subject: &Subject,
    report: &DeviceReport,
) -> Result<Dialect, Fault> {
    use {DataCategoryForm as Category, DataInfoForm as Info};
    let configured = service.dialect();
    let mut refused = None;
    for data_info in configured_first(configured.data_info, [Info::Array, Info::Object]) {
        let categories = [Category::Number, Category::String];
        for data_category in configured_first(configured.data_category, categories) {
            let dialect = Dialect { data_info, data_category, ..configured };
            let service = service.speaking(dialect);
            match send(&service, subject, report).await {
                Ok(()) => return Ok(dialect),
                Err((class, fault)) if is_of_form(class) => {
                    refused.get_or_insert(fault);
                }
                Err((_, fault)) => return Err(fault),
            }
        }
    }
    let fault = refused.unwrap_or_else(|| Fault::new("not tried", ""));
    let detail = format!("no form of DataInfo and DataCategory is accepted: {}", fault.detail);
    Err(Fault::new(detail, fault.advice))
}

/// Sends one report.
///
/// # Errors
/// What the service said, and its class.
pub(super) async fn send(
    service: &PacedService,
    subject: &Subject,
    report: &DeviceReport,
) -> Result<(), (FailureClass, Fault)> {
    let action = ServiceReportDeviceData {
        device: subject.device.as_str(),
        customer: subject.customer.as_str(),
        category: report.category(),
        reports: std::slice::from_ref(report),
    };
    let sent = service.call(&action).await;
    sent.map(drop).map_err(|error| (error.class(), error.into()))
}

/// Whether another form may help: the content is refused, or the signature over it.
const fn is_of_form(class: FailureClass) -> bool {
    matches!(class, FailureClass::Permanent | FailureClass::Defect | FailureClass::Credentials)
}

/// Notes what is accepted beside what is set.
pub(super) fn compare<T: Display + PartialEq>(report: &mut Report, key: &str, set: &T, found: &T) {
    let outcome = if set == found {
        Ok(format!("{found}, as set"))
    } else {
        let detail = format!("{found} is accepted, and {set} is not");
        Err(Fault::new(detail, format!("set service.{key} = \"{found}\"")))
    };
    report.settle(Group::Spelling, key, outcome);
}

fn configured_first<T: PartialEq + Copy, const N: usize>(
    configured: T,
    all: [T; N],
) -> impl Iterator<Item = T> {
    std::iter::once(configured).chain(all.into_iter().filter(move |it| *it != configured))
}
