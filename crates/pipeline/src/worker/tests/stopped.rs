//! While no call is to be made.

use std::time::{Duration, Instant};

use emberline_model::Category::Power;

use super::super::Ends;
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

/// As a process does that was suspended for longer than its session lasts: others call for its
/// partitions already when it goes on, and it hears of that a moment later.
#[tokio::test]
async fn a_worker_that_stood_still_calls_for_nobody_until_it_knows_what_it_has_lost() {
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.assign(0, None, "");
    rig.worker.turn(Instant::now() + Duration::from_secs(10));
    rig.read(0, 0, data("a", SECOND, &[Power]));
    assert_eq!(rig.worker.in_calls, 0);
    rig.lose(0);
    rig.until_idle().await;
    assert_eq!(rig.service.calls().len(), 0);
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

#[tokio::test]
async fn a_partition_that_is_not_read_on_without_a_reason_is_no_sign_of_life() {
    use std::time::Duration;
    let mut rig = Rig::new(Devices);
    rig.assign(0, None, "");
    let now = Instant::now();
    let ago = now.checked_sub(Duration::from_mins(5)).expect("the machine runs for longer");
    let look = |rig: &mut Rig, end: i64, at: Instant| {
        let mut highs = rig.worker.shared.highs.lock();
        highs.offsets.insert(("t".to_owned(), 0), end);
        highs.told = Some(at);
        drop(highs);
        rig.worker.look_for_stalls(at);
    };
    look(&mut rig, 0, ago);
    look(&mut rig, 0, now);
    assert_eq!(rig.monitor.live(), Ok(()), "there is nothing to read");
    look(&mut rig, 10, ago);
    look(&mut rig, 10, now);
    let told = rig.monitor.live().unwrap_err();
    assert!(told.contains("t/0"), "{told}");
    rig.worker.intake_paused = true;
    look(&mut rig, 10, now);
    assert_eq!(rig.monitor.live(), Ok(()), "a service that is down is no reason");
    rig.worker.intake_paused = false;
    look(&mut rig, 10, ago);
    rig.worker.look_for_stalls(now);
    assert_eq!(rig.monitor.live(), Ok(()), "nor are brokers that don't answer");
}

/// Retention doesn't wait for a replay: what it deletes of the range never comes.
#[tokio::test]
async fn a_partition_whose_records_were_deleted_meanwhile_is_at_its_end_once_nothing_is_in_flight()
{
    let mut rig = Rig::new(Devices);
    rig.bind("a");
    rig.service.answers(|_| Says::Nothing);
    rig.assign(0, None, "");
    let name = ("t".to_owned(), 0);
    rig.worker.ends = Some(Ends { offsets: [(name.clone(), 5)].into(), stop_there: true });
    rig.read(0, 0, data("a", SECOND, &[Power]));
    rig.until("the call", |rig| rig.service.calls().len() == 1).await;
    rig.worker.shared.highs.lock().lows.insert(name.clone(), 4);
    let is_over = |rig: &mut Rig, seconds: u64| {
        rig.worker.leave_at_end(Instant::now() + Duration::from_secs(seconds));
        rig.worker.exit.is_some()
    };
    assert!(!is_over(&mut rig, 0) && !is_over(&mut rig, 10), "one record is left");
    rig.worker.shared.highs.lock().lows.insert(name, 5);
    assert!(!is_over(&mut rig, 20) && !is_over(&mut rig, 30), "a record is under way");
    rig.service.answers(|_| Says::Accepted);
    rig.until_idle().await;
    assert_eq!(rig.count("delivered"), 1);
    assert!(!is_over(&mut rig, 40) && !is_over(&mut rig, 44), "more may have been read before");
    rig.worker.intake_paused = true;
    assert!(!is_over(&mut rig, 60) && !is_over(&mut rig, 70), "nothing is read");
    rig.worker.intake_paused = false;
    assert!(!is_over(&mut rig, 80) && is_over(&mut rig, 86));
}

#[tokio::test]
async fn a_partition_of_another_owner_is_at_its_end_when_its_records_are_deleted() {
    let mut rig = Rig::new(Devices);
    let name = ("t".to_owned(), 1);
    rig.worker.ends = Some(Ends { offsets: [(name.clone(), 5)].into(), stop_there: true });
    rig.worker.shared.highs.lock().lows.insert(name.clone(), 4);
    rig.worker.leave_at_end(Instant::now());
    assert!(rig.worker.exit.is_none());
    rig.worker.shared.highs.lock().lows.insert(name, 5);
    rig.worker.leave_at_end(Instant::now());
    assert!(rig.worker.exit.is_some());
}
