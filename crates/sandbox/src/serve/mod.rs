//! HTTP: the two paths that take calls, the admin pages, the console's, and connections
//! that can be cut on purpose.

mod admin;
mod calls;
mod connection;
mod cut_body;

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::console;
use crate::service::Service;
use connection::{CuttableListener, Cutter};

/// Serves until `stopping` becomes true; then no connection is taken any more and those
/// open are ended after the call that they are in.
pub(crate) async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    mut stopping: watch::Receiver<bool>,
) -> io::Result<()> {
    let router = Router::new()
        .route("/", post(calls::call))
        .route("/api/exploreropen/serviceapi", post(calls::call))
        .nest("/admin", admin::routes(Arc::clone(&service)))
        .with_state(Arc::clone(&service))
        .merge(console::routes(service));
    let make_service = router.into_make_service_with_connect_info::<Cutter>();
    axum::serve(CuttableListener(listener), make_service)
        .with_graceful_shutdown(async move {
            // An error means that the sandbox itself is gone.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        })
        .await
}
