//! What is shown of calls to who asks.

use emberline_model::Category::Power;

use super::rig::{Rig, SECOND, Says, data};
use crate::settings::WorkerKind::Devices;
use crate::tap::Wanted;

#[tokio::test]
async fn who_listens_is_shown_what_was_sent_of_a_device_and_how_it_ended() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.bind("b");
    rig.assign(0, None, "");
    rig.service.answers(|call| match call.device.as_str() {
        "P/a" => Says::Status(503),
        _ => Says::Accepted,
    });
    let wanted = Wanted { device: Some("P/a".into()), action: None, per_second: 10 };
    let mut listening = rig.monitor.tap().listen(wanted).unwrap();
    rig.read(0, 0, data("b", SECOND, &[Power]));
    rig.until("the other device's report", |rig| rig.count("delivered") == 1).await;
    rig.read(0, 1, data("a", SECOND, &[Power]));
    rig.until("a failure", |rig| !rig.monitor.failures().latest().is_empty()).await;

    let sample = listening.next().await.unwrap();
    let sent: serde_json::Value = serde_json::from_slice(&sample.body).unwrap();
    assert_eq!(
        (sample.worker, sample.items, sent["DeviceId"].as_str()),
        ("devices", 1, Some("P/a"))
    );
    let failed = sample.failed.clone().unwrap();
    assert_eq!(failed.class, "transient");
    let failure = rig.monitor.failures().latest().swap_remove(0);
    assert_eq!((failure.action, failure.failed), ("ServiceReportDeviceData", failed));
    assert_eq!(failure.request_id, sample.request_id.to_string());
}
