//! The product introduction: what the service is, what it covers, and what is on offer.

use std::time::Duration;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use emberline_model::ItemFamily;
use emberline_service_api::Order;
use tokio::time::timeout;

use super::page::{self, Page, Place};
use super::visitor::Member;
use crate::order_no::MOST_ALIKE;
use crate::texts::{Cover, Introduction};
use crate::{PictureSpot, Plan};

/// Longest that this page waits to learn what the customer has already: it is readable
/// without.
const GLANCE: Duration = Duration::from_millis(1500);

#[derive(Template)]
#[template(path = "introduction.html")]
struct View<'a> {
    page: Page<'a>,
    t: &'static Introduction,
    headline: &'a str,
    introduction: &'a str,
    hero: Option<&'a str>,
    covers: Vec<CoverCard<'a>>,
    plans: Vec<PlanCard<'a>>,
    form_token: String,
}

struct CoverCard<'a> {
    cover: &'static Cover,
    is_fire: bool,
    picture: Option<&'a str>,
}

struct PlanCard<'a> {
    plan: &'a Plan,
    family: &'static str,
    name: &'a str,
    text: &'a str,
    price: &'a str,
    standing: Standing,
    /// The how manyeth order of this plan its button places.
    count: u32,
}

/// What the customer has of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    None,
    /// An order of this number is under way.
    Coming(String),
    Ordered,
}

impl PlanCard<'_> {
    fn coming(&self) -> Option<&str> {
        match &self.standing {
            Standing::Coming(order_no) => Some(order_no),
            _ => None,
        }
    }

    fn is_ordered(&self) -> bool {
        self.standing == Standing::Ordered
    }

    fn may_be_ordered(&self) -> bool {
        self.count <= MOST_ALIKE
    }
}

pub(super) async fn show(member: Member) -> Response {
    let orders = known_orders(&member).await;
    let Member { visitor, session } = &member;
    let portal = &visitor.portal;
    let (branding, texts) = (&portal.settings.branding, visitor.language.texts());
    let t = &texts.introduction;
    let own = |text: &'_ Option<crate::Localised>, or: &'static str| {
        text.as_ref().map_or(or.to_owned(), |text| text.get(visitor.language).to_owned())
    };
    let headline = own(&branding.headline, t.headline);
    let introduction = own(&branding.introduction, t.lead);
    let view = View {
        page: Page::new(visitor, Place::Introduction, t.title),
        t,
        headline: &headline,
        introduction: &introduction,
        hero: portal.assets.picture(PictureSpot::Hero),
        covers: covers(&member),
        plans: portal.plans().iter().map(|plan| card(&member, plan, &orders)).collect(),
        form_token: page::form_token(visitor, session),
    };
    page::answer(StatusCode::OK, &view)
}

/// The customer's orders, as far as they can be had at once.
async fn known_orders(member: &Member) -> Vec<Order> {
    if member.look().is_err() {
        return Vec::new();
    }
    let asked = member.visitor.portal.service.orders_of(&member.session.customer);
    timeout(GLANCE, asked).await.ok().and_then(Result::ok).unwrap_or_default()
}

fn covers(member: &Member) -> Vec<CoverCard<'_>> {
    let portal = &member.visitor.portal;
    let t = &member.visitor.language.texts().introduction;
    let is_offered = |family| {
        portal.plans().is_empty() || portal.plans().iter().any(|plan| plan.item.family == family)
    };
    [(ItemFamily::Fire, PictureSpot::Fire), (ItemFamily::TwoWheeler, PictureSpot::TwoWheeler)]
        .into_iter()
        .filter(|(family, _)| is_offered(*family))
        .map(|(family, spot)| CoverCard {
            cover: t.cover(family),
            is_fire: family == ItemFamily::Fire,
            picture: portal.assets.picture(spot),
        })
        .collect()
}

fn card<'a>(member: &'a Member, plan: &'a Plan, orders: &[Order]) -> PlanCard<'a> {
    let Member { visitor, session } = member;
    let numbering = visitor.portal.numbering();
    let number = |count| numbering.order_no(session, plan, count);
    let is_there = |order_no: &str| orders.iter().any(|order| order.order_no == order_no);
    let count = (1..=MOST_ALIKE).find(|count| !is_there(&number(*count))).unwrap_or(MOST_ALIKE + 1);
    let next = number(count);
    let standing = if session.placed.iter().any(|placed| placed.order_no == next) {
        Standing::Coming(next)
    } else if orders.iter().any(|order| plan.is(&order.item_id, &order.item_vno)) {
        Standing::Ordered
    } else {
        Standing::None
    };
    PlanCard {
        plan,
        family: visitor.language.texts().introduction.cover(plan.item.family).name,
        name: plan.name.get(visitor.language),
        text: plan.text.get(visitor.language),
        price: plan.price.get(visitor.language),
        standing,
        count,
    }
}
