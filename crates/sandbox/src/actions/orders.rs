//! `ServiceCreateOrder` and `ServiceGetOrderList`.

use std::borrow::Cow;

use super::items::Item;
use super::paging::Paging;
use crate::answer::Success;
use crate::read::ids::check_customer_id;
use crate::read::params::Params;
use crate::refusal::Refusal;
use crate::registry::{Order, Registry};

/// An order to be placed.
#[derive(Debug)]
pub(crate) struct CreateOrder<'a> {
    customer_id: Cow<'a, str>,
    order_no: Cow<'a, str>,
    item_id: Cow<'a, str>,
    item_vno: Cow<'a, str>,
    item_num: i64,
    test: bool,
}

impl<'a> CreateOrder<'a> {
    pub(super) fn read(params: &Params<'a>) -> Result<Self, Refusal> {
        params.no_others_than(&["CustomerId", "OrderNo", "ItemId", "ItemVNO", "ItemNum"])?;
        let customer_id = params.text("CustomerId")?;
        let order_no = params.text("OrderNo")?;
        let item_id = params.text("ItemId")?;
        let item_vno = params.text("ItemVNO")?;
        let item_num = params.integer("ItemNum")?;

        check_customer_id(&customer_id)?;
        if order_no.is_empty() {
            return Err(Refusal::invalid("OrderNo is empty"));
        }
        let item = Item::read(&item_id)?;
        item.check_version(&item_vno)?;
        if item_num < 1 {
            return Err(Refusal::invalid("ItemNum must be at least 1"));
        }
        Ok(Self { customer_id, order_no, item_id, item_vno, item_num, test: item.test })
    }

    pub(super) fn carry_out(self, registry: &Registry) -> Result<Success, Refusal> {
        registry.place_order(Order {
            customer_id: self.customer_id.into_owned(),
            order_no: self.order_no.into_owned(),
            item_id: self.item_id.into_owned(),
            item_vno: self.item_vno.into_owned(),
            item_num: self.item_num,
            test: self.test,
        })?;
        Ok(Success::Done)
    }
}

/// A question for orders.
#[derive(Debug)]
pub(crate) struct GetOrderList<'a> {
    customer_id: Option<Cow<'a, str>>,
    order_no: Option<Cow<'a, str>>,
    paging: Paging,
}

impl<'a> GetOrderList<'a> {
    pub(super) fn read(params: &Params<'a>) -> Result<Self, Refusal> {
        params.no_others_than(&["CustomerId", "OrderNo", "Offset", "Limit"])?;
        let request = Self {
            customer_id: params.optional_text("CustomerId")?,
            order_no: params.optional_text("OrderNo")?,
            paging: Paging::read(params)?,
        };
        if let Some(customer_id) = &request.customer_id {
            check_customer_id(customer_id)?;
        }
        Ok(request)
    }

    pub(super) fn carry_out(self, registry: &Registry) -> Success {
        let orders = registry.list_orders(|order| {
            self.customer_id.as_ref().is_none_or(|id| *id == order.customer_id)
                && self.order_no.as_ref().is_none_or(|number| *number == order.order_no)
        });
        let total = orders.len();
        Success::Orders { orders: self.paging.cut(orders), total }
    }
}
