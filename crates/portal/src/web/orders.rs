//! Ordering: a press of a button becomes one order, and a page shows how far it has come.

use askama::Template;
use axum::Form;
use axum::extract::Path;
use axum::extract::rejection::FormRejection;
use axum::http::header::{HeaderName, SET_COOKIE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use emberline_model::{EventTime, OrderEvent};
use serde::Deserialize;

use super::claims::{OrderCard, coming_card, no_such_order, order_card};
use super::cookies;
use super::notice::{Action, Say, of_refusal};
use super::page::{self, Page, Place};
use super::visitor::Member;
use crate::order_no::MOST_ALIKE;
use crate::portal::now;
use crate::texts::{Notice, OrderTexts};
use crate::{Placed, Plan, Purchase};

/// What the button of a plan sends.
#[derive(Deserialize)]
pub(super) struct OrderForm {
    item: String,
    version: String,
    /// The how manyeth order of this plan it is.
    count: u32,
    form_token: String,
}

impl OrderForm {
    fn again(&self) -> Action {
        let fields = vec![
            ("item", self.item.clone()),
            ("version", self.version.clone()),
            ("count", self.count.to_string()),
            ("form_token", self.form_token.clone()),
        ];
        Action::Send { path: "/orders", fields }
    }
}

pub(super) async fn place(
    member: Member,
    form: Result<Form<OrderForm>, FormRejection>,
) -> Response {
    let Ok(Form(form)) = form else { return member.visitor.say_broken_form() };
    if let Err(response) = member.attempt(&form.form_token, form.again()) {
        return *response;
    }
    let visitor = &member.visitor;
    let notices = &visitor.language.texts().notices;
    let Some((order_no, purchase)) = purchase(&member, &form) else {
        let say = Say::new(StatusCode::UNPROCESSABLE_ENTITY, &notices.not_on_sale);
        return visitor.say(&say);
    };
    match visitor.portal.desk.place(&purchase).await {
        Placed::OnItsWay | Placed::There => taken(member, &order_no),
        Placed::Refused(why) => {
            tracing::warn!(order = order_no, ?why, "an order is refused");
            let say = Say::new(StatusCode::CONFLICT, of_refusal(notices, why));
            visitor.say(&say.about_order(&order_no))
        }
        Placed::TryLater { after } => {
            let say = Say::new(StatusCode::SERVICE_UNAVAILABLE, &notices.order_later);
            let say = say.about_order(&order_no).with_action(form.again());
            visitor.say(&say.with_known_wait(after))
        }
    }
}

/// What the form orders; `None` if that is not on offer.
fn purchase(member: &Member, form: &OrderForm) -> Option<(String, Purchase)> {
    let Member { visitor, session } = member;
    let portal = &visitor.portal;
    let plan = portal.plans().iter().find(|plan| plan.is(&form.item, &form.version))?;
    if !(1..=MOST_ALIKE).contains(&form.count) {
        return None;
    }
    let order_no = portal.numbering().order_no(session, plan, form.count);
    let order = order_event(member, plan, &order_no)?;
    let contact = session.contact.clone();
    Some((order_no, Purchase { customer: session.customer.clone(), contact, order }))
}

fn order_event(member: &Member, plan: &Plan, order_no: &str) -> Option<OrderEvent> {
    let session = &member.session;
    // The session's own time, so that the same press makes the same event whenever it is.
    let time = EventTime::from_millis(session.since.saturating_mul(1000));
    let item = (plan.item.id(), plan.version.as_str());
    OrderEvent::new(session.customer.clone(), order_no, item, 1, time).ok()
}

/// Remembers the order, and shows it at an address that can be loaded again.
fn taken(member: Member, order_no: &str) -> Response {
    let Member { visitor, mut session } = member;
    session.note_placed(order_no, now());
    let mut response = Redirect::to(&format!("/orders/{order_no}")).into_response();
    if let Some(cookie) = cookies::of_session(&session, &visitor.portal) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

#[derive(Template)]
#[template(path = "order.html")]
struct View<'a> {
    page: Page<'a>,
    t: &'static OrderTexts,
    notice: &'static Notice,
    order: OrderCard,
    /// Whether the page loads itself again.
    reloads: bool,
    form_token: String,
}

/// Until when, in seconds after it was placed, an order is shown in this way, and after how
/// many the page loads itself again.
const SOON: (i64, u32) = (20, 2);
const LATER: (i64, u32) = (300, 5);
const LATE: (i64, u32) = (3600, 30);

pub(super) async fn show(member: Member, Path(order_no): Path<String>) -> Response {
    if let Err(response) = member.look() {
        return *response;
    }
    let Member { visitor, session } = &member;
    let coming = coming_card(&member, &order_no);
    let found = match visitor.portal.service.order(&session.customer, &order_no).await {
        Ok(found) => found,
        Err(trouble) => return visitor.say_trouble(trouble, Action::look_again(visitor)),
    };
    let t = &visitor.language.texts().order;
    let (order, (notice, reload)) = match (found, coming) {
        (Some(order), _) => (order_card(visitor, &order), (&t.there, None)),
        (None, Some(coming)) => (coming, progress(t, since_placed(&member, &order_no))),
        (None, None) => return no_such_order(visitor),
    };
    let view = View {
        page: Page::new(visitor, Place::Elsewhere, notice.title),
        t,
        notice,
        order,
        reloads: reload.is_some(),
        form_token: page::form_token(visitor, session),
    };
    let mut response = page::answer(StatusCode::OK, &view);
    if let Some(seconds) = reload {
        // A header, not an element: the page is the same for whoever stops it.
        let refresh = HeaderName::from_static("refresh");
        response.headers_mut().insert(refresh, HeaderValue::from(seconds));
    }
    response
}

/// Seconds since the order was placed; of one that the session does not remember, a while.
fn since_placed(member: &Member, order_no: &str) -> i64 {
    let placed = member.session.placed.iter().find(|placed| placed.order_no == order_no);
    placed.map_or(SOON.0, |placed| now().saturating_sub(placed.at))
}

const fn progress(t: &'static OrderTexts, seconds: i64) -> (&'static Notice, Option<u32>) {
    if seconds < SOON.0 {
        (&t.coming, Some(SOON.1))
    } else if seconds < LATER.0 {
        (&t.coming_for_a_while, Some(LATER.1))
    } else if seconds < LATE.0 {
        (&t.coming_for_long, Some(LATE.1))
    } else {
        (&t.coming_for_long, None)
    }
}

#[cfg(test)]
mod tests {
    use super::progress;
    use crate::Language;

    #[test]
    fn what_is_said_of_an_order_under_way_changes_with_its_time() {
        let t = &Language::English.texts().order;
        let said = [0, 19, 20, 299, 300, 3599, 3600].map(|seconds| {
            let (notice, reload) = progress(t, seconds);
            (notice.title, reload)
        });
        assert_eq!(
            said,
            [
                ("Your order is being registered", Some(2)),
                ("Your order is being registered", Some(2)),
                ("Still being registered", Some(5)),
                ("Still being registered", Some(5)),
                ("Not registered yet", Some(30)),
                ("Not registered yet", Some(30)),
                ("Not registered yet", None),
            ]
        );
    }
}
