//! Calls: from an HTTP request to the service and back.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;

use super::connection::Cutter;
use super::cut_body::CutBody;
use crate::service::{Reply, Service};

/// Takes a call.
pub(super) async fn call(
    State(service): State<Arc<Service>>,
    ConnectInfo(cutter): ConnectInfo<Cutter>,
    request: Request,
) -> Response {
    let reply = if is_json(request.headers().get(CONTENT_TYPE)) {
        match axum::body::to_bytes(request.into_body(), service.max_body).await {
            Ok(body) => service.handle(&body).await,
            Err(_) => service.refuse_unread("the body is too long or was cut off"),
        }
    } else {
        service.refuse_unread("content-type must be application/json")
    };
    match reply {
        Reply::Whole { status, retry_after, body } => whole(status, retry_after, body),
        Reply::Cut { body } => cut(body),
        Reply::Reset => reset(&cutter),
    }
}

fn is_json(content_type: Option<&HeaderValue>) -> bool {
    let text = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = text.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

fn whole(status: u16, retry_after: Option<String>, body: Vec<u8>) -> Response {
    let mut response = json(body);
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(value) = retry_after.and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

fn json(body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn cut(whole: Vec<u8>) -> Response {
    let announced = whole.len();
    let part = Bytes::from(whole).slice(..announced / 2);
    let mut response = json(Body::new(CutBody::new(part)));
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(announced));
    response
}

/// The server writes this answer into a connection that takes no write any more.
fn reset(cutter: &Cutter) -> Response {
    cutter.cut();
    Response::new(Body::empty())
}
