//! Whom and what a check is made with: a test customer, a test device, a test order.

use std::fmt;

use clap::Args;
use emberline_model::{CustomerId, DeviceId, EventTime, Item, ItemVersion, OrderEvent};
use emberline_service_api::{Order, ServiceCreateOrder};
use emberline_service_client::fresh_stamp;

use crate::app::UsageError;

/// The item of a test order. There is no way to make one of a formal item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TestItem(Item);

impl TestItem {
    fn parse(text: &str) -> Result<Self, String> {
        let item = Item::parse(text).map_err(|error| error.to_string())?;
        if !item.test {
            return Err(format!(
                "a formal order uses up a purchased authorisation, and a check never sends one: \
                 write D-{item}"
            ));
        }
        Ok(Self(item))
    }
}

/// An order that costs nothing: its item is a test one.
#[derive(Debug)]
pub(super) struct TestOrder(OrderEvent);

impl TestOrder {
    /// # Errors
    /// A version of another family than the item.
    fn new(
        customer: &CustomerId,
        item: TestItem,
        version: ItemVersion,
        order_no: &str,
    ) -> Result<Self, UsageError> {
        let names = (item.0.id(), version.as_str());
        // The time of an order is not sent.
        let time = EventTime::from_millis(0);
        OrderEvent::new(customer.clone(), order_no, names, 1, time)
            .map(Self)
            .map_err(|error| UsageError(format!("--item-version: {error}")))
    }

    pub(super) fn order_no(&self) -> &str {
        &self.0.order_no
    }

    pub(super) const fn item(&self) -> Item {
        self.0.item
    }

    pub(super) const fn version(&self) -> ItemVersion {
        self.0.version
    }

    /// The only place of a check where an order is written.
    pub(super) fn create(&self) -> ServiceCreateOrder<'_> {
        let OrderEvent { customer, order_no, item, version, count, .. } = &self.0;
        let customer = customer.as_str();
        ServiceCreateOrder { customer, order_no, item: *item, version: *version, count: *count }
    }

    /// Whether a listed order is this one.
    pub(super) fn is(&self, listed: &Order) -> bool {
        let OrderEvent { customer, order_no, item, version, count, .. } = &self.0;
        listed.customer_id == customer.as_str()
            && listed.order_no == *order_no
            && listed.item_id == item.id()
            && listed.item_vno == version.as_str()
            && listed.item_num == u64::from(*count)
    }
}

/// The flags that name it.
#[derive(Args)]
pub(super) struct SubjectArgs {
    /// The test customer; it is created, and stays.
    #[arg(long, value_name = "ID", default_value = "emberline_check", value_parser = CustomerId::parse)]
    customer: CustomerId,
    /// The country of its telephone number.
    #[arg(long, value_name = "CODE", default_value = "86")]
    country_code: String,
    /// Its telephone number; the default is the documentation's example. `-` reads it from
    /// stdin, where no list of processes shows it.
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "13900000000",
        allow_hyphen_values = true,
        hide_default_value = true
    )]
    phone_number: String,
    /// The test device; it needs not exist. It is bound to the test customer, and stays so.
    #[arg(long, value_name = "PRODUCT/NAME", default_value = "EMBERLINE/check", value_parser = DeviceId::parse)]
    device: DeviceId,
    /// What is ordered; only a test order's item is taken.
    #[arg(long, value_name = "ITEM", default_value = "D-FireInsurance2020", value_parser = TestItem::parse)]
    item: TestItem,
    /// Which version of it, of the item's family.
    #[arg(long, value_name = "VERSION", default_value = "FireBusiness", value_parser = ItemVersion::parse)]
    item_version: ItemVersion,
}

impl fmt::Debug for SubjectArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { customer, device, item, .. } = self;
        f.debug_struct("SubjectArgs")
            .field("customer", customer)
            .field("device", device)
            .field("item", item)
            .finish_non_exhaustive()
    }
}

/// Whom and what a check is made with. It has no `Debug`: it holds a telephone number.
pub(super) struct Subject {
    pub(super) customer: CustomerId,
    pub(super) country_code: String,
    pub(super) phone_number: String,
    pub(super) device: DeviceId,
    pub(super) order: TestOrder,
}

impl Subject {
    /// With an order number of its own.
    ///
    /// # Errors
    /// An item and a version that don't go together, or no number on stdin.
    pub(super) fn new(args: &SubjectArgs) -> anyhow::Result<Self> {
        let number = fresh_stamp().request_id.to_string().replace('-', "");
        let order_no = format!("check-{}", &number[..20]);
        let order = TestOrder::new(&args.customer, args.item, args.item_version, &order_no)?;
        let mut phone_number = args.phone_number.clone();
        if phone_number == "-" {
            phone_number.clear();
            std::io::stdin().read_line(&mut phone_number)?;
        }
        Ok(Self {
            customer: args.customer.clone(),
            country_code: args.country_code.clone(),
            phone_number: phone_number.trim().to_owned(),
            device: args.device.clone(),
            order,
        })
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::{CustomerId, Item, ItemVersion};

    use super::{TestItem, TestOrder};

    /// Money: whatever item there is, an order of a check is a test order.
    #[test]
    fn no_formal_item_makes_an_order() {
        let customer = CustomerId::parse("c").unwrap();
        for item in Item::ALL {
            let parsed = TestItem::parse(item.id());
            assert_eq!(parsed.is_ok(), item.test, "{item}");
            let Ok(parsed) = parsed else { continue };
            for version in ItemVersion::of(item.family) {
                let order = TestOrder::new(&customer, parsed, version, "o").unwrap();
                assert!(order.create().item.id().starts_with("D-"));
            }
        }
        for bad in ["", "D-", "d-FireInsurance2020", "FireInsurance2020 "] {
            assert!(TestItem::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_version_of_another_family_is_wrong_usage() {
        let customer = CustomerId::parse("c").unwrap();
        let item = TestItem::parse("D-CarInsurance2021").unwrap();
        let version = ItemVersion::parse("FireBusiness").unwrap();
        assert!(TestOrder::new(&customer, item, version, "o").is_err());
    }
}
