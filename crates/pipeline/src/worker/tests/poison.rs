use std::time::Duration;

use emberline_model::Category::Power;
use emberline_model::{OnlineStatus, SkipReason};
use emberline_wire::device::DeviceRecord;
use emberline_wire::headers::RetryHeader;

use super::rig::{Rig, SECOND, Says, data, delivery, state, telemetry};
use crate::DeliverySettings;
use crate::intake::Content;
use crate::settings::WorkerKind::{Devices, Retries};

#[tokio::test]
async fn a_record_with_more_properties_than_can_be_counted_harms_nobody() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.assign(0, None, "");
    let mut telemetry = telemetry("a", SECOND, &[Power]);
    telemetry.unknown_properties = u16::MAX;
    rig.read(0, 0, Content::Device(DeviceRecord::Telemetry(telemetry)));
    rig.read(0, 1, data("a", SECOND + 1, &[Power]));
    rig.until_idle().await;
    assert_eq!(rig.count("delivered"), 2);
    assert_eq!(rig.frontier(0), 2);
}

#[tokio::test]
async fn a_retry_header_that_is_due_at_the_end_of_time_harms_nobody() {
    let mut rig = Rig::new(Retries);
    rig.assign(0, None, "");
    let header = RetryHeader {
        attempt: u32::MAX,
        first_seen_ms: 0,
        due_ms: i64::MAX,
        reason: "unbound".into(),
        class: "unbound".into(),
        code: None,
        topic: "t".into(),
        partition: 0,
        offset: 0,
        timestamp_ms: SECOND * 1000,
        categories: None,
    };
    rig.read_again(0, 0, Some(header), data("a", SECOND, &[Power]));
    rig.read(0, 1, Content::Device(DeviceRecord::Skipped(SkipReason::OtherMethod)));
    rig.until("the neighbour", |rig| rig.count("skipped") == 1).await;
    assert_eq!(rig.frontier(0), 0);
    let longest = rig.worker.tiers.longest_wait();
    let due = rig.worker.waiting.next_due().expect("it waits");
    assert!(due <= std::time::Instant::now() + longest, "no longer than any topic's delay");
    rig.lose(0);
    rig.until_idle().await;
}

#[tokio::test]
async fn the_budget_is_whole_again_after_every_kind_of_record() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.assign(0, Some(2), "");
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.read(0, 1, state("a", SECOND, OnlineStatus::Online));
    rig.read(0, 2, data("a", SECOND, &[Power]));
    rig.read(0, 3, Content::Tombstone);
    rig.read(0, 4, state("a", SECOND + 1, OnlineStatus::Offline));
    rig.read(0, 5, state("a", SECOND, OnlineStatus::Online));
    rig.read(0, 9, data("a", SECOND + 5, &[Power]));
    rig.until_idle().await;
    assert_eq!((rig.count("delivered"), rig.count("duplicate")), (2, 2));
    assert_eq!(rig.frontier(0), 10);
}

#[tokio::test]
async fn one_guilty_report_among_fifty_is_found_in_thirteen_calls_and_the_others_are_delivered() {
    const REPORTS: i64 = 50;
    for guilty in [0, 23, REPORTS - 1] {
        let lingering = DeliverySettings { linger: Duration::from_mins(1), ..delivery() };
        let full = DeliverySettings { batch_max_reports: 50, ..lingering };
        let mut rig = Rig::with(Devices, full, "127.0.0.1:1");
        rig.bind("a");
        rig.assign(0, None, "");
        let time = (SECOND + guilty).to_string();
        rig.service.answers(move |call| {
            if call.content.contains(&time) { Says::Refused } else { Says::Accepted }
        });
        for offset in 0..REPORTS {
            rig.read(0, offset, data("a", SECOND + offset, &[Power]));
        }
        rig.until("the innocent", |rig| rig.count("delivered") == 49).await;
        rig.until("the dead letter", |rig| rig.worker.outbox.unacknowledged().0 == 1).await;
        assert!(rig.service.calls().len() <= 13, "{} calls", rig.service.calls().len());
        let accepted = rig.service.accepted();
        let times: Vec<_> = accepted.iter().flat_map(|call| call.content.clone()).collect();
        assert!(times.is_sorted(), "in order");
        assert_eq!(rig.frontier(0), guilty, "not before the dead letter is durable");
    }
}
