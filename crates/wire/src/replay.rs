//! The records of the compacted topic `<prefix>.replays`: who runs which named replay, how it
//! stands, and who is asked to stop. The key is the name and what kind of record it is, so
//! that the last of each kind stays; the value a protobuf `ReplayEntry`.
//!
//! What a record says about who runs it is read whatever its status holds: a later version's
//! run must not be taken for a dead one.
//!
//! Start at [`ReplayRecord`]; how a replay stands is a [`ReplayStatus`].

mod status;

use emberline_model::ReplayName;
use prost::Message;

use crate::{DecodeError, proto};

pub use status::{ReplayKind, ReplayProgress, ReplayRange, ReplayState, ReplayStatus};

const MESSAGE: &str = "ReplayEntry";

/// What a record's key says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayRecordKind {
    /// A word of who runs it.
    Word,
    /// Someone wants to run it.
    Claim,
    /// Who runs it is asked to stop.
    Cancel,
}

impl ReplayRecordKind {
    const fn suffix(self) -> &'static str {
        match self {
            Self::Word => "",
            Self::Claim => "/claim",
            Self::Cancel => "/cancel",
        }
    }
}

/// What a record's value says.
#[derive(Debug, Clone, PartialEq)]
pub enum ReplayRecord {
    /// Its writer wants to run the replay.
    Claim {
        /// Who.
        by: u128,
        /// The offset of the last claim or word of the name that it has read.
        follows: Option<i64>,
        /// Its machine.
        host: String,
    },
    /// Its writer runs it, or has just ended.
    Word {
        /// Who.
        by: u128,
        /// The offset of its claim.
        term: i64,
        /// It was its last word.
        ended: bool,
        /// How the replay stands; `None` where only a later version can tell.
        status: Option<Box<ReplayStatus>>,
    },
    /// Who runs it is asked to stop.
    Cancel {
        /// Who is asked.
        of: u128,
        /// By the offset of its claim.
        term: i64,
        /// The asker's machine.
        host: String,
        /// When, Unix milliseconds.
        time_ms: i64,
    },
}

/// Writes a record's key.
pub fn encode_key(name: &ReplayName, kind: ReplayRecordKind) -> Vec<u8> {
    format!("{name}{}", kind.suffix()).into_bytes()
}

/// Reads a record's key.
///
/// # Errors
/// [`DecodeError`] if it is no such key.
pub fn decode_key(key: &[u8]) -> Result<(ReplayName, ReplayRecordKind), DecodeError> {
    use ReplayRecordKind::{Cancel, Claim, Word};
    let broken = || DecodeError::invalid("the key", "a replay's name, or with /claim or /cancel");
    let key = std::str::from_utf8(key).map_err(|_| broken())?;
    // A name has no slash.
    let (name, suffix) = key.split_at(key.find('/').unwrap_or(key.len()));
    let kind = [Word, Claim, Cancel].into_iter().find(|kind| kind.suffix() == suffix);
    match (ReplayName::parse(name), kind) {
        (Ok(name), Some(kind)) => Ok((name, kind)),
        _ => Err(broken()),
    }
}

impl ReplayRecord {
    /// A word: the last one if this state is one that a replay ends in.
    pub fn word(by: u128, term: i64, status: ReplayStatus) -> Self {
        let ended = !status.state.is_running();
        Self::Word { by, term, ended, status: Some(Box::new(status)) }
    }

    /// Which kind its key must say.
    pub const fn kind(&self) -> ReplayRecordKind {
        match self {
            Self::Claim { .. } => ReplayRecordKind::Claim,
            Self::Word { .. } => ReplayRecordKind::Word,
            Self::Cancel { .. } => ReplayRecordKind::Cancel,
        }
    }

    /// Writes a record's value.
    pub fn encode(self) -> Vec<u8> {
        use proto::replay_entry::Entry;
        let (holder, entry) = match self {
            Self::Claim { by, follows, host } => {
                (by, Entry::Claim(proto::ReplayClaim { follows, host }))
            }
            Self::Word { by, term, ended, status } => {
                let status = status.map(|status| status.into_proto());
                (by, Entry::Word(Box::new(proto::ReplayWord { term, ended, status })))
            }
            Self::Cancel { of, term, host, time_ms } => {
                (of, Entry::Cancel(proto::ReplayCancel { term, host, time_ms }))
            }
        };
        let holder = holder.to_be_bytes().to_vec();
        proto::ReplayEntry { holder, entry: Some(entry) }.encode_to_vec()
    }

    /// Reads a record's value.
    ///
    /// # Errors
    /// [`DecodeError`] if it is no such message, or of a kind that only a later version
    /// writes.
    pub fn decode(value: &[u8]) -> Result<Self, DecodeError> {
        use proto::replay_entry::Entry;
        let entry = proto::ReplayEntry::decode(value)
            .map_err(|problem| DecodeError::protobuf(MESSAGE, &problem))?;
        let holder = <[u8; 16]>::try_from(entry.holder);
        let holder = holder.map_err(|_| DecodeError::invalid("holder", "not 16 bytes"))?;
        let holder = u128::from_be_bytes(holder);
        Ok(match entry.entry.ok_or(DecodeError::Missing { field: "entry" })? {
            Entry::Claim(proto::ReplayClaim { follows, host }) => {
                Self::Claim { by: holder, follows, host }
            }
            Entry::Word(word) => {
                let proto::ReplayWord { term, ended, status } = *word;
                let status = status.and_then(ReplayStatus::from_proto).map(Box::new);
                Self::Word { by: holder, term, ended, status }
            }
            Entry::Cancel(proto::ReplayCancel { term, host, time_ms }) => {
                Self::Cancel { of: holder, term, host, time_ms }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use emberline_model::ReplayName;
    use prost::Message as _;

    use super::{ReplayRecord, ReplayRecordKind, decode_key, encode_key};
    use crate::proto;
    use crate::replay::status::tests::status;

    #[test]
    fn a_key_reads_back_for_each_kind_of_record() {
        use ReplayRecordKind::{Cancel, Claim, Word};
        let name = ReplayName::parse("back-fill.2").unwrap();
        for kind in [Word, Claim, Cancel] {
            assert_eq!(decode_key(&encode_key(&name, kind)).unwrap(), (name.clone(), kind));
        }
        for wrong in ["", "/claim", "a/", "a/word", "a/claim/cancel", "a b"] {
            assert!(decode_key(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(decode_key(&[0xff]).is_err());
    }

    #[test]
    fn each_kind_of_record_reads_back() {
        let (by, host) = (7 << 100, "node-1".to_owned());
        let records = [
            ReplayRecord::Claim { by, follows: None, host: host.clone() },
            ReplayRecord::Claim { by, follows: Some(0), host: host.clone() },
            ReplayRecord::word(by, 12, status()),
            ReplayRecord::Cancel { of: by, term: 12, host, time_ms: 1_700_000_000_000 },
        ];
        for record in records {
            assert_eq!(ReplayRecord::decode(&record.clone().encode()).unwrap(), record);
        }
    }

    #[test]
    fn a_word_of_a_later_version_still_says_who_runs_it() {
        let later = proto::ReplayStatus { kind: 1, state: 99, ..Default::default() };
        let word = proto::ReplayWord { term: 4, ended: false, status: Some(later) };
        let entry = Some(proto::replay_entry::Entry::Word(Box::new(word)));
        let value = proto::ReplayEntry { holder: vec![0; 16], entry }.encode_to_vec();
        let word = ReplayRecord::Word { by: 0, term: 4, ended: false, status: None };
        assert_eq!(ReplayRecord::decode(&value).unwrap(), word);
    }

    #[test]
    fn what_is_no_record_of_a_replay_is_refused() {
        let nameless = proto::ReplayEntry { holder: vec![0; 16], entry: None }.encode_to_vec();
        let claim = Some(proto::replay_entry::Entry::Claim(proto::ReplayClaim::default()));
        let short = proto::ReplayEntry { holder: vec![0; 15], entry: claim }.encode_to_vec();
        for wrong in [&[][..], &[0xff], &nameless, &short] {
            assert!(ReplayRecord::decode(wrong).is_err(), "{wrong:?}");
        }
    }
}
