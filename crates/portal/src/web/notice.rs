//! A page that says what happened and what to do next: instead of one that can't be shown.

use std::time::Duration;

use askama::Template;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use super::page::{self, Page, Place};
use super::visitor::Visitor;
use crate::RefusedOrder;
use crate::texts::{Notice, Notices};
use crate::trouble::Trouble;

/// What can be done about it, as a button.
#[derive(Debug, Clone)]
pub(super) enum Action {
    /// Nothing, here.
    None,
    /// Look at a page again.
    Look { path: String },
    /// Send the same form again.
    Send { path: &'static str, fields: Vec<(&'static str, String)> },
}

impl Action {
    /// Look at the same page again.
    pub(super) fn look_again(visitor: &Visitor) -> Self {
        visitor.path.clone().map_or(Self::None, |path| Self::Look { path })
    }
}

/// What is said.
pub(super) struct Say {
    status: StatusCode,
    notice: &'static Notice,
    wait: Option<Duration>,
    order_no: Option<String>,
    action: Action,
}

impl Say {
    pub(super) const fn new(status: StatusCode, notice: &'static Notice) -> Self {
        Self { status, notice, wait: None, order_no: None, action: Action::None }
    }

    /// Says how long to wait, and tells browsers and proxies too.
    pub(super) fn with_wait(self, wait: Duration) -> Self {
        Self { wait: Some(wait), ..self }
    }

    /// The same, where it is known.
    pub(super) fn with_known_wait(self, wait: Option<Duration>) -> Self {
        Self { wait, ..self }
    }

    pub(super) fn with_action(self, action: Action) -> Self {
        Self { action, ..self }
    }

    pub(super) fn about_order(self, order_no: &str) -> Self {
        Self { order_no: Some(order_no.to_owned()), ..self }
    }
}

#[derive(Template)]
#[template(path = "notice.html")]
struct View<'a> {
    page: Page<'a>,
    notice: &'static Notice,
    wait: Option<String>,
    order_no: Option<&'a str>,
    action: &'a Action,
}

impl Visitor {
    pub(super) fn say(&self, say: &Say) -> Response {
        let texts = self.language.texts();
        // A second that has begun is waited for.
        let seconds = say.wait.map(|wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0));
        let view = View {
            page: Page::new(self, Place::Elsewhere, say.notice.title),
            notice: say.notice,
            wait: seconds.map(texts.notices.wait),
            order_no: say.order_no.as_deref(),
            action: &say.action,
        };
        let mut response = page::answer(say.status, &view);
        if let Some(seconds) = seconds {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// What is said of a form that lacks a field, or has another one twice.
    pub(super) fn say_broken_form(&self) -> Response {
        self.say(&Say::new(StatusCode::BAD_REQUEST, &self.language.texts().notices.old_form))
    }

    /// What the service's trouble means for a customer.
    pub(super) fn say_trouble(&self, trouble: Trouble, retry: Action) -> Response {
        let say = Say::new(trouble.status(), of_trouble(&self.language.texts().notices, trouble));
        let say = say.with_action(retry);
        self.say(&say.with_known_wait(trouble.retry_after()))
    }
}

const fn of_trouble(notices: &'static Notices, trouble: Trouble) -> &'static Notice {
    match trouble {
        Trouble::Down => &notices.down,
        Trouble::Slow => &notices.slow,
        Trouble::Throttled(_) => &notices.throttled,
        Trouble::UnknownCustomer => &notices.unknown_customer,
        Trouble::Refused => &notices.refused,
        Trouble::Ours => &notices.ours,
    }
}

pub(super) const fn of_refusal(notices: &'static Notices, why: RefusedOrder) -> &'static Notice {
    match why {
        RefusedOrder::NotOnSale => &notices.not_on_sale,
        RefusedOrder::SoldOut => &notices.sold_out,
        RefusedOrder::Contact => &notices.contact_refused,
        RefusedOrder::Order => &notices.order_refused,
    }
}

pub(super) async fn not_found(mut visitor: Visitor) -> Response {
    visitor.path = None;
    let notice = &visitor.language.texts().notices.not_found;
    visitor.say(&Say::new(StatusCode::NOT_FOUND, notice))
}
