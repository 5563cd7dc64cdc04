//! How a replay stands.

use std::collections::BTreeMap;

use crate::proto;

/// What is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayKind {
    /// Records of an input topic.
    Replay,
    /// Dead letters.
    Redrive,
}

impl ReplayKind {
    /// As it is printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Redrive => "redrive",
        }
    }
}

/// Where a replay stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayState {
    /// Someone has it, and nothing was sent yet.
    Planned,
    /// Someone has it and sends.
    Running,
    /// All was sent that was meant.
    Done,
    /// It could not go on.
    Failed,
    /// Stopped by a request.
    Cancelled,
    /// Stopped by a signal: it goes on when it is begun again.
    Stopped,
}

impl ReplayState {
    /// Whether someone runs it.
    pub const fn is_running(self) -> bool {
        matches!(self, Self::Planned | Self::Running)
    }

    /// As it is printed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Stopped => "stopped",
        }
    }
}

/// A part of a partition that is read: the offsets from `from` to before `to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayRange {
    /// The partition's number.
    pub partition: i32,
    /// The first offset.
    pub from: i64,
    /// One past the last offset.
    pub to: i64,
}

/// How far a replay is, since it was begun first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplayProgress {
    /// Records in the ranges.
    pub records: u64,
    /// Records read.
    pub read: u64,
    /// Records read that were chosen.
    pub matched: u64,
    /// Items that the service took.
    pub delivered: u64,
    /// Items that were known already.
    pub duplicates: u64,
    /// Items that were not delivered, by reason.
    pub failed: BTreeMap<String, u64>,
    /// Time of the record where the partition that is furthest behind stands, Unix
    /// milliseconds.
    pub position_ms: Option<i64>,
}

/// What a replay was asked to do, and how it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplayStatus {
    /// What is sent again.
    pub kind: ReplayKind,
    /// Where it stands.
    pub state: ReplayState,
    /// Why it ended, where the state doesn't say all; else empty.
    pub reason: String,
    /// The topic that is read.
    pub topic: String,
    /// From where on, as the user wrote it.
    pub from: Vec<String>,
    /// Up to where, as the user wrote it.
    pub to: Vec<String>,
    /// The offsets that this meant when it was planned.
    pub ranges: Vec<ReplayRange>,
    /// Only records of these Unix milliseconds, from the first to before the second: set where
    /// the brokers can't look up by time.
    pub only: Option<(i64, i64)>,
    /// The flags that chose among the records, by name.
    pub asked: BTreeMap<String, String>,
    /// What the plan has counted, by name.
    pub planned: BTreeMap<String, u64>,
    /// Calls a second at most; `None`: no limit of its own.
    pub rate: Option<f64>,
    /// The machine that it runs on, or ran on last.
    pub host: String,
    /// When it was begun first, Unix milliseconds.
    pub started_ms: i64,
    /// When it ended, Unix milliseconds; `None` while it runs.
    pub ended_ms: Option<i64>,
    /// How far it is.
    pub progress: ReplayProgress,
    /// What the last run looked up receipts since, Unix milliseconds: what earlier runs sent
    /// after that may not be settled. `None`: it was the first.
    pub unsure_since_ms: Option<i64>,
}

impl ReplayStatus {
    pub(super) fn into_proto(self) -> proto::ReplayStatus {
        let range =
            |ReplayRange { partition, from, to }| proto::ReplayRange { partition, from, to };
        let only = self.only.map(|(from_ms, to_ms)| proto::ReplayTimes { from_ms, to_ms });
        proto::ReplayStatus {
            kind: match self.kind {
                ReplayKind::Replay => proto::ReplayKind::Replay,
                ReplayKind::Redrive => proto::ReplayKind::Redrive,
            }
            .into(),
            state: match self.state {
                ReplayState::Planned => proto::ReplayState::Planned,
                ReplayState::Running => proto::ReplayState::Running,
                ReplayState::Done => proto::ReplayState::Done,
                ReplayState::Failed => proto::ReplayState::Failed,
                ReplayState::Cancelled => proto::ReplayState::Cancelled,
                ReplayState::Stopped => proto::ReplayState::Stopped,
            }
            .into(),
            reason: self.reason,
            topic: self.topic,
            from: self.from,
            to: self.to,
            ranges: self.ranges.into_iter().map(range).collect(),
            only,
            asked: self.asked,
            planned: self.planned,
            rate: self.rate,
            host: self.host,
            started_ms: self.started_ms,
            ended_ms: self.ended_ms,
            progress: Some(self.progress.into_proto()),
            unsure_since_ms: self.unsure_since_ms,
        }
    }

    /// `None` where it has what only a later version writes.
    pub(super) fn from_proto(status: proto::ReplayStatus) -> Option<Self> {
        let range =
            |proto::ReplayRange { partition, from, to }| ReplayRange { partition, from, to };
        let (kind, state) = (status.kind(), status.state());
        Some(Self {
            kind: match kind {
                proto::ReplayKind::Replay => ReplayKind::Replay,
                proto::ReplayKind::Redrive => ReplayKind::Redrive,
                proto::ReplayKind::Unspecified => return None,
            },
            state: match state {
                proto::ReplayState::Planned => ReplayState::Planned,
                proto::ReplayState::Running => ReplayState::Running,
                proto::ReplayState::Done => ReplayState::Done,
                proto::ReplayState::Failed => ReplayState::Failed,
                proto::ReplayState::Cancelled => ReplayState::Cancelled,
                proto::ReplayState::Stopped => ReplayState::Stopped,
                proto::ReplayState::Unspecified => return None,
            },
            reason: status.reason,
            topic: status.topic,
            from: status.from,
            to: status.to,
            ranges: status.ranges.into_iter().map(range).collect(),
            only: status.only.map(|only| (only.from_ms, only.to_ms)),
            asked: status.asked,
            planned: status.planned,
            rate: status.rate,
            host: status.host,
            started_ms: status.started_ms,
            ended_ms: status.ended_ms,
            progress: ReplayProgress::from_proto(status.progress.unwrap_or_default()),
            unsure_since_ms: status.unsure_since_ms,
        })
    }
}

impl ReplayProgress {
    fn into_proto(self) -> proto::ReplayProgress {
        let Self { records, read, matched, delivered, duplicates, failed, position_ms } = self;
        proto::ReplayProgress { records, read, matched, delivered, duplicates, failed, position_ms }
    }

    fn from_proto(progress: proto::ReplayProgress) -> Self {
        let proto::ReplayProgress {
            records,
            read,
            matched,
            delivered,
            duplicates,
            failed,
            position_ms,
        } = progress;
        Self { records, read, matched, delivered, duplicates, failed, position_ms }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;

    use prost::Message as _;

    use super::{ReplayKind, ReplayProgress, ReplayRange, ReplayState, ReplayStatus};
    use crate::proto;

    /// Every field has something in it.
    pub(crate) fn status() -> ReplayStatus {
        ReplayStatus {
            kind: ReplayKind::Redrive,
            state: ReplayState::Cancelled,
            reason: "asked to".into(),
            topic: "emberline.dead-letters".into(),
            from: vec!["2h ago".into()],
            to: vec!["0:7".into(), "1:9".into()],
            ranges: vec![ReplayRange { partition: 1, from: 3, to: 9 }],
            only: Some((1_700_000_000_000, i64::MAX)),
            asked: BTreeMap::from([("--device".into(), "P/a".into())]),
            planned: BTreeMap::from([("calls".into(), 3)]),
            rate: Some(0.5),
            host: "node-1".into(),
            started_ms: 1_700_000_000_000,
            ended_ms: Some(1_700_000_001_000),
            progress: ReplayProgress {
                records: 6,
                read: 5,
                matched: 4,
                delivered: 3,
                duplicates: 2,
                failed: BTreeMap::from([("unbound".into(), 1)]),
                position_ms: Some(1_600_000_000_000),
            },
            unsure_since_ms: Some(1_699_999_940_000),
        }
    }

    #[test]
    fn every_kind_and_state_reads_back() {
        use ReplayState::{Cancelled, Done, Failed, Planned, Running, Stopped};
        for kind in [ReplayKind::Replay, ReplayKind::Redrive] {
            for state in [Planned, Running, Done, Failed, Cancelled, Stopped] {
                let status = ReplayStatus { kind, state, ..status() };
                let bytes = status.clone().into_proto().encode_to_vec();
                let read = proto::ReplayStatus::decode(bytes.as_slice()).unwrap();
                assert_eq!(ReplayStatus::from_proto(read).unwrap(), status);
                assert_eq!(state.is_running(), matches!(state, Planned | Running));
            }
        }
    }

    #[test]
    fn a_kind_or_state_of_a_later_version_is_not_guessed() {
        let wire = status().into_proto();
        assert_eq!(ReplayStatus::from_proto(proto::ReplayStatus { kind: 9, ..wire.clone() }), None);
        assert_eq!(ReplayStatus::from_proto(proto::ReplayStatus { state: 9, ..wire }), None);
    }
}
