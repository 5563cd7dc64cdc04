//! What was read of the topic: each name's records, and the one name that this process wants.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use emberline_broker::TableRecord;
use emberline_flow::replay_lease::{
    Contender, Entry as LeaseEntry, Holder, Meaning, Next, ReplayLease,
};
use emberline_model::ReplayName;
use emberline_wire::DecodeError;
use emberline_wire::replay::{ReplayRecord, ReplayRecordKind, ReplayStatus, decode_key};

use super::entry::{CancelRequest, Entry, Run};

/// All names.
#[derive(Default)]
pub(super) struct Book {
    names: BTreeMap<ReplayName, Named>,
    wanted: Option<(ReplayName, Contender)>,
}

/// One name.
#[derive(Default)]
struct Named {
    lease: ReplayLease,
    /// The machine of the last claim that counts.
    claimed_on: String,
    heard: Option<Heard>,
    cancel: Option<(Run, CancelRequest)>,
}

/// The last word that counts.
struct Heard {
    run: Run,
    /// The offset of the first word of this run that was read.
    since: i64,
    status: ReplayStatus,
    time_ms: i64,
}

impl Book {
    /// Takes in a record.
    pub(super) fn read(&mut self, record: TableRecord<'_>, now: Instant) {
        let offset = record.offset;
        let Ok((name, kind)) = decode_key(record.key.unwrap_or_default()) else {
            tracing::warn!(offset, "a record on the topic of replays has no key of ours");
            return;
        };
        let said = read_value(record.value, kind);
        if let Err(error) = &said {
            tracing::warn!(offset, %name, %error, "a record on the topic of replays can't be read");
        }
        let named = self.names.entry(name.clone()).or_default();
        if kind == ReplayRecordKind::Cancel {
            return named.cancel = said.ok().flatten().and_then(cancel);
        }
        let entry = lease_entry(&said, kind);
        let meaning = named.lease.read(offset, entry, now);
        if let Some((wanted, contender)) = &mut self.wanted
            && *wanted == name
        {
            contender.read(offset, entry, meaning, now);
        }
        match (meaning, said) {
            (Meaning::Taken, Ok(Some(ReplayRecord::Claim { host, .. }))) => named.claimed_on = host,
            (Meaning::Stands, Ok(Some(ReplayRecord::Word { by, term, status, .. }))) => {
                named.hear((Holder(by), term), status, record.timestamp_ms, offset);
            }
            (Meaning::Gone, _) => named.heard = None,
            _ => {}
        }
    }

    /// All that were ever begun, by name.
    pub(super) fn entries(&self, now_ms: i64, silence: Duration) -> Vec<Entry> {
        let names = self.names.iter();
        names.filter_map(|(name, named)| named.entry(name, now_ms, silence)).collect()
    }

    /// The one of that name.
    pub(super) fn entry(&self, name: &ReplayName, now_ms: i64, silence: Duration) -> Option<Entry> {
        self.names.get(name)?.entry(name, now_ms, silence)
    }

    /// When the last record of that name was read, requests left out.
    pub(super) fn last_read(&self, name: &ReplayName) -> Option<Instant> {
        self.names.get(name)?.lease.last_read()
    }

    /// Whether a run was asked to stop.
    pub(super) fn cancel_of(&self, name: &ReplayName, run: Run) -> Option<CancelRequest> {
        self.names.get(name)?.cancel_of(run)
    }

    /// On which machine the last claim of that name was made.
    pub(super) fn claimed_on(&self, name: &ReplayName) -> String {
        self.names.get(name).map(|named| named.claimed_on.clone()).unwrap_or_default()
    }

    /// From now on this process wants that name.
    pub(super) fn want(&mut self, name: &ReplayName, contender: Contender) {
        self.wanted = Some((name.clone(), contender));
    }

    /// What to do next about the name that is wanted. A claim that this asks for counts as
    /// made now.
    pub(super) fn next(&mut self, now: Instant) -> Option<Next> {
        let (name, contender) = self.wanted.as_mut()?;
        let next = contender.next(&self.names.entry(name.clone()).or_default().lease, now);
        if matches!(next, Next::Claim { .. }) {
            contender.claims(now);
        }
        Some(next)
    }
}

impl Named {
    fn entry(&self, name: &ReplayName, now_ms: i64, silence: Duration) -> Option<Entry> {
        let heard = self.heard.as_ref()?;
        let running = heard.status.state.is_running();
        let age = u128::try_from(now_ms.saturating_sub(heard.time_ms)).unwrap_or(0);
        Some(Entry {
            name: name.clone(),
            status: heard.status.clone(),
            heard_ms: heard.time_ms,
            interrupted: running && age > silence.as_millis(),
            cancel: self.cancel_of(heard.run).filter(|_| running),
            run: heard.run,
            since: heard.since,
        })
    }

    fn cancel_of(&self, run: Run) -> Option<CancelRequest> {
        let (of, request) = self.cancel.as_ref()?;
        (*of == run).then(|| request.clone())
    }

    fn hear(&mut self, run: Run, status: Option<Box<ReplayStatus>>, time_ms: i64, offset: i64) {
        let same = self.heard.as_ref().filter(|heard| heard.run == run);
        let since = same.map_or(offset, |heard| heard.since);
        match (status, &mut self.heard) {
            (Some(status), heard) => *heard = Some(Heard { run, since, status: *status, time_ms }),
            // A later version's: that someone runs it is clear, and how it stands is not.
            (None, Some(heard)) => (heard.run, heard.since, heard.time_ms) = (run, since, time_ms),
            (None, None) => {}
        }
    }
}

/// `None`: deleted.
fn read_value(
    value: Option<&[u8]>,
    kind: ReplayRecordKind,
) -> Result<Option<ReplayRecord>, DecodeError> {
    let said = value.map(ReplayRecord::decode).transpose()?;
    if said.as_ref().is_some_and(|said| said.kind() != kind) {
        let problem = "of another kind than the value".to_owned();
        return Err(DecodeError::Invalid { field: "the key", problem });
    }
    Ok(said)
}

fn cancel(said: ReplayRecord) -> Option<(Run, CancelRequest)> {
    let ReplayRecord::Cancel { of, term, host, time_ms } = said else { return None };
    Some(((Holder(of), term), CancelRequest { host, time_ms }))
}

fn lease_entry(
    said: &Result<Option<ReplayRecord>, DecodeError>,
    kind: ReplayRecordKind,
) -> LeaseEntry {
    match said {
        Ok(Some(ReplayRecord::Claim { by, follows, .. })) => {
            LeaseEntry::Claim { by: Holder(*by), follows: *follows }
        }
        Ok(Some(ReplayRecord::Word { by, term, ended, .. })) => {
            LeaseEntry::Word { by: Holder(*by), term: *term, running: !ended }
        }
        Ok(None) if kind == ReplayRecordKind::Word => LeaseEntry::Gone,
        // Whoever deletes a claim has not thereby ended a run.
        Ok(_) | Err(_) => LeaseEntry::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use emberline_broker::TableRecord;
    use emberline_model::ReplayName;
    use emberline_wire::replay::{ReplayRecord, ReplayRecordKind, ReplayState, encode_key};

    use super::Book;
    use crate::replays::tests::status;
    use crate::replays::{CancelRequest, Entry};

    const SILENCE: Duration = Duration::from_secs(15);

    /// A book that reads records of the name `a`, a second apart.
    #[derive(Default)]
    struct World {
        book: Book,
        offset: i64,
    }

    impl World {
        fn read(&mut self, said: ReplayRecord) {
            self.read_bytes(said.kind(), Some(&said.encode()));
        }

        fn read_bytes(&mut self, kind: ReplayRecordKind, value: Option<&[u8]>) {
            let key = encode_key(&name(), kind);
            let record = TableRecord {
                partition: 0,
                offset: self.offset,
                timestamp_ms: self.offset * 1_000,
                key: Some(&key),
                value,
            };
            self.book.read(record, Instant::now());
            self.offset += 1;
        }

        fn entry(&self, now_ms: i64) -> Option<Entry> {
            self.book.entry(&name(), now_ms, SILENCE)
        }
    }

    fn name() -> ReplayName {
        ReplayName::parse("a").unwrap()
    }

    fn claim(by: u128, follows: Option<i64>) -> ReplayRecord {
        ReplayRecord::Claim { by, follows, host: format!("host-{by}") }
    }

    fn word(by: u128, term: i64, state: ReplayState) -> ReplayRecord {
        ReplayRecord::word(by, term, status(state))
    }

    fn cancel(of: u128, term: i64) -> ReplayRecord {
        ReplayRecord::Cancel { of, term, host: "desk".into(), time_ms: 7 }
    }

    #[test]
    fn what_was_only_claimed_is_not_listed() {
        let mut world = World::default();
        world.read(claim(1, None));
        assert_eq!(world.entry(0), None);
        world.read(word(1, 0, ReplayState::Running));
        assert_eq!(world.entry(0).unwrap().state_name(), "running");
        assert_eq!(world.book.entries(0, SILENCE).len(), 1);
    }

    #[test]
    fn a_run_that_is_silent_is_shown_as_interrupted_and_one_that_has_ended_is_not() {
        let mut world = World::default();
        world.read(claim(1, None));
        world.read(word(1, 0, ReplayState::Running));
        assert_eq!(world.entry(16_000).unwrap().state_name(), "running");
        assert_eq!(world.entry(16_001).unwrap().state_name(), "interrupted");
        world.read(word(1, 0, ReplayState::Stopped));
        assert_eq!(world.entry(i64::MAX).unwrap().state_name(), "stopped");
    }

    #[test]
    fn a_request_to_stop_is_for_the_run_that_it_names() {
        let mut world = World::default();
        world.read(claim(1, None));
        world.read(word(1, 0, ReplayState::Running));
        world.read(cancel(1, 99));
        assert_eq!(world.entry(0).unwrap().cancel, None);
        world.read(cancel(1, 0));
        let request = CancelRequest { host: "desk".into(), time_ms: 7 };
        assert_eq!(world.entry(0).unwrap().cancel, Some(request));
        // The request is no word of the run's: the claim follows the word.
        world.read(claim(2, Some(1)));
        world.read(word(2, 4, ReplayState::Running));
        assert_eq!(world.entry(0).unwrap().cancel, None);
        assert_eq!(world.book.claimed_on(&name()), "host-2");
    }

    #[test]
    fn a_word_of_one_that_was_taken_over_changes_nothing() {
        let mut world = World::default();
        world.read(claim(1, None));
        world.read(word(1, 0, ReplayState::Running));
        world.read(claim(2, Some(1)));
        world.read(word(2, 2, ReplayState::Running));
        world.read(word(1, 0, ReplayState::Failed));
        assert_eq!(world.entry(0).unwrap().state_name(), "running");
    }

    #[test]
    fn what_cannot_be_read_leaves_a_replay_as_it_is_and_a_deleted_one_is_gone() {
        let mut world = World::default();
        world.read(claim(1, None));
        world.read(word(1, 0, ReplayState::Running));
        let before = world.entry(0);
        world.read_bytes(ReplayRecordKind::Word, Some(b"not ours"));
        world.read_bytes(ReplayRecordKind::Word, Some(&claim(2, Some(1)).encode()));
        world.read_bytes(ReplayRecordKind::Claim, None);
        world.read_bytes(ReplayRecordKind::Cancel, Some(b"not ours"));
        let unnamed =
            TableRecord { partition: 0, offset: 9, timestamp_ms: 0, key: None, value: None };
        world.book.read(unnamed, Instant::now());
        assert_eq!(world.entry(0), before);
        world.read_bytes(ReplayRecordKind::Word, None);
        assert_eq!(world.entry(0), None);
    }
}
