//! Prepared bodies posted by the HTTP client alone: the most that pushing can yield.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::{Context, ensure};
use bytes::Bytes;
use emberline_service_api::{Credentials, Dialect, Secret, ServiceReportDeviceData, Signer};
use emberline_service_client::{HttpClient, HttpSettings, Transport, fresh_stamp};
use emberline_wire::device::{DeviceDecoder, DeviceInput, DeviceRecord};

use super::{Did, ready};
use crate::load;

/// Different bodies.
const BODIES: usize = 1_000;

/// Posts so many bodies, so many at a time, on one thread.
pub(super) async fn post(url: &str, calls: u64, in_flight: usize) -> anyhow::Result<Did> {
    let bodies = Arc::new(bodies());
    let client = Arc::new(HttpClient::new(&HttpSettings::new(url))?);
    let next = Arc::new(AtomicU64::new(0));
    ready("")?;
    let began = Instant::now();
    let callers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (bodies, client, next) =
                (Arc::clone(&bodies), Arc::clone(&client), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let call = next.fetch_add(1, Ordering::Relaxed);
                    if call >= calls {
                        return anyhow::Ok(());
                    }
                    let place = usize::try_from(call)? % bodies.len();
                    let answer = client.post(bodies[place].clone()).await?;
                    ensure!(answer.status == 200, "the sink answered {}", answer.status);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.context("a caller ended")??;
    }
    Ok(Did { calls, seconds: began.elapsed().as_secs_f64(), ..Did::default() })
}

/// Signed calls with one report each, as the pipeline makes them.
fn bodies() -> Vec<Bytes> {
    let signer = Signer::new(&credentials(), Dialect::default());
    let mut decoder = DeviceDecoder::new();
    let mut bodies = Vec::with_capacity(BODIES);
    for record in load::records(BODIES) {
        let input = DeviceInput {
            value: Some(&record.value),
            type_name: None,
            timestamp: emberline_model::EventTime::from_millis(record.timestamp_ms),
        };
        let Ok(DeviceRecord::Telemetry(telemetry)) = decoder.decode(input) else { continue };
        for report in &telemetry.reports {
            let action = ServiceReportDeviceData {
                device: telemetry.device.as_str(),
                customer: "c_000001",
                category: report.category(),
                reports: std::slice::from_ref(report),
            };
            let mut body = Vec::new();
            signer.write(&action, &fresh_stamp(), &mut body);
            bodies.push(Bytes::from(body));
        }
    }
    bodies
}

fn credentials() -> Credentials {
    Credentials { app_key: "bench".to_owned(), app_secret: Secret::new("bench-secret") }
}
