//! The claim page: a customer's orders, and from each the way to where it is claimed.

use askama::Template;
use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use emberline_model::{Item, ItemVersion};
use emberline_service_api::{InsurancePage, Order};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::notice::{Action, Say};
use super::page::{self, Page, Place};
use super::visitor::{Member, Visitor};
use crate::texts::{ClaimPage, Claims};
use crate::trouble::Trouble;

#[derive(Template)]
#[template(path = "claims.html")]
struct View<'a> {
    page: Page<'a>,
    t: &'static Claims,
    orders: Vec<OrderCard>,
    form_token: String,
}

/// An order as it is shown.
pub(super) struct OrderCard {
    pub(super) order_no: String,
    pub(super) name: String,
    pub(super) is_test: bool,
    /// How many, if more than one.
    pub(super) count: Option<String>,
    /// Whether the service has it.
    pub(super) is_there: bool,
}

pub(super) async fn show(member: Member) -> Response {
    if let Err(response) = member.look() {
        return *response;
    }
    let Member { visitor, session } = &member;
    let found = match visitor.portal.service.orders_of(&session.customer).await {
        Ok(found) => found,
        Err(trouble) => return visitor.say_trouble(trouble, Action::look_again(visitor)),
    };
    let is_known = |order_no: &str| found.iter().any(|order| order.order_no == order_no);
    let coming = session.placed.iter().rev().filter(|placed| !is_known(&placed.order_no));
    let coming = coming.filter_map(|placed| coming_card(&member, &placed.order_no));
    // The service lists the oldest first.
    let orders = coming.chain(found.iter().rev().map(|order| order_card(visitor, order))).collect();
    let t = &visitor.language.texts().claims;
    let view = View {
        page: Page::new(visitor, Place::Claims, t.title),
        t,
        orders,
        form_token: page::form_token(visitor, session),
    };
    page::answer(StatusCode::OK, &view)
}

/// An order that the service has.
pub(super) fn order_card(visitor: &Visitor, order: &Order) -> OrderCard {
    let item = Item::parse(&order.item_id).ok();
    let plan = visitor.portal.plans().iter().find(|it| it.is(&order.item_id, &order.item_vno));
    let own = plan.map(|plan| plan.name.get(visitor.language).to_owned());
    // One that is not on offer any more has the name of what it covers.
    let other = || {
        let family = item.map(|item| visitor.language.texts().introduction.cover(item.family).name);
        format!("{} {}", family.unwrap_or(&order.item_id), order.item_vno)
    };
    let count = visitor.language.texts().claims.count;
    OrderCard {
        order_no: order.order_no.clone(),
        name: own.unwrap_or_else(other),
        is_test: item.map_or(order.item_id.starts_with("D-"), |item| item.test),
        count: (order.item_num > 1).then(|| count(order.item_num)),
        is_there: true,
    }
}

/// An order of this session that is under way; `None` if its number is none of the session's.
pub(super) fn coming_card(member: &Member, order_no: &str) -> Option<OrderCard> {
    let Member { visitor, session } = member;
    let portal = &visitor.portal;
    let (plan, _) = portal.numbering().plan_of(session, portal.plans(), order_no)?;
    Some(OrderCard {
        order_no: order_no.to_owned(),
        name: plan.name.get(visitor.language).to_owned(),
        is_test: plan.item.test,
        count: None,
        is_there: false,
    })
}

#[derive(Deserialize)]
pub(super) struct Claim {
    order_no: String,
    form_token: String,
}

#[derive(Template)]
#[template(path = "claim_page.html")]
struct Choice<'a> {
    page: Page<'a>,
    t: &'static ClaimPage,
    order: OrderCard,
    url: Option<&'a str>,
    mini_program: &'a str,
}

/// Asks for the page of an order's claim and leads there.
pub(super) async fn claim(member: Member, form: Result<Form<Claim>, FormRejection>) -> Response {
    let Ok(Form(claim)) = form else { return member.visitor.say_broken_form() };
    let fields =
        vec![("order_no", claim.order_no.clone()), ("form_token", claim.form_token.clone())];
    let again = Action::Send { path: "/claims", fields };
    if let Err(response) = member.attempt(&claim.form_token, again.clone()) {
        return *response;
    }
    let visitor = &member.visitor;
    match ask(&member, &claim.order_no).await {
        Ok(Some((order, target))) => lead(visitor, &order, &target, again),
        Ok(None) => no_such_order(visitor),
        Err(trouble) => visitor.say_trouble(trouble, again),
    }
}

pub(super) fn no_such_order(visitor: &Visitor) -> Response {
    let notice = &visitor.language.texts().notices.no_such_order;
    visitor.say(&Say::new(StatusCode::NOT_FOUND, notice))
}

/// The customer's own order of this number, and where it is claimed.
async fn ask(member: &Member, order_no: &str) -> Result<Option<(Order, InsurancePage)>, Trouble> {
    let service = &member.visitor.portal.service;
    let customer = &member.session.customer;
    let Some(order) = service.order(customer, order_no).await? else { return Ok(None) };
    let item = Item::parse(&order.item_id).map_err(|problem| {
        tracing::warn!(%problem, "an order of the service has an item that is not in the contract");
        Trouble::Refused
    })?;
    let version = ItemVersion::parse(&order.item_vno).ok();
    let target = service.page_of(customer, item, version).await?;
    Ok(Some((order, target)))
}

fn lead(visitor: &Visitor, order: &Order, target: &InsurancePage, again: Action) -> Response {
    let url = Some(target.url.as_str());
    let url = url.filter(|url| visitor.portal.settings.public_url.may_lead_to(url));
    if url.is_none() {
        tracing::error!("the service names an address of the claim page that is not safe to open");
    }
    let texts = visitor.language.texts();
    match (mini_program(target), url) {
        (None, Some(url)) => Redirect::to(url).into_response(),
        (None, None) => {
            let say = Say::new(StatusCode::BAD_GATEWAY, &texts.notices.no_page);
            visitor.say(&say.about_order(&order.order_no).with_action(again))
        }
        (Some(mini_program), url) => {
            let view = Choice {
                page: Page::new(visitor, Place::Claims, texts.claim_page.title),
                t: &texts.claim_page,
                order: order_card(visitor, order),
                url,
                mini_program: &mini_program,
            };
            page::answer(StatusCode::OK, &view)
        }
    }
}

/// The link that opens the mini program in `WeChat`, as its documentation of plaintext URL
/// schemes has it; `None` without one, or for an id that is none.
fn mini_program(target: &InsurancePage) -> Option<String> {
    let id = target.mp_app_id.as_deref().filter(|id| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !id.is_empty() && id.bytes().all(is_part)
    })?;
    let path = target.mp_app_path.as_deref().unwrap_or_default();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    Some(format!(
        "weixin://dl/business/?appid={id}&path={}&query={}",
        encoded(path),
        encoded(query)
    ))
}

#[cfg(test)]
mod tests {
    use emberline_service_api::InsurancePage;

    use super::mini_program;

    #[test]
    fn a_mini_programs_link_holds_nothing_but_its_parts() {
        let link = |id: &str, path: &str| {
            mini_program(&InsurancePage {
                url: String::new(),
                mp_app_id: Some(id.to_owned()),
                mp_app_path: Some(path.to_owned()),
            })
        };
        assert_eq!(
            link("wx-1", "pages/a?b=c&d=\"><script>").unwrap(),
            "weixin://dl/business/?appid=wx-1&path=pages%2Fa&query=b%3Dc%26d%3D%22%3E%3Cscript%3E"
        );
        for bad in ["", "wx 1", "wx\"", "wx&path=x"] {
            assert_eq!(link(bad, "p"), None, "{bad}");
        }
    }
}
