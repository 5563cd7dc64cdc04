//! What the service answers when it accepts.

use std::fmt;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Serialize};

/// The answer of one action, read from a body that is known to accept the call.
pub trait Answer: Sized {
    /// Reads it out of either envelope.
    ///
    /// # Errors
    /// If it lacks what it must hold, or holds it in another type.
    fn read(body: &[u8]) -> Result<Self, serde_json::Error>;
}

/// The service has done what it was told; there is nothing else to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Accepted;

impl Answer for Accepted {
    fn read(_: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(Self)
    }
}

/// Answer of `ServiceGetCustomerList`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CustomerList {
    /// The customers from the offset on, up to the limit.
    pub customers: Vec<Customer>,
    /// How many match in all.
    pub total: u64,
}

/// One customer, as the service knows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Customer {
    /// `CustomerId`.
    pub customer_id: String,
    /// For example `86`.
    #[serde(default)]
    pub country_code: String,
    /// Not shown by `Debug`.
    #[serde(default)]
    pub phone_number: String,
}

impl fmt::Debug for Customer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Customer").field("customer_id", &self.customer_id).finish_non_exhaustive()
    }
}

/// Answer of `ServiceGetOrderList`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct OrderList {
    /// The orders from the offset on, up to the limit.
    pub orders: Vec<Order>,
    /// How many match in all.
    pub total: u64,
}

/// One order, as the service knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Order {
    /// `CustomerId`.
    pub customer_id: String,
    /// Unique in the user's own application.
    pub order_no: String,
    /// `ItemId`; with `D-` in front it is a test order's.
    pub item_id: String,
    /// `ItemVNO`.
    #[serde(rename = "ItemVNO", default)]
    pub item_vno: String,
    /// How many.
    pub item_num: u64,
}

/// Answer of `ServiceGetInsurancePageURL`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InsurancePage {
    /// The H5 page.
    #[serde(rename = "URL")]
    pub url: String,
    /// The mini program to jump to; newer edition only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mp_app_id: Option<String>,
    /// The path in it; newer edition only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mp_app_path: Option<String>,
}

impl Answer for InsurancePage {
    fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        content(body)
    }
}

impl Answer for CustomerList {
    fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Page {
            customers: Option<Vec<Customer>>,
            total: Option<u64>,
        }
        let Page { customers, total } = content(body)?;
        let (customers, total) = complete("Customers", customers, total)?;
        Ok(Self { customers, total })
    }
}

impl Answer for OrderList {
    fn read(body: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Page {
            orders: Option<Vec<Order>>,
            total: Option<u64>,
        }
        let Page { orders, total } = content(body)?;
        let (orders, total) = complete("Orders", orders, total)?;
        Ok(Self { orders, total })
    }
}

/// An empty list may be `null` or missing, but only where the total says that it is
/// empty: "no such order" is what a caller creates an order on.
fn complete<T>(
    name: &'static str,
    items: Option<Vec<T>>,
    total: Option<u64>,
) -> Result<(Vec<T>, u64), serde_json::Error> {
    match (items, total) {
        (Some(items), total) => {
            let total = total.unwrap_or(items.len() as u64);
            Ok((items, total))
        }
        (None, Some(0)) => Ok((Vec::new(), 0)),
        (None, _) => Err(serde_json::Error::missing_field(name)),
    }
}

/// What stands in either envelope.
fn content<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(bound = "T: DeserializeOwned")]
    struct Envelope<T> {
        #[serde(rename = "Response")]
        response: Option<T>,
        data: Option<T>,
    }
    let envelope: Envelope<T> = serde_json::from_slice(body)?;
    envelope.response.or(envelope.data).ok_or_else(|| serde_json::Error::missing_field("Response"))
}
