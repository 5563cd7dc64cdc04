use std::time::Duration;

use emberline_model::Category::Power;

use super::rig::{Rig, SECOND, Says, data};
use crate::settings::WorkerKind::Devices;

#[tokio::test]
async fn a_revocation_that_the_source_gave_up_on_ends_its_tenures_all_the_same() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    rig.assign(1, None, "");
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    let first = rig.revoke(0);
    let second = rig.revoke(1);
    assert!(second.recv_timeout(Duration::from_secs(1)).is_ok());
    drop(first);
    assert_eq!(rig.worker.records.partitions.owned_len(), 0);
    rig.service.answers(|_| Says::Accepted);
    rig.until_idle().await;
}

#[tokio::test]
async fn what_is_in_a_call_is_settled_before_its_partition_goes() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    let answer = rig.revoke(0);
    assert!(answer.try_recv().is_err(), "not before the call has ended");
    rig.service.answers(|_| Says::Accepted);
    rig.until_idle().await;
    let commits = answer.recv_timeout(Duration::from_secs(1)).unwrap();
    assert_eq!(commits.iter().map(|commit| commit.offset).collect::<Vec<_>>(), [1]);
}
