//! `ServiceGetInsurancePageURL`.

use std::borrow::Cow;

use super::items::Item;
use crate::Edition;
use crate::answer::Success;
use crate::read::ids::check_customer_id;
use crate::read::params::Params;
use crate::refusal::Refusal;
use crate::registry::Registry;

/// A question for the page on which a customer claims its policy.
#[derive(Debug)]
pub(crate) struct GetInsurancePageUrl<'a> {
    customer_id: Cow<'a, str>,
    item_id: Cow<'a, str>,
    item_vno: Option<Cow<'a, str>>,
    edition: Edition,
}

impl<'a> GetInsurancePageUrl<'a> {
    pub(super) fn read(params: &Params<'a>, edition: Edition) -> Result<Self, Refusal> {
        params.no_others_than(&["CustomerId", "ItemId", "ItemVNO"])?;
        let customer_id = params.text("CustomerId")?;
        let item_id = params.text("ItemId")?;
        let item_vno = match edition {
            Edition::Newer => Some(params.text("ItemVNO")?),
            Edition::Older => params.optional_text("ItemVNO")?,
        };
        check_customer_id(&customer_id)?;
        let item = Item::read(&item_id)?;
        if let Some(item_vno) = &item_vno {
            item.check_version(item_vno)?;
        }
        Ok(Self { customer_id, item_id, item_vno, edition })
    }

    /// The query needs no escaping: what is in it was checked to be letters, digits,
    /// `_` and `-`.
    pub(super) fn carry_out(self, registry: &Registry, url: &str) -> Result<Success, Refusal> {
        registry.need_customer(&self.customer_id)?;
        let mut query = format!("CustomerId={}&ItemId={}", self.customer_id, self.item_id);
        if let Some(item_vno) = &self.item_vno {
            query.push_str("&ItemVNO=");
            query.push_str(item_vno);
        }
        let mini_program = match self.edition {
            Edition::Newer => {
                Some(("wx-sandbox".to_owned(), format!("pages/insurance/index?{query}")))
            }
            Edition::Older => None,
        };
        Ok(Success::Page { url: format!("{url}/h5/insurance?{query}"), mini_program })
    }
}
