//! While no call is to be made.

use std::time::Instant;

use emberline_model::Category::Power;

use super::rig::{Rig, SECOND, Says, data, delivery, device};
use crate::lane::data_key;
use crate::settings::WorkerKind::Devices;

#[tokio::test]
async fn a_halted_worker_that_lost_its_records_reads_on_to_have_something_to_probe_with() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.service.answers(|_| Says::Status(401));
    rig.assign(0, None, "");
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.until("the halt", |rig| rig.worker.intake_paused).await;
    assert_eq!(rig.worker.records.len(), 1, "nothing is settled");
    rig.lose(0);
    rig.until("intake", |rig| !rig.worker.intake_paused).await;
}

#[tokio::test]
async fn a_lane_that_waits_for_another_workers_call_uses_up_no_permit() {
    let limited = crate::DeliverySettings { rate: Some(0.001), ..delivery() };
    let mut rig = Rig::with(Devices, limited, "127.0.0.1:1");
    rig.bind("a");
    rig.bind("b");
    for partition in 0..4 {
        rig.assign(partition, None, "");
    }
    let key = data_key(device("a").key(), Power);
    let lanes = rig.worker.shared.lanes_in_calls.as_ref();
    lanes.expect("two workers").lock().insert(key);
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.until("a look at the lane", |rig| rig.worker.lanes.next_deadline().is_some()).await;
    assert_eq!(rig.service.calls().len(), 0);
    assert!(
        rig.worker.shared.traffic.take_permit(Instant::now()).is_ok(),
        "the one permit is left"
    );
}
