use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::GroupRate;
use crate::test_time::origin;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn owning_all(per_second: Option<f64>, start: Instant) -> GroupRate {
    let mut rate = GroupRate::new(per_second, &[1.0], start);
    rate.set_share(0, (6, 6), Duration::ZERO, start);
    rate
}

/// Permits got by asking every millisecond.
fn taken(rate: &mut GroupRate, from: Instant, millis: u32) -> u32 {
    let at = (0..millis).map(|ms| from + MS * ms);
    at.map(|now| (0..1000_u32).take_while(|_| rate.take(now).is_ok()).map(|_| 1).sum::<u32>()).sum()
}

#[test]
fn the_share_of_the_rate_is_what_may_be_used() {
    let start = origin();
    let mut rate = GroupRate::new(Some(600.0), &[1.0], start);
    rate.set_share(0, (2, 6), Duration::ZERO, start);
    let taken = taken(&mut rate, start, 10_000);
    assert!((1_910..=1_930).contains(&taken), "{taken}");
}

#[test]
fn another_rate_holds_from_the_moment_that_it_is_set() {
    let start = origin();
    let mut rate = owning_all(Some(600.0), start);
    rate.set_share(0, (3, 6), Duration::ZERO, start);
    rate.set_rate(Some(60.0), &[1.0], start);
    let slow = taken(&mut rate, start, 10_000);
    assert!((280..=295).contains(&slow), "{slow}: half of 60 a second, for 10 s");
    let later = start + SECOND * 10;
    rate.set_rate(Some(600.0), &[0.5], later);
    let fast = taken(&mut rate, later, 10_000);
    assert!((1_430..=1_445).contains(&fast), "{fast}: half of half of 600 a second, for 10 s");
    let end = later + SECOND * 10;
    rate.set_rate(None, &[0.5], end);
    assert_eq!(taken(&mut rate, end, 3), 3_000);
}

#[test]
fn another_rate_does_not_undo_that_the_service_asked_for_less() {
    let start = origin();
    let mut rate = owning_all(Some(100.0), start);
    rate.slow_down(start);
    rate.set_rate(Some(200.0), &[1.0], start);
    assert_eq!(rate.per_second(start), Some(100.0));
}

#[test]
fn without_a_partition_nothing_may_be_called() {
    let start = origin();
    let mut rate = GroupRate::new(Some(600.0), &[1.0], start);
    assert_eq!(rate.take(start), Err(SECOND));
    rate.set_share(0, (0, 6), Duration::ZERO, start);
    assert_eq!(taken(&mut rate, start, 5_000), 0);
}

#[test]
fn without_a_limit_nothing_waits() {
    let start = origin();
    let mut rate = owning_all(None, start);
    assert_eq!(taken(&mut rate, start, 3), 3_000);
    assert_eq!(rate.per_second(start), None);
}

#[test]
fn a_share_falls_at_once_and_rises_after_the_others_have_drained() {
    let start = origin();
    let mut rate = owning_all(Some(100.0), start);
    rate.set_share(0, (3, 6), SECOND * 5, start);
    assert!((rate.share() - 0.5).abs() < 1e-9);
    rate.set_share(0, (6, 6), SECOND * 5, start);
    rate.set_share(0, (6, 6), SECOND * 5, start + SECOND * 4);
    taken(&mut rate, start + SECOND * 4, 999);
    assert!((rate.share() - 0.5).abs() < 1e-9, "told twice, it still rises at its time only");
    taken(&mut rate, start + SECOND * 5, 1);
    assert!((rate.share() - 1.0).abs() < 1e-9);
}

#[test]
fn a_share_that_comes_is_waited_for() {
    let start = origin();
    let mut rate = GroupRate::new(Some(100.0), &[1.0], start);
    rate.set_share(0, (1, 6), SECOND * 3, start);
    assert_eq!(rate.take(start), Err(SECOND * 3));
    assert_eq!(rate.take(start + SECOND * 3), Ok(()));
}

#[test]
fn told_to_slow_down_it_halves_once_and_climbs_back_slowly() {
    let start = origin();
    let mut rate = owning_all(Some(200.0), start);
    taken(&mut rate, start, 1000);
    let told = start + SECOND;
    (0..64).for_each(|_| rate.slow_down(told));
    assert!((rate.per_second(told).unwrap() - 100.0).abs() < 1e-6);
    let soon = taken(&mut rate, told, 1000);
    assert!((90..=101).contains(&soon), "{soon}");
    let later = rate.per_second(told + SECOND * 15).unwrap();
    assert!((later - 150.0).abs() < 1.0, "{later}");
    assert!((rate.per_second(told + SECOND * 31).unwrap() - 200.0).abs() < 1e-6);
}

#[test]
fn without_a_limit_the_rate_seen_is_halved_and_the_limit_ends_again() {
    let start = origin();
    let mut rate = owning_all(None, start);
    (0..500).for_each(|n| rate.take(start + MS * 2 * n).unwrap());
    rate.slow_down(start + SECOND);
    let limit = rate.per_second(start + SECOND).unwrap();
    assert!((limit - 250.0).abs() < 1.0, "{limit}");
    assert!(taken(&mut rate, start + SECOND, 1000) < 270);
    assert_eq!(rate.take(start + SECOND * 40), Ok(()));
    assert_eq!(rate.per_second(start + SECOND * 40), None);
}

#[test]
fn each_kind_of_work_has_its_fraction_and_they_are_used_as_one() {
    let start = origin();
    let mut rate = GroupRate::new(Some(1_000.0), &[0.6, 0.2, 0.2], start);
    rate.set_share(0, (2, 4), Duration::ZERO, start);
    rate.set_share(1, (4, 4), Duration::ZERO, start);
    assert!((rate.share() - 0.5).abs() < 1e-9);
    rate.set_share(2, (1, 1), SECOND * 9, start);
    rate.set_share(0, (4, 4), SECOND * 3, start);
    assert!((rate.share() - 0.5).abs() < 1e-9);
    taken(&mut rate, start + SECOND * 3, 1);
    assert!((rate.share() - 0.8).abs() < 1e-9);
    taken(&mut rate, start + SECOND * 9, 1);
    assert!((rate.share() - 1.0).abs() < 1e-9);
    rate.set_share(0, (0, 4), SECOND * 3, start + SECOND * 9);
    assert!((rate.share() - 0.4).abs() < 1e-9, "it falls at once");
}

#[test]
fn four_replicas_that_share_a_rate_stay_within_it() {
    let start = origin();
    let mut replicas: Vec<_> = (0..4)
        .map(|_| {
            let mut rate = GroupRate::new(Some(100.0), &[1.0], start);
            rate.set_share(0, (1, 4), Duration::ZERO, start);
            rate
        })
        .collect();
    for second in 0..5 {
        let at = start + SECOND * second;
        let together: u32 = replicas.iter_mut().map(|rate| taken(rate, at, 1000)).sum();
        assert!((90..=100).contains(&together), "{together}");
    }
}

#[test]
fn who_comes_back_late_gets_the_rate_all_the_same() {
    let start = origin();
    let late = Duration::from_millis(10);
    for per_second in [25_u32, 50, 100, 1_000] {
        let mut rate = owning_all(Some(f64::from(per_second)), start);
        let (mut now, mut taken) = (start, 0);
        while now < start + Duration::from_secs(10) {
            match rate.take(now) {
                Ok(()) => taken += 1,
                Err(wait) => now += wait + late,
            }
        }
        assert!(taken >= per_second * 95 / 10, "{taken} of {per_second} a second in 10 s");
    }
}

#[test]
fn a_second_of_slow_answers_lowers_the_rate_by_a_fifth() {
    let start = origin();
    let mut rate = owning_all(Some(200.0), start);
    (0..20).for_each(|n| rate.call_ended(n % 3 != 0, start + MS * n * 20));
    rate.call_ended(true, start + SECOND);
    assert!((rate.per_second(start + SECOND).unwrap() - 160.0).abs() < 1e-6);
    (0..20).for_each(|n| rate.call_ended(n % 3 == 0, start + SECOND + MS * n * 20));
    rate.call_ended(false, start + SECOND * 2);
    let now = rate.per_second(start + SECOND * 2).unwrap();
    assert!(now > 160.0, "a few slow answers are none: {now}");
}

#[test]
fn time_that_goes_back_is_no_trap() {
    let start = origin() + SECOND * 100;
    let mut rate = owning_all(Some(10.0), start);
    rate.take(start + SECOND).unwrap();
    assert!(rate.take(start).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However one asks, no second sees more than the rate and one.
    #[test]
    fn no_second_sees_more_than_the_rate(
        per_second in 0.5..2_000.0_f64,
        owned in 1..=6_u8,
        pauses in prop::collection::vec((0..400_u32, 1..30_u32), 1..60),
    ) {
        let start = origin();
        let mut rate = GroupRate::new(Some(per_second), &[1.0], start);
        rate.set_share(0, (usize::from(owned), 6), Duration::ZERO, start);
        let mut now = start;
        let mut permits: Vec<Instant> = Vec::new();
        for (pause, asking) in pauses {
            now += MS * pause;
            for _ in 0..asking {
                now += MS;
                permits.extend((0..5_000).take_while(|_| rate.take(now).is_ok()).map(|_| now));
            }
        }
        let share = per_second * f64::from(owned) / 6.0;
        let most = share.floor() + 1.0;
        let mut first = 0;
        for (last, at) in permits.iter().enumerate() {
            while permits[first] + SECOND <= *at {
                first += 1;
            }
            let within = u32::try_from(last - first + 1).unwrap();
            prop_assert!(f64::from(within) <= most, "{within} > {most}");
        }
    }

    /// Whoever waits as told gets a permit, if nobody else took it.
    #[test]
    fn after_the_wait_there_is_a_permit(per_second in 0.1..20_000.0_f64, asks in 1..200_u32) {
        let mut now = origin();
        let mut rate = owning_all(Some(per_second), now);
        for _ in 0..asks {
            if let Err(wait) = rate.take(now) {
                prop_assert!(wait <= Duration::from_secs(11));
                now += wait;
                prop_assert_eq!(rate.take(now), Ok(()));
            }
        }
    }
}
