//! The admin pages: JSON over HTTP, for tests in other processes and for people.
//!
//! There is no access control: the sandbox listens on loopback unless told otherwise. Only
//! what a browser sends for a page of another site is refused when it would change something.

use std::sync::Arc;

use axum::extract::{Query, Request, State};
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::console::guard;
use crate::service::Service;
use crate::{FaultPlan, Orders, Totals};

pub(super) fn routes(service: Arc<Service>) -> Router<Arc<Service>> {
    Router::new()
        .route("/ledger", get(ledger))
        .route("/ledger/reports", get(reports))
        .route("/state", get(states))
        .route("/customers", get(customers).post(create_customer))
        .route("/orders", get(orders))
        .route("/bindings", get(bindings))
        .route("/faults", get(faults).post(set_faults))
        .route("/publish", post(publish))
        .route_layer(middleware::from_fn_with_state(service, refuse_other_sites))
}

async fn refuse_other_sites(
    State(service): State<Arc<Service>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let is_foreign = !guard::is_of_our_site(headers)
        || (guard::is_of_a_browser(headers) && !service.own_name.is_asked_for(headers));
    if guard::changes(request.method()) && is_foreign {
        return (StatusCode::FORBIDDEN, "sent by a page of another site").into_response();
    }
    next.run(request).await
}

#[derive(Serialize)]
struct LedgerPage {
    #[serde(flatten)]
    totals: Totals,
    customers: u64,
    bound_devices: u64,
}

async fn ledger(State(service): State<Arc<Service>>) -> Json<LedgerPage> {
    let (customers, bound_devices) = service.registry.counts();
    Json(LedgerPage { totals: service.ledger.totals(), customers, bound_devices })
}

#[derive(Deserialize)]
struct OfDevice {
    device: String,
}

async fn reports(State(service): State<Arc<Service>>, Query(of): Query<OfDevice>) -> Json<Value> {
    let reports = service.ledger.reports_of(&of.device);
    let shown = reports.iter().map(|report| {
        json!({
            "category": report.category,
            "report_time": report.report_time,
            "values": report.values,
            "occurrence": report.occurrence,
        })
    });
    Json(shown.collect())
}

async fn states(State(service): State<Arc<Service>>, Query(of): Query<OfDevice>) -> Json<Vec<u8>> {
    Json(service.ledger.states_of(&of.device))
}

/// Telephone numbers are shown by their last four digits.
async fn customers(State(service): State<Arc<Service>>) -> Json<Value> {
    let customers = service.registry.customers();
    let shown = customers.iter().map(|customer| {
        json!({
            "customer_id": customer.customer_id,
            "country_code": customer.country_code,
            "phone_number": customer.masked_phone(),
        })
    });
    Json(shown.collect())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCustomer {
    customer_id: String,
    country_code: String,
    phone_number: String,
}

async fn create_customer(
    State(service): State<Arc<Service>>,
    Json(new): Json<NewCustomer>,
) -> Response {
    let registry = &service.registry;
    match registry.create_customer(&new.customer_id, &new.country_code, &new.phone_number) {
        Ok(()) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => (StatusCode::BAD_REQUEST, refusal.to_string()).into_response(),
    }
}

async fn orders(State(service): State<Arc<Service>>) -> Json<Orders> {
    Json(service.registry.orders())
}

#[derive(Deserialize)]
struct OfCustomer {
    customer: String,
}

async fn bindings(State(service): State<Arc<Service>>, Query(of): Query<OfCustomer>) -> Response {
    match service.registry.bindings(&of.customer) {
        Some(bindings) => Json(bindings).into_response(),
        None => (StatusCode::NOT_FOUND, "unknown customer").into_response(),
    }
}

async fn faults(State(service): State<Arc<Service>>) -> Json<FaultPlan> {
    Json(service.faults.plan())
}

/// Puts a whole plan in force; `{}` ends all misbehaviour.
async fn set_faults(
    State(service): State<Arc<Service>>,
    Json(plan): Json<FaultPlan>,
) -> Json<FaultPlan> {
    service.faults.set(plan);
    faults(State(service)).await
}

async fn publish(State(service): State<Arc<Service>>) -> StatusCode {
    service.registry.publish();
    StatusCode::NO_CONTENT
}
