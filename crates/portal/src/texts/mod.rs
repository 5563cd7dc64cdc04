//! Every text of the pages, in both languages: fields of one type, so that one that is missing
//! does not compile.
//!
//! Texts of the vendor's own (plans, names) come from the settings.

mod chinese;
mod english;

use emberline_model::ItemFamily;

use crate::Language;

/// The texts of one language.
pub(crate) struct Texts {
    pub(crate) common: Common,
    pub(crate) introduction: Introduction,
    pub(crate) claims: Claims,
    pub(crate) order: OrderTexts,
    pub(crate) claim_page: ClaimPage,
    pub(crate) notices: Notices,
}

impl Language {
    pub(crate) const fn texts(self) -> &'static Texts {
        match self {
            Self::Chinese => &chinese::TEXTS,
            Self::English => &english::TEXTS,
        }
    }

    /// What it calls itself.
    pub(crate) const fn own_name(self) -> &'static str {
        match self {
            Self::Chinese => "中文",
            Self::English => "English",
        }
    }
}

/// At the edges of each page.
pub(crate) struct Common {
    pub(crate) skip_to_content: &'static str,
    pub(crate) navigation: &'static str,
    pub(crate) language: &'static str,
    pub(crate) to_introduction: &'static str,
    pub(crate) to_claims: &'static str,
    pub(crate) imprint: &'static str,
    pub(crate) privacy: &'static str,
    pub(crate) test: &'static str,
    pub(crate) test_note: &'static str,
    pub(crate) order_no: &'static str,
}

/// The product introduction.
pub(crate) struct Introduction {
    pub(crate) title: &'static str,
    pub(crate) headline: &'static str,
    pub(crate) lead: &'static str,
    pub(crate) what_is_covered: &'static str,
    pub(crate) fire: Cover,
    pub(crate) two_wheeler: Cover,
    pub(crate) how_it_works: &'static str,
    pub(crate) steps: [Notice; 3],
    pub(crate) plans: &'static str,
    pub(crate) no_plans: &'static str,
    pub(crate) price: &'static str,
    pub(crate) buy: &'static str,
    pub(crate) activate: &'static str,
    pub(crate) ordered: &'static str,
    pub(crate) to_order: &'static str,
    pub(crate) buy_another: &'static str,
}

/// What a family of plans covers.
pub(crate) struct Cover {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    pub(crate) points: [&'static str; 3],
}

impl Introduction {
    pub(crate) const fn cover(&self, family: ItemFamily) -> &Cover {
        match family {
            ItemFamily::Fire => &self.fire,
            ItemFamily::TwoWheeler => &self.two_wheeler,
        }
    }
}

/// The customer's orders.
pub(crate) struct Claims {
    pub(crate) title: &'static str,
    pub(crate) lead: &'static str,
    pub(crate) ready: &'static str,
    pub(crate) coming: &'static str,
    pub(crate) count: fn(u64) -> String,
    pub(crate) claim: &'static str,
    pub(crate) progress: &'static str,
    pub(crate) none: Notice,
    pub(crate) to_plans: &'static str,
}

/// One order, from the press of the button until the service has it.
pub(crate) struct OrderTexts {
    pub(crate) coming: Notice,
    pub(crate) coming_for_a_while: Notice,
    pub(crate) coming_for_long: Notice,
    pub(crate) there: Notice,
    pub(crate) reloads: &'static str,
    pub(crate) look_now: &'static str,
    pub(crate) steps: [&'static str; 3],
    pub(crate) claim: &'static str,
}

/// Where the claim goes on.
pub(crate) struct ClaimPage {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
    pub(crate) open_page: &'static str,
    pub(crate) open_mini_program: &'static str,
    pub(crate) mini_program_note: &'static str,
}

/// A heading and what follows from it.
pub(crate) struct Notice {
    pub(crate) title: &'static str,
    pub(crate) text: &'static str,
}

/// What is said instead of a page.
pub(crate) struct Notices {
    pub(crate) retry: &'static str,
    pub(crate) back_to_claims: &'static str,
    pub(crate) wait: fn(u64) -> String,
    pub(crate) no_session: Notice,
    pub(crate) token_refused: Notice,
    pub(crate) token_used: Notice,
    pub(crate) cannot_enter_now: Notice,
    pub(crate) too_often: Notice,
    pub(crate) old_form: Notice,
    pub(crate) not_found: Notice,
    pub(crate) no_such_order: Notice,
    pub(crate) down: Notice,
    pub(crate) slow: Notice,
    pub(crate) throttled: Notice,
    pub(crate) unknown_customer: Notice,
    pub(crate) refused: Notice,
    pub(crate) ours: Notice,
    pub(crate) no_page: Notice,
    pub(crate) order_later: Notice,
    pub(crate) not_on_sale: Notice,
    pub(crate) sold_out: Notice,
    pub(crate) contact_refused: Notice,
    pub(crate) order_refused: Notice,
}
