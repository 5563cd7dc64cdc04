use emberline_model::OnlineStatus::{Offline, Online};

use super::rig::{Rig, SECOND, Says, state};
use crate::settings::WorkerKind::Devices;

#[tokio::test]
async fn a_state_that_failed_is_replaced_by_the_newer_one_that_came_meanwhile() {
    let mut rig = Rig::new(Devices);
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    rig.read(0, 0, state("a", SECOND, Online));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    rig.read(0, 1, state("a", SECOND + 1, Offline));
    rig.service.answers(
        |call| {
            if call.status == Some(1) { Says::Status(503) } else { Says::Accepted }
        },
    );
    rig.until_idle().await;
    assert_eq!((rig.count("superseded"), rig.count("delivered")), (1, 1));
    assert_eq!(rig.service.accepted()[0].status, Some(0));
}

/// Delivered and not committed, the partition was lost; its other owner sent the older state
/// again, and no more.
#[tokio::test]
async fn a_state_is_sent_again_where_another_owner_may_have_sent_an_older_one() {
    let mut rig = Rig::new(Devices);
    rig.assign(0, None, "");
    rig.read(0, 0, state("a", SECOND, Offline));
    rig.read(0, 1, state("a", SECOND + 1, Online));
    rig.until_idle().await;
    rig.lose(0);
    rig.assign(0, Some(1), "");
    rig.read(0, 1, state("a", SECOND + 1, Online));
    rig.until_idle().await;
    assert_eq!(rig.service.accepted().last().unwrap().status, Some(1));
    let online = rig.service.accepted().iter().filter(|call| call.status == Some(1)).count();
    assert_eq!(online, 2);
}
