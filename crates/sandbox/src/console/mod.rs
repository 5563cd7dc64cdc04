//! The console: what the vendor sees of the service, and the switches of the stand-in, as
//! pages for people.
//!
//! Pages are made on the server and need no script. What is shown is copied first, a bounded
//! part of it, and drawn when no lock is held, on a thread that serves no calls. All text from
//! outside goes through the templates' escaping; nothing is marked as safe.
//!
//! Absent on purpose: any knowledge that a call doesn't leave behind, access control (as with
//! the admin pages), and the telephone numbers.
//!
//! Start at [`routes`]; a page is drawn by [`Console::show`], and one module of `pages` has
//! each; what may be changed by whom is in [`guard`].

mod fault_form;
mod figure;
pub(crate) mod guard;
mod headers;
mod lang;
mod pager;
mod pages;
mod plot;
mod posted;
mod texts;
mod times;
mod view;
mod visit;
mod words;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use jiff::tz::TimeZone;
use tokio::sync::Semaphore;
use tracing::error;

use crate::service::Service;
use guard::FormToken;
use times::Times;
use view::{Section, View};
use visit::Visit;

/// Pages that are made at once; others wait.
const PAGES_AT_ONCE: usize = 2;

/// What the pages are made of.
pub(crate) struct Console {
    service: Arc<Service>,
    token: FormToken,
    times: Times,
    making: Semaphore,
}

/// The pages, `/` among them.
pub(crate) fn routes(service: Arc<Service>) -> Router {
    let console = Arc::new(Console {
        service,
        token: FormToken::random(),
        times: Times::new(TimeZone::system()),
        making: Semaphore::new(PAGES_AT_ONCE),
    });
    Router::new()
        .route("/", get(pages::service::show))
        .route("/console/publish", get(pages::publish::ask).post(pages::publish::publish))
        .route("/console/customers", get(pages::customers::list))
        .route("/console/customer", get(pages::customers::one))
        .route("/console/orders", get(pages::orders::list))
        .route("/console/bindings", get(pages::bindings::list))
        .route("/console/devices", get(pages::devices::list))
        .route("/console/device", get(pages::device::show))
        .route("/console/calls", get(pages::calls::show))
        .route("/console/faults", get(pages::faults::show).post(pages::faults::add))
        .route("/console/faults/remove", post(pages::faults::remove))
        .route("/console/faults/clear", post(pages::faults::clear))
        .route("/console/faults/delays", post(pages::faults::delay))
        .route("/console/style.css", get(pages::assets::style))
        .route("/console/icon.svg", get(pages::assets::icon))
        .route("/console", get(pages::missing))
        .route("/console/{*path}", get(pages::missing))
        .route_layer(middleware::from_fn_with_state(Arc::clone(&console), protect))
        .route("/h5/insurance", get(pages::insurance::show))
        .layer(middleware::map_response(harden))
        .with_state(console)
}

async fn harden(mut response: Response) -> Response {
    headers::set(response.headers_mut());
    response
}

/// Lets through what may have an answer. The page that a policy is claimed on anyone may have:
/// it shows nothing but its own address.
async fn protect(State(console): State<Arc<Console>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    if !console.service.own_name.is_asked_for(headers) {
        let text = "Open this page by the address 127.0.0.1 or the name localhost.";
        (StatusCode::MISDIRECTED_REQUEST, text).into_response()
    } else if guard::changes(request.method()) && !guard::is_of_our_site(headers) {
        let text = "Refused: sent by a page of another site. Nothing was changed.";
        (StatusCode::FORBIDDEN, text).into_response()
    } else {
        next.run(request).await
    }
}

/// A page that is drawn.
struct Page {
    status: StatusCode,
    html: askama::Result<String>,
}

impl Page {
    fn of(template: &impl Template) -> Self {
        Self::with(StatusCode::OK, template)
    }

    fn with(status: StatusCode, template: &impl Template) -> Self {
        Self { status, html: template.render() }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        match self.html {
            Ok(html) => (self.status, Html(html)).into_response(),
            Err(problem) => {
                error!(error = %problem, "a page could not be drawn");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }
}

impl Console {
    /// Draws a page where it keeps no call waiting.
    async fn show(
        self: &Arc<Self>,
        visit: Visit,
        section: Section,
        draw: impl FnOnce(View, &Self) -> Page + Send + 'static,
    ) -> Response {
        // It is never closed.
        let Ok(_turn) = self.making.acquire().await else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let refresh = visit.refresh().filter(|_| section.is_lively());
        let console = Arc::clone(self);
        let drawn = tokio::task::spawn_blocking(move || {
            let Self { service, times, token, .. } = &*console;
            draw(View::new(visit, section, service, times, token), &console)
        });
        let Ok(page) = drawn.await else {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        };
        let mut response = page.into_response();
        if let Some(seconds) = refresh.filter(|_| response.status().is_success()) {
            response.headers_mut().insert("refresh", HeaderValue::from(seconds));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    #[test]
    fn no_template_lets_text_through_unescaped() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let mut looked_at = 0;
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap().replace(' ', "");
            for forbidden in ["|safe", "|escape", "|e(", "{%autoescape", "escape=\"none\""] {
                assert!(!text.contains(forbidden), "{} has {forbidden}", path.display());
            }
            looked_at += 1;
        }
        assert!(looked_at > 10, "the templates are there");
    }
}
