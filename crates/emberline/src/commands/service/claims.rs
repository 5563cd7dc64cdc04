//! Customers, orders, and the page where a policy is claimed.

use clap::Args;
use emberline_model::{CustomerId, EventTime, Item, ItemVersion, OrderEvent};
use emberline_service_api::{
    ServiceCreateCustomer, ServiceCreateOrder, ServiceGetCustomerList, ServiceGetInsurancePageURL,
    ServiceGetOrderList,
};

use super::call::{Caller, Numbers};
use crate::app::{Exit, UsageError};
use crate::output;
use crate::settings::ClaimSettings;

/// `create-customer`.
#[derive(Args)]
pub(super) struct CreateCustomer {
    /// Letters, digits and `_`, at most 32.
    #[arg(long, value_name = "ID", value_parser = CustomerId::parse)]
    customer: CustomerId,
    /// The telephone number's country.
    #[arg(long, value_name = "CODE", default_value = "86")]
    country_code: String,
    /// The telephone number; `-` reads it from stdin, where no list of processes shows it.
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    phone_number: String,
}

impl std::fmt::Debug for CreateCustomer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CreateCustomer").field("customer", &self.customer).finish_non_exhaustive()
    }
}

impl CreateCustomer {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<Exit> {
        let phone_number = if self.phone_number == "-" {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            line.trim().to_owned()
        } else {
            self.phone_number
        };
        let action = ServiceCreateCustomer {
            customer: self.customer.as_str(),
            country_code: &self.country_code,
            phone_number: &phone_number,
        };
        caller.call(&action).await
    }
}

/// Which part of a list.
#[derive(Debug, Args)]
struct Page {
    /// How many to pass over.
    #[arg(long, value_name = "N")]
    offset: Option<u64>,
    /// Most to list.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

/// `list-customers`.
#[derive(Args)]
pub(super) struct ListCustomers {
    /// Only this one.
    #[arg(long, value_name = "ID", value_parser = CustomerId::parse)]
    customer: Option<CustomerId>,
    /// Only telephone numbers of this country.
    #[arg(long, value_name = "CODE")]
    country_code: Option<String>,
    /// Only this telephone number.
    #[arg(long, value_name = "NUMBER")]
    phone_number: Option<String>,
    #[command(flatten)]
    page: Page,
    /// Show telephone numbers instead of masking them.
    #[arg(long)]
    show_phone_numbers: bool,
}

impl std::fmt::Debug for ListCustomers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListCustomers").field("customer", &self.customer).finish_non_exhaustive()
    }
}

impl ListCustomers {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<Exit> {
        let action = ServiceGetCustomerList {
            customer: self.customer.as_ref().map(CustomerId::as_str),
            country_code: self.country_code.as_deref(),
            phone_number: self.phone_number.as_deref(),
            offset: self.page.offset,
            limit: self.page.limit,
        };
        let numbers = if self.show_phone_numbers { Numbers::Shown } else { Numbers::Masked };
        caller.call_and_show(&action, numbers).await
    }
}

/// `create-order`.
#[derive(Debug, Args)]
pub(super) struct CreateOrder {
    /// Who orders.
    #[arg(long, value_name = "ID", value_parser = CustomerId::parse)]
    customer: CustomerId,
    /// The order's number, unique in your own application.
    #[arg(long, value_name = "NO")]
    order_no: String,
    /// For example `D-FireInsurance2020`; with `D-` it is a test order.
    #[arg(long, value_name = "ITEM", value_parser = Item::parse)]
    item: Item,
    /// For example `FireBusiness`, of the item's family.
    #[arg(long, value_name = "VERSION", value_parser = ItemVersion::parse)]
    item_version: ItemVersion,
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: i64,
    /// Needed for an item without `D-`: it uses up a purchased authorisation.
    #[arg(long)]
    formal: bool,
}

impl CreateOrder {
    pub(super) async fn run(self, caller: &Caller, claims: &ClaimSettings) -> anyhow::Result<Exit> {
        if !self.item.test && !self.formal {
            let text =
                "a formal order uses up a purchased authorisation: say --formal if you mean it";
            return Err(UsageError(text.to_owned()).into());
        }
        if !self.item.test && !claims.formal_orders {
            let text =
                "formal orders are turned off: set claims.formal_orders = true to allow them";
            return Err(UsageError(text.to_owned()).into());
        }
        if self.item.test && self.formal {
            return Err(UsageError(format!(
                "{} is a test order's item, not a formal one",
                self.item
            ))
            .into());
        }
        let names = (self.item.id(), self.item_version.as_str());
        // The time of an order is not sent.
        let time = EventTime::from_millis(0);
        let order = OrderEvent::new(self.customer, &self.order_no, names, self.count, time)
            .map_err(|error| UsageError(error.to_string()))?;
        let action = ServiceCreateOrder {
            customer: order.customer.as_str(),
            order_no: &order.order_no,
            item: order.item,
            version: order.version,
            count: order.count,
        };
        let exit = caller.call(&action).await?;
        if exit == Exit::Failed {
            output::notice(&format!(
                "before ordering again see whether it was placed: emberline service list-orders --order-no {}",
                order.order_no
            ));
        }
        Ok(exit)
    }
}

/// `list-orders`.
#[derive(Debug, Args)]
pub(super) struct ListOrders {
    /// Only this customer's.
    #[arg(long, value_name = "ID", value_parser = CustomerId::parse)]
    customer: Option<CustomerId>,
    /// Only this one.
    #[arg(long, value_name = "NO")]
    order_no: Option<String>,
    #[command(flatten)]
    page: Page,
}

impl ListOrders {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<Exit> {
        let action = ServiceGetOrderList {
            customer: self.customer.as_ref().map(CustomerId::as_str),
            order_no: self.order_no.as_deref(),
            offset: self.page.offset,
            limit: self.page.limit,
        };
        caller.call(&action).await
    }
}

/// `page-url`.
#[derive(Debug, Args)]
pub(super) struct PageUrl {
    /// Who claims.
    #[arg(long, value_name = "ID", value_parser = CustomerId::parse)]
    customer: CustomerId,
    /// For example `D-FireInsurance2020`.
    #[arg(long, value_name = "ITEM", value_parser = Item::parse)]
    item: Item,
    /// For example `FireBusiness`; the older edition of the interface has none.
    #[arg(long, value_name = "VERSION", value_parser = ItemVersion::parse)]
    item_version: Option<ItemVersion>,
}

impl PageUrl {
    pub(super) async fn run(self, caller: &Caller) -> anyhow::Result<Exit> {
        let action = ServiceGetInsurancePageURL {
            customer: self.customer.as_str(),
            item: self.item,
            version: self.item_version,
        };
        caller.call(&action).await
    }
}
