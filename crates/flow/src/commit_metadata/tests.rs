use std::iter::once;
use std::ops::Range;

use proptest::prelude::*;

use super::fronts::PARTS;
use super::{CommitMetadata, Front, MAX_BYTES, PREFIX, SURE_REACH, decode, encode};

#[test]
fn nothing_to_tell_is_no_text() {
    assert_eq!(encode(&CommitMetadata::default(), 7), "");
    assert_eq!(decode("", 7), CommitMetadata::default());
}

#[test]
fn the_text_is_short_where_little_is_to_be_told() {
    let metadata = CommitMetadata::gather(Some(990), once(1005..1010));
    let text = encode(&metadata, 1000);
    assert_eq!(text, "e1.AugHCgUF");
    assert_eq!(decode(&text, 1000), metadata);
    assert!(metadata.is_settled(1005) && metadata.is_settled(1009));
    assert!(!metadata.is_settled(1004) && !metadata.is_settled(1010));
}

#[test]
fn what_does_not_fit_is_left_out_openly_from_the_top() {
    let runs = (0..100_000).map(|n| 1_000 + n * 10..1_000 + n * 10 + 3);
    let text = encode(&CommitMetadata::gather(None, runs.clone()), 5);
    assert!(text.len() <= MAX_BYTES && text.len() > MAX_BYTES - 16, "{}", text.len());
    let read = decode(&text, 5);
    assert!(read.shortened);
    assert!(read.settled.len() > 1_000);
    assert!(read.settled.iter().cloned().eq(runs.take(read.settled.len())));
}

#[test]
fn records_settled_in_part_take_the_room_that_is_left() {
    let partly: Vec<_> =
        (0..500).zip((1..64_u8).cycle()).map(|(n, parts)| (1_000 + n * 3, parts)).collect();
    let runs = [1_001..1_003, 5_000..6_000];
    let metadata = CommitMetadata {
        partly: partly.clone(),
        ..CommitMetadata::gather(Some(990), runs.clone())
    };
    let text = encode(&metadata, 1_000);
    assert_eq!(decode(&text, 1_000), metadata);
    assert_eq!(metadata.settled_parts(1_003), 2);
    assert_eq!(metadata.settled_parts(1_004), 0);

    let many: Vec<_> = (0..5_000).map(|n| (1_000 + n, 1)).collect();
    let text = encode(&CommitMetadata { partly: many.clone(), ..metadata.clone() }, 1_000);
    assert!(text.len() <= MAX_BYTES);
    let read = decode(&text, 1_000);
    assert!(read.shortened && read.partly.len() > 1_000);
    assert_eq!(read.partly, many[..read.partly.len()]);
    assert_eq!(read.settled, runs);

    // Where the runs need all of it nothing is left.
    let every_second = (0..SURE_REACH.cast_signed() / 2).map(|n| 1_001 + n * 2..1_002 + n * 2);
    let full = CommitMetadata { partly: many, ..CommitMetadata::gather(Some(990), every_second) };
    let text = encode(&full, 1_000);
    assert!(text.len() <= MAX_BYTES, "{}", text.len());
    let read = decode(&text, 1_000);
    assert_eq!(read.settled, full.settled);
    assert!(read.shortened);
}

#[test]
fn text_of_another_frontier_tells_nothing() {
    let text = encode(&CommitMetadata::gather(Some(1), once(12..13)), 10);
    assert_eq!(decode(&text, 11), CommitMetadata::default());
}

#[test]
fn foreign_and_damaged_text_tells_nothing() {
    let text = encode(&CommitMetadata::gather(Some(1), [12..13, 400..900]), 10);
    let foreign = ["host-1", "e2.AA", "e1.", "e1.!!!!", "e1./////////////", "{\"a\":1}", "é1.AA"];
    for text in foreign.into_iter().chain([&text[..text.len() - 1]]) {
        assert_eq!(decode(text, 10), CommitMetadata::default(), "{text}");
    }
}

/// Every kind of thing that a text tells, in both forms of what is settled, as version 0.1
/// wrote it: these texts are never changed.
#[test]
fn what_0_1_committed_is_read() {
    let front = Front { at: 1_001, settled_to: [1_050, 1_001, 1_020, 1_001, 1_050, 1_001] };
    let by_runs = CommitMetadata {
        seed_from: Some(990),
        settled: vec![1_003..1_006, 1_400..2_000],
        fronts: vec![front],
        partly: vec![(1_007, 3)],
        shortened: true,
    };
    let every_second = (0..6).map(|n| 1_001 + n * 2..1_002 + n * 2).collect();
    let by_bits = CommitMetadata { settled: every_second, ..by_runs.clone() };
    for (metadata, text) in [(by_runs, BY_RUNS_0_1), (by_bits, BY_BITS_0_1)] {
        assert_eq!(decode(text, 1_000), metadata);
        assert_eq!(encode(&metadata, 1_000), text, "not written as 0.1 wrote it");
    }
}

const BY_RUNS_0_1: &str = "e1.G-gHCgU8CxEEEwIHAwMDigPYBA";
const BY_BITS_0_1: &str = "e1.H-gHCgU8CxEEEwIHA6oK";

/// A text of this frontier: flags, then bytes.
fn text_of(flags: u8, frontier: u8, rest: &[u8]) -> String {
    let bytes = [&[flags, frontier], rest].concat();
    format!("{PREFIX}{}", super::BASE64.encode_to_string(bytes))
}

#[test]
fn what_a_later_version_tells_otherwise_tells_nothing() {
    let nothing = CommitMetadata::default();
    // A flag, with all that is known beside it; a front and a record with a seventh part.
    assert!(decode(&text_of(0, 10, &[2, 3]), 10).is_settled(12));
    for flag in [32, 64, 128] {
        assert_eq!(decode(&text_of(flag, 10, &[2, 3]), 10), nothing, "{flag}");
    }
    let front = |far, told| text_of(super::FRONTS, 10, &[5, 9, 1, far, told, 4]);
    assert_eq!(decode(&front(0, 1), 10).fronts[0].settled_to[0], 15);
    assert_eq!(decode(&front(0, 1 << 6), 10), nothing);
    assert_eq!(decode(&front(1 << 6, 1), 10), nothing);
    let partly = |parts| text_of(super::PARTLY, 10, &[2, 3, parts]);
    assert_eq!(decode(&partly(1), 10).partly, [(13, 1)]);
    assert_eq!(decode(&partly(1 << 6 | 1), 10), nothing);
}

#[test]
fn any_pattern_within_the_sure_reach_is_told_whole() {
    let every_second = (0..SURE_REACH.cast_signed()).step_by(2).map(|n| 501 + n..502 + n);
    let metadata = CommitMetadata::gather(Some(1), every_second);
    let text = encode(&metadata, 500);
    assert!(text.len() <= MAX_BYTES);
    assert_eq!(decode(&text, 500), metadata);
    assert!(!metadata.shortened);
}

fn sorted_runs() -> impl Strategy<Value = (i64, Vec<Range<i64>>)> {
    let lengths = prop::collection::vec((1..100_000_i64, 1..5_000_i64), 0..400);
    (0..i64::MAX / 2, lengths).prop_map(|(frontier, lengths)| {
        let mut from = frontier;
        let runs = lengths.into_iter().map(|(apart, long)| {
            let run = from + apart..from + apart + long;
            from = run.end;
            run
        });
        (frontier, runs.collect())
    })
}

proptest! {
    /// What is read is what was written, in text that Kafka takes.
    #[test]
    fn what_is_read_is_what_was_written((frontier, runs) in sorted_runs(), back in prop::option::of(0..9_000_i64)) {
        let metadata = CommitMetadata::gather(back.map(|back| frontier - back), runs);
        let text = encode(&metadata, frontier);
        prop_assert!(text.len() <= MAX_BYTES);
        prop_assert_eq!(decode(&text, frontier), metadata);
    }

    /// No text at all makes reading fail, or tells of an offset below the frontier.
    #[test]
    fn no_text_is_a_trap(text in "(e1\\.)?[A-Za-z0-9_-]{0,64}|.{0,64}", frontier in any::<i64>()) {
        let read = decode(&text, frontier);
        prop_assert!(read.settled.iter().all(|run| run.start >= frontier && run.start < run.end));
    }

    /// Any bytes in our own wrapping are read without a panic.
    #[test]
    fn no_bytes_are_a_trap(mut bytes in prop::collection::vec(any::<u8>(), 0..80), flags in 0..16_u8, frontier in 0..128_u8) {
        bytes.splice(0..0, [flags, frontier]);
        let text = format!("{PREFIX}{}", super::BASE64.encode_to_string(bytes));
        let read = decode(&text, i64::from(frontier));
        prop_assert!(read.settled.windows(2).all(|pair| pair[0].end <= pair[1].start));
    }
}

#[test]
fn fronts_of_many_devices_fit_beside_what_is_settled() {
    let fronts: Vec<Front> = (0..100)
        .map(|n| Front {
            at: 1_000 + n * 7,
            settled_to: [9_000, 1_000 + n * 7, 2_500 + n, 1_000 + n * 7, 9_000, 4_000],
        })
        .collect();
    // Every second offset of some fifteen thousand.
    let settled = (0..7_000).map(|n| 1_001 + n * 2..1_002 + n * 2);
    let metadata = CommitMetadata {
        fronts: fronts.clone(),
        partly: vec![(1_007, 3)],
        ..CommitMetadata::gather(Some(990), settled)
    };
    let text = encode(&metadata, 1_000);
    assert!(text.len() <= MAX_BYTES);
    let read = decode(&text, 1_000);
    assert_eq!(read, metadata);
    assert_eq!(read.front_at(1_007), Some(&fronts[1]));
    assert_eq!(read.front_at(1_008), None);

    let many: Vec<Front> =
        (0..2_000).map(|n| Front { at: 1_000 + n, settled_to: [3_000 + n; 6] }).collect();
    let text = encode(&CommitMetadata { fronts: many.clone(), ..CommitMetadata::default() }, 1_000);
    assert!(text.len() <= MAX_BYTES);
    let read = decode(&text, 1_000);
    assert!(read.shortened && read.fronts.len() > 100);
    assert_eq!(read.fronts, many[..read.fronts.len()]);
}

#[test]
fn many_short_runs_leave_room_for_parts() {
    // As a backlog of ten thousand records of seven devices is delivered.
    let settled = (0..1_400).map(|n| 1_001 + n * 7..1_004 + n * 7);
    let fronts = (0..40).map(|n| Front { at: 1_000 + n, settled_to: [2_000 + n; 6] }).collect();
    let metadata = CommitMetadata { fronts, ..CommitMetadata::gather(Some(990), settled) };
    let text = encode(&metadata, 1_000);
    assert_eq!(decode(&text, 1_000), metadata);
    assert!(text.len() < MAX_BYTES / 4 * 3, "{}", text.len());
    assert!(super::tells_all(&metadata, 1_000));
}

#[test]
fn reading_begins_early_enough_for_the_window_and_for_whom_the_fronts_are_about() {
    let front = |at| Front { at, settled_to: [at + 5; PARTS] };
    let told = CommitMetadata {
        seed_from: Some(70),
        fronts: vec![front(90), front(101)],
        ..CommitMetadata::default()
    };
    assert_eq!((told.begin(100, true), told.begin(100, false)), (70, 90));
    let nothing = CommitMetadata { seed_from: Some(70), ..CommitMetadata::default() };
    assert_eq!((nothing.begin(100, true), nothing.begin(100, false)), (70, 100));
}
