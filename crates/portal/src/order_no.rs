//! The number of an order follows from who orders what, in which session and for the how
//! manyeth time. So a button that is pressed twice, a page that is loaded again and another
//! replica make no second order, and nothing has to be remembered for it.

use ring::hmac;

use crate::Plan;
use crate::keys::Keys;
use crate::session::Session;

/// Most orders of the same plan in one session.
pub(crate) const MOST_ALIKE: u32 = 20;

/// Hexadecimal digits of a number: 96 bits.
const DIGITS: usize = 24;

/// How orders are numbered.
pub(crate) struct Numbering<'a> {
    pub(crate) keys: &'a Keys,
    /// What the numbers begin with.
    pub(crate) prefix: &'a str,
}

impl Numbering<'_> {
    /// The number of the session's order of this plan, the first one being 1.
    pub(crate) fn order_no(&self, session: &Session, plan: &Plan, count: u32) -> String {
        let mut context = hmac::Context::with_key(&self.keys.order);
        let parts = [session.customer.as_str(), &session.id, plan.item.id(), plan.version.as_str()];
        for part in parts {
            // With its length, so that no two lists of parts are the same bytes.
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part.as_bytes());
        }
        context.update(&count.to_be_bytes());
        let tag = context.sign();
        let digits = base16(&tag.as_ref()[..DIGITS / 2]);
        format!("{}{digits}", self.prefix)
    }

    /// Which of these plans, and the how manyeth of it, has this number in the session.
    pub(crate) fn plan_of<'p>(
        &self,
        session: &Session,
        plans: &'p [Plan],
        order_no: &str,
    ) -> Option<(&'p Plan, u32)> {
        let all = plans.iter().flat_map(|plan| (1..=MOST_ALIKE).map(move |count| (plan, count)));
        all.into_iter().find(|(plan, count)| self.order_no(session, plan, *count) == order_no)
    }
}

fn base16(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| char::from(DIGITS[usize::from(value & 0xf)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Numbering;
    use crate::keys::{Keys, MasterKey};
    use crate::session::Session;
    use crate::{Plan, session};

    #[test]
    fn what_is_ordered_twice_by_the_same_press_has_one_number_on_every_replica() {
        let one = Keys::new(&MasterKey::new(b"secret"));
        let other = Keys::new(&MasterKey::new(b"secret"));
        let foreign = Keys::new(&MasterKey::new(b"another"));
        let plan = Plan::new("D-FireInsurance2020", "FireMER20W").unwrap();
        let session = session::tests::session("c_1", "token-1");
        let number = |keys: &Keys, session: &Session, count| {
            Numbering { keys, prefix: "EP-" }.order_no(session, &plan, count)
        };
        let first = number(&one, &session, 1);
        assert_eq!(first, number(&other, &session, 1));
        assert!(first.starts_with("EP-") && first.len() == 27, "{first}");
        let all = BTreeSet::from([
            first,
            number(&one, &session, 2),
            number(&foreign, &session, 1),
            number(&one, &session::tests::session("c_2", "token-1"), 1),
            number(&one, &session::tests::session("c_1", "token-2"), 1),
            // The same bytes, parted elsewhere.
            number(&one, &session::tests::session("c_1t", "oken-1"), 1),
        ]);
        assert_eq!(all.len(), 6);
    }

    #[test]
    fn a_number_leads_back_to_its_plan_in_its_session_only() {
        let keys = Keys::new(&MasterKey::new(b"secret"));
        let numbering = Numbering { keys: &keys, prefix: "" };
        let plans = ["FireMER20W", "FirePRO50W"]
            .map(|version| Plan::new("FireInsurance2020", version).unwrap());
        let session = session::tests::session("c_1", "token-1");
        let order_no = numbering.order_no(&session, &plans[1], 3);
        assert_eq!(numbering.plan_of(&session, &plans, &order_no), Some((&plans[1], 3)));
        let other = session::tests::session("c_1", "token-2");
        assert_eq!(numbering.plan_of(&other, &plans, &order_no), None);
    }
}
