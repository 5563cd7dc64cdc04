//! While no call is to be made.

use emberline_model::Category::Power;

use super::rig::{Rig, SECOND, Says, data};
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
