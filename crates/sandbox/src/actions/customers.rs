//! `ServiceCreateCustomer` and `ServiceGetCustomerList`.

use std::borrow::Cow;

use super::paging::Paging;
use crate::answer::Success;
use crate::read::ids::{check_customer_id, check_phone};
use crate::read::params::Params;
use crate::refusal::Refusal;
use crate::registry::{CustomerFilter, Registry};

/// A customer to be made. It has no `Debug` that shows the telephone number.
pub(crate) struct CreateCustomer<'a> {
    customer_id: Cow<'a, str>,
    country_code: Cow<'a, str>,
    phone_number: Cow<'a, str>,
}

impl std::fmt::Debug for CreateCustomer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateCustomer")
            .field("customer_id", &self.customer_id)
            .finish_non_exhaustive()
    }
}

impl<'a> CreateCustomer<'a> {
    pub(super) fn read(params: &Params<'a>) -> Result<Self, Refusal> {
        params.no_others_than(&["CustomerId", "CountryCode", "PhoneNumber"])?;
        let request = Self {
            customer_id: params.text("CustomerId")?,
            country_code: params.text("CountryCode")?,
            phone_number: params.text("PhoneNumber")?,
        };
        check_customer_id(&request.customer_id)?;
        check_phone(&request.country_code, &request.phone_number)?;
        Ok(request)
    }

    pub(super) fn carry_out(self, registry: &Registry) -> Result<Success, Refusal> {
        registry.create_customer(&self.customer_id, &self.country_code, &self.phone_number)?;
        Ok(Success::Done)
    }
}

/// A question for customers. It has no `Debug` that shows the telephone number.
pub(crate) struct GetCustomerList<'a> {
    customer_id: Option<Cow<'a, str>>,
    country_code: Option<Cow<'a, str>>,
    phone_number: Option<Cow<'a, str>>,
    paging: Paging,
}

impl std::fmt::Debug for GetCustomerList<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GetCustomerList")
            .field("customer_id", &self.customer_id)
            .field("paging", &self.paging)
            .finish_non_exhaustive()
    }
}

impl<'a> GetCustomerList<'a> {
    pub(super) fn read(params: &Params<'a>) -> Result<Self, Refusal> {
        let expected = ["CustomerId", "CountryCode", "PhoneNumber", "Offset", "Limit"];
        params.no_others_than(&expected)?;
        let request = Self {
            customer_id: params.optional_text("CustomerId")?,
            country_code: params.optional_text("CountryCode")?,
            phone_number: params.optional_text("PhoneNumber")?,
            paging: Paging::read(params)?,
        };
        if let Some(customer_id) = &request.customer_id {
            check_customer_id(customer_id)?;
        }
        Ok(request)
    }

    pub(super) fn carry_out(self, registry: &Registry) -> Success {
        let customers = registry.list_customers(&CustomerFilter {
            customer_id: self.customer_id.as_deref(),
            country_code: self.country_code.as_deref(),
            phone_number: self.phone_number.as_deref(),
        });
        let total = customers.len();
        Success::Customers { customers: self.paging.cut(customers), total }
    }
}
