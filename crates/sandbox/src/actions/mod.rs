//! The eight actions: what each takes, and what it does.
//!
//! Invariant: reading a request looks at nothing but its parameters; carrying it out
//! looks at nothing but the request and the books.

mod bind_device;
mod customers;
mod items;
mod orders;
mod page_url;
mod paging;
mod report_data;
mod report_state;

use crate::answer::Success;
use crate::ledger::{Ledger, Topic};
use crate::read::params::Params;
use crate::refusal::Refusal;
use crate::registry::Registry;
use crate::{DataCategoryForm, DataInfoForm, Edition};
use bind_device::BindDevice;
use customers::{CreateCustomer, GetCustomerList};
pub(crate) use items::{ITEM_IDS, Item};
use orders::{CreateOrder, GetOrderList};
use page_url::GetInsurancePageUrl;
use report_data::ReportDeviceData;
use report_state::ReportDeviceState;
use serde::{Deserialize, Serialize};

/// An action of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// `ServiceCreateCustomer`.
    #[serde(rename = "ServiceCreateCustomer")]
    CreateCustomer,
    /// `ServiceGetCustomerList`.
    #[serde(rename = "ServiceGetCustomerList")]
    GetCustomerList,
    /// `ServiceCreateOrder`.
    #[serde(rename = "ServiceCreateOrder")]
    CreateOrder,
    /// `ServiceGetOrderList`.
    #[serde(rename = "ServiceGetOrderList")]
    GetOrderList,
    /// `ServiceGetInsurancePageURL`.
    #[serde(rename = "ServiceGetInsurancePageURL")]
    GetInsurancePageUrl,
    /// `ServiceBindDevice`.
    #[serde(rename = "ServiceBindDevice")]
    BindDevice,
    /// `ServiceReportDeviceData`.
    #[serde(rename = "ServiceReportDeviceData")]
    ReportDeviceData,
    /// `ServiceReportDeviceState`.
    #[serde(rename = "ServiceReportDeviceState")]
    ReportDeviceState,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 8] = [
        Self::CreateCustomer,
        Self::GetCustomerList,
        Self::CreateOrder,
        Self::GetOrderList,
        Self::GetInsurancePageUrl,
        Self::BindDevice,
        Self::ReportDeviceData,
        Self::ReportDeviceState,
    ];

    /// The body's `Action`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CreateCustomer => "ServiceCreateCustomer",
            Self::GetCustomerList => "ServiceGetCustomerList",
            Self::CreateOrder => "ServiceCreateOrder",
            Self::GetOrderList => "ServiceGetOrderList",
            Self::GetInsurancePageUrl => "ServiceGetInsurancePageURL",
            Self::BindDevice => "ServiceBindDevice",
            Self::ReportDeviceData => "ServiceReportDeviceData",
            Self::ReportDeviceState => "ServiceReportDeviceState",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }

    /// Its place in [`Action::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

/// The choices that requests are read with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    pub(crate) data_info: DataInfoForm,
    pub(crate) data_category: DataCategoryForm,
    pub(crate) edition: Edition,
}

/// What a request is carried out on.
pub(crate) struct Books<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) ledger: &'a Ledger,
    /// Where the sandbox is reached, without a slash at the end.
    pub(crate) url: &'a str,
}

/// A request whose parameters are all well formed.
#[derive(Debug)]
pub(crate) enum Request<'a> {
    CreateCustomer(CreateCustomer<'a>),
    GetCustomerList(GetCustomerList<'a>),
    CreateOrder(CreateOrder<'a>),
    GetOrderList(GetOrderList<'a>),
    GetInsurancePageUrl(GetInsurancePageUrl<'a>),
    BindDevice(BindDevice<'a>),
    ReportDeviceData(ReportDeviceData<'a>),
    ReportDeviceState(ReportDeviceState<'a>),
}

impl<'a> Request<'a> {
    pub(crate) fn read(
        action: Action,
        params: &Params<'a>,
        dialect: Dialect,
    ) -> Result<Self, Refusal> {
        Ok(match action {
            Action::CreateCustomer => Self::CreateCustomer(CreateCustomer::read(params)?),
            Action::GetCustomerList => Self::GetCustomerList(GetCustomerList::read(params)?),
            Action::CreateOrder => Self::CreateOrder(CreateOrder::read(params)?),
            Action::GetOrderList => Self::GetOrderList(GetOrderList::read(params)?),
            Action::GetInsurancePageUrl => {
                Self::GetInsurancePageUrl(GetInsurancePageUrl::read(params, dialect.edition)?)
            }
            Action::BindDevice => Self::BindDevice(BindDevice::read(params)?),
            Action::ReportDeviceData => {
                Self::ReportDeviceData(ReportDeviceData::read(params, dialect)?)
            }
            Action::ReportDeviceState => Self::ReportDeviceState(ReportDeviceState::read(params)?),
        })
    }

    pub(crate) fn carry_out(self, books: &Books<'_>) -> Result<Success, Refusal> {
        match self {
            Self::CreateCustomer(request) => request.carry_out(books.registry),
            Self::GetCustomerList(request) => Ok(request.carry_out(books.registry)),
            Self::CreateOrder(request) => request.carry_out(books.registry),
            Self::GetOrderList(request) => Ok(request.carry_out(books.registry)),
            Self::GetInsurancePageUrl(request) => request.carry_out(books.registry, books.url),
            Self::BindDevice(request) => request.carry_out(books.registry),
            Self::ReportDeviceData(request) => request.carry_out(books),
            Self::ReportDeviceState(request) => Ok(request.carry_out(books.ledger)),
        }
    }

    /// The device that it speaks of, and what of it no other call may touch meanwhile.
    pub(crate) fn topic(&self) -> Option<(&str, Topic)> {
        match self {
            Self::ReportDeviceData(request) => Some(request.topic()),
            Self::ReportDeviceState(request) => Some(request.topic()),
            _ => None,
        }
    }

    /// Whether it carries a report of this time.
    pub(crate) fn carries_report_of(&self, time: i64) -> bool {
        matches!(self, Self::ReportDeviceData(request) if request.carries_report_of(time))
    }
}
