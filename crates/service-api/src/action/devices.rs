//! What a device measured, and whether it is online.

use std::borrow::Borrow;

use emberline_model::{Category, OnlineStatus, Report};

use crate::nested::{ReportArray, ReportObject};
use crate::{Accepted, Action, BodyWriter, DataCategoryForm, DataInfoForm};

/// Reports of one device and one category, one a report time.
#[derive(Debug, Clone, Copy)]
pub struct ServiceReportDeviceData<'a, R = Report> {
    /// `DeviceId`: `ProductId/DeviceName`.
    pub device: &'a str,
    /// `CustomerId` of the device's owner.
    pub customer: &'a str,
    /// `DataCategory`: the category of every one of the reports.
    pub category: Category,
    /// `DataInfo`. In the dialect's `object` form a call carries exactly one; other
    /// numbers are then written as an array, so that the service sees what the caller
    /// meant and none is lost unseen.
    pub reports: &'a [R],
}

impl<R: Borrow<Report>> Action for ServiceReportDeviceData<'_, R> {
    const NAME: &'static str = "ServiceReportDeviceData";
    type Answer = Accepted;

    fn write(&self, body: &mut BodyWriter<'_>) {
        body.text("CustomerId", self.customer);
        match body.dialect().data_category {
            DataCategoryForm::Number => body.integer("DataCategory", self.category.code()),
            DataCategoryForm::String => {
                let code = self.category.code();
                body.text("DataCategory", itoa::Buffer::new().format(code));
            }
        }
        match (body.dialect().data_info, self.reports) {
            (DataInfoForm::Object, [report]) => {
                body.nested("DataInfo", &ReportObject(report.borrow()));
            }
            (_, reports) => body.nested("DataInfo", &ReportArray(reports)),
        }
        body.text("DeviceId", self.device);
    }
}

/// Whether a device is online.
#[derive(Debug, Clone, Copy)]
pub struct ServiceReportDeviceState<'a> {
    /// `DeviceId`: `ProductId/DeviceName`.
    pub device: &'a str,
    /// `OnlineStatus`.
    pub status: OnlineStatus,
}

impl Action for ServiceReportDeviceState<'_> {
    const NAME: &'static str = "ServiceReportDeviceState";
    type Answer = Accepted;

    fn write(&self, body: &mut BodyWriter<'_>) {
        body.text("DeviceId", self.device);
        body.integer("OnlineStatus", self.status.code());
    }
}
