//! Service claim: customers, their orders, and the page where a policy is claimed.

use std::fmt;

use emberline_model::{Item, ItemVersion};

use crate::{Accepted, Action, BodyWriter, CustomerList, InsurancePage, OrderList};

/// Makes a customer known to the service.
#[derive(Clone, Copy)]
pub struct ServiceCreateCustomer<'a> {
    /// `CustomerId`.
    pub customer: &'a str,
    /// `CountryCode`, for example `86`.
    pub country_code: &'a str,
    /// `PhoneNumber`. Not shown by `Debug`.
    pub phone_number: &'a str,
}

impl Action for ServiceCreateCustomer<'_> {
    const NAME: &'static str = "ServiceCreateCustomer";
    type Answer = Accepted;

    fn write(&self, body: &mut BodyWriter<'_>) {
        body.text("CountryCode", self.country_code);
        body.text("CustomerId", self.customer);
        body.text("PhoneNumber", self.phone_number);
    }
}

impl fmt::Debug for ServiceCreateCustomer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceCreateCustomer")
            .field("customer", &self.customer)
            .finish_non_exhaustive()
    }
}

/// Lists the customers that match every filter given.
#[derive(Clone, Copy, Default)]
pub struct ServiceGetCustomerList<'a> {
    /// `CustomerId`.
    pub customer: Option<&'a str>,
    /// `CountryCode`.
    pub country_code: Option<&'a str>,
    /// `PhoneNumber`. Not shown by `Debug`.
    pub phone_number: Option<&'a str>,
    /// `Offset` of the first one, from 0.
    pub offset: Option<u64>,
    /// `Limit`: most to return.
    pub limit: Option<u64>,
}

impl Action for ServiceGetCustomerList<'_> {
    const NAME: &'static str = "ServiceGetCustomerList";
    type Answer = CustomerList;

    fn write(&self, body: &mut BodyWriter<'_>) {
        body.optional_text("CountryCode", self.country_code);
        body.optional_text("CustomerId", self.customer);
        body.optional_integer("Limit", self.limit);
        body.optional_integer("Offset", self.offset);
        body.optional_text("PhoneNumber", self.phone_number);
    }
}

impl fmt::Debug for ServiceGetCustomerList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceGetCustomerList")
            .field("customer", &self.customer)
            .field("offset", &self.offset)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Orders an item for a customer. An item that is not a test one is **money**: it uses
/// up one of the authorisations bought.
#[derive(Debug, Clone, Copy)]
pub struct ServiceCreateOrder<'a> {
    /// `CustomerId`.
    pub customer: &'a str,
    /// `OrderNo`, unique in the user's own application.
    pub order_no: &'a str,
    /// `ItemId`.
    pub item: Item,
    /// `ItemVNO`, of the item's family.
    pub version: ItemVersion,
    /// `ItemNum`.
    pub count: u32,
}

impl Action for ServiceCreateOrder<'_> {
    const NAME: &'static str = "ServiceCreateOrder";
    type Answer = Accepted;

    fn write(&self, body: &mut BodyWriter<'_>) {
        body.text("CustomerId", self.customer);
        body.text("ItemId", self.item.id());
        body.integer("ItemNum", self.count);
        body.text("ItemVNO", self.version.as_str());
        body.text("OrderNo", self.order_no);
    }
}

/// Lists the orders that match every filter given.
#[derive(Debug, Clone, Copy, Default)]
pub struct ServiceGetOrderList<'a> {
    /// `CustomerId`.
    pub customer: Option<&'a str>,
    /// `OrderNo`.
    pub order_no: Option<&'a str>,
    /// `Offset` of the first one, from 0.
    pub offset: Option<u64>,
    /// `Limit`: most to return.
    pub limit: Option<u64>,
}

impl Action for ServiceGetOrderList<'_> {
    const NAME: &'static str = "ServiceGetOrderList";
    type Answer = OrderList;

    fn write(&self, body: &mut BodyWriter<'_>) {
        body.optional_text("CustomerId", self.customer);
        body.optional_integer("Limit", self.limit);
        body.optional_integer("Offset", self.offset);
        body.optional_text("OrderNo", self.order_no);
    }
}

/// Asks for the page where the customer claims a policy.
#[derive(Debug, Clone, Copy)]
pub struct ServiceGetInsurancePageURL<'a> {
    /// `CustomerId`.
    pub customer: &'a str,
    /// `ItemId`.
    pub item: Item,
    /// `ItemVNO`: required by the newer edition of the API, absent in the older one.
    pub version: Option<ItemVersion>,
}

impl Action for ServiceGetInsurancePageURL<'_> {
    const NAME: &'static str = "ServiceGetInsurancePageURL";
    type Answer = InsurancePage;

    fn write(&self, body: &mut BodyWriter<'_>) {
        body.text("CustomerId", self.customer);
        body.text("ItemId", self.item.id());
        body.optional_text("ItemVNO", self.version.map(ItemVersion::as_str));
    }
}

#[cfg(test)]
mod tests {
    use super::{ServiceCreateCustomer, ServiceGetCustomerList};

    #[test]
    fn a_telephone_number_is_not_printed() {
        let create = ServiceCreateCustomer {
            customer: "c_1",
            country_code: "86",
            phone_number: "13900000000",
        };
        let list =
            ServiceGetCustomerList { phone_number: Some("13900000000"), ..Default::default() };
        assert!(!format!("{create:?} {list:?}").contains("139"));
    }
}
