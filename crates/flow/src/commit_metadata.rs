//! The text that travels with a committed offset: from where the dedupe window must be
//! read again, and what is settled above the frontier.
//!
//! Absent: any failure of reading it. Text of another program, of a later version or
//! damaged is worth the default: then a crash repeats more, and nothing is lost.
//!
//! Start at [`encode`].

use std::ops::Range;

use base64_simd::URL_SAFE_NO_PAD as BASE64;

/// The broker's default `offset.metadata.max.bytes`. A longer text makes the commit of
/// that partition fail without a word about which one it was.
pub const MAX_BYTES: usize = 4096;

/// Names the format. Text that begins otherwise is not ours.
const PREFIX: &str = "e1.";
const MAX_BINARY: usize = (MAX_BYTES - PREFIX.len()) / 4 * 3;
/// A run takes two bytes at least, so no more than this fit.
const MAX_RUNS: usize = MAX_BINARY / 2;

const SHORTENED: u8 = 1;
const HAS_SEED: u8 = 2;

/// What a commit tells beside its offset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitMetadata {
    /// The offset from which the dedupe window must be read again.
    pub seed_from: Option<i64>,
    /// Offsets settled above the frontier, lowest first.
    pub settled: Vec<Range<i64>>,
    /// More was settled than `settled` tells: higher runs were left out.
    pub shortened: bool,
}

impl CommitMetadata {
    /// Gathers what a commit should carry. Takes no more runs (lowest first, as
    /// [`settled_above`](crate::ledger::PartitionLedger::settled_above) gives them) than
    /// could ever fit.
    pub fn gather(seed_from: Option<i64>, runs: impl IntoIterator<Item = Range<i64>>) -> Self {
        let mut runs = runs.into_iter();
        let settled = runs.by_ref().take(MAX_RUNS).collect();
        Self { seed_from, settled, shortened: runs.next().is_some() }
    }

    /// Whether this offset was settled, as far as the text could tell.
    pub fn is_settled(&self, offset: i64) -> bool {
        let after = self.settled.partition_point(|run| run.start <= offset);
        after.checked_sub(1).is_some_and(|index| self.settled[index].contains(&offset))
    }
}

/// Writes the text to be committed with `frontier`, at most [`MAX_BYTES`] long. Runs
/// that do not fit are left out, highest first, and the text says so.
pub fn encode(metadata: &CommitMetadata, frontier: i64) -> String {
    if *metadata == CommitMetadata::default() {
        return String::new();
    }
    let mut flags = if metadata.shortened { SHORTENED } else { 0 };
    let mut bytes = vec![0];
    put(&mut bytes, frontier.cast_unsigned());
    if let Some(seed_from) = metadata.seed_from {
        flags |= HAS_SEED;
        put(&mut bytes, frontier.saturating_sub(seed_from).max(0).cast_unsigned());
    }
    let mut from = frontier;
    for run in &metadata.settled {
        let start = run.start.max(from);
        if run.end <= start {
            continue;
        }
        let before = bytes.len();
        put(&mut bytes, from.abs_diff(start));
        put(&mut bytes, start.abs_diff(run.end));
        if bytes.len() > MAX_BINARY {
            bytes.truncate(before);
            flags |= SHORTENED;
            break;
        }
        from = run.end;
    }
    bytes[0] = flags;
    let mut text = String::from(PREFIX);
    BASE64.encode_append(&bytes, &mut text);
    text
}

/// Reads the text that was committed with `frontier`.
///
/// The text names its own frontier. Where it is not the committed one, the default is
/// returned: tools that carry offsets to another cluster copy the text along with an
/// offset of the other log, and there the runs would mark records that nobody has seen.
pub fn decode(text: &str, frontier: i64) -> CommitMetadata {
    read(text, frontier).unwrap_or_default()
}

fn read(text: &str, frontier: i64) -> Option<CommitMetadata> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let bytes = BASE64.decode_to_vec(text.strip_prefix(PREFIX)?).ok()?;
    let (&flags, mut rest) = bytes.split_first()?;
    if flags & !(SHORTENED | HAS_SEED) != 0 || take(&mut rest)? != frontier.cast_unsigned() {
        return None;
    }
    let seed_from = match flags & HAS_SEED {
        0 => None,
        _ => Some(frontier.checked_sub_unsigned(take(&mut rest)?)?),
    };
    let mut settled = Vec::new();
    let mut from = frontier;
    while !rest.is_empty() {
        let start = from.checked_add_unsigned(take(&mut rest)?)?;
        let end = start.checked_add_unsigned(take(&mut rest)?)?;
        if start == end {
            return None;
        }
        settled.push(start..end);
        from = end;
    }
    Some(CommitMetadata { seed_from, settled, shortened: flags & SHORTENED != 0 })
}

/// Seven bits a byte, lowest first, the top bit set on all but the last.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push((number & 0x7f) as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests;
