//! The text that travels with a committed offset: from where the dedupe window must be
//! read again, what is settled above the frontier, and what is settled of records that are
//! not settled as a whole.
//!
//! Absent: any failure of reading it. Text of another program, of a later version or
//! damaged is worth the default: then a crash repeats more, and nothing is lost.
//!
//! Start at [`encode`].

mod fronts;

use std::ops::Range;

use base64_simd::URL_SAFE_NO_PAD as BASE64;

pub use fronts::{Front, Known, PARTS, Unsettled, fronts};

/// The broker's default `offset.metadata.max.bytes`. A longer text makes the commit of
/// that partition fail without a word about which one it was.
pub const MAX_BYTES: usize = 4096;

/// Names the format. Text that begins otherwise is not ours.
const PREFIX: &str = "e1.";
const MAX_BINARY: usize = (MAX_BYTES - PREFIX.len()) / 4 * 3;
/// No more runs than this can be told of, in either form: every second offset.
const MAX_RUNS: usize = MAX_BINARY * 4;

/// Offsets above the frontier that are told of whatever the pattern in which they were
/// settled: a bit each. A partition that is read no further ahead of its frontier than
/// this never has its text shortened.
pub const SURE_REACH: u64 = 24_000;

const SHORTENED: u8 = 1;
const HAS_SEED: u8 = 2;
/// What is settled is told by a bit an offset, not by the lengths of runs.
const BITS: u8 = 4;
/// Records settled in part come before what is settled.
const PARTLY: u8 = 8;
/// How far devices' parts are settled comes before that.
const FRONTS: u8 = 16;

/// What a commit tells beside its offset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommitMetadata {
    /// The offset from which the dedupe window must be read again.
    pub seed_from: Option<i64>,
    /// Offsets settled above the frontier, lowest first.
    pub settled: Vec<Range<i64>>,
    /// How far the parts of devices are settled, lowest first. They take the room that the
    /// runs leave.
    pub fronts: Vec<Front>,
    /// Records of which a part is settled beyond that, lowest first: their offset, and a bit
    /// for each part. They take the room that is left then.
    pub partly: Vec<(i64, u8)>,
    /// More was settled than is told here: what is higher was left out.
    pub shortened: bool,
}

impl CommitMetadata {
    /// Gathers what a commit should carry. Takes no more runs (lowest first, as
    /// [`settled_above`](crate::ledger::PartitionLedger::settled_above) gives them) than
    /// could ever fit.
    pub fn gather(seed_from: Option<i64>, runs: impl IntoIterator<Item = Range<i64>>) -> Self {
        let mut runs = runs.into_iter();
        let settled = runs.by_ref().take(MAX_RUNS).collect();
        let shortened = runs.next().is_some();
        Self { seed_from, settled, fronts: Vec::new(), partly: Vec::new(), shortened }
    }

    /// Whether this offset was settled, as far as the text could tell.
    pub fn is_settled(&self, offset: i64) -> bool {
        let after = self.settled.partition_point(|run| run.start <= offset);
        after.checked_sub(1).is_some_and(|index| self.settled[index].contains(&offset))
    }

    /// The front that the record at this offset tells the device of.
    pub fn front_at(&self, offset: i64) -> Option<&Front> {
        let found = self.fronts.binary_search_by_key(&offset, |front| front.at);
        found.ok().map(|index| &self.fronts[index])
    }

    /// Where whoever has `committed` begins to read: where the dedupe window begins, for who
    /// `seeds` one; in any case early enough to learn whom the fronts are about.
    pub fn begin(&self, committed: i64, seeds: bool) -> i64 {
        let seed_from = self.seed_from.filter(|_| seeds);
        let fronts = self.fronts.iter().map(|front| front.at);
        fronts.chain(seed_from).fold(committed, i64::min)
    }

    /// The parts of the record at this offset that were settled beyond its device's front, a
    /// bit each.
    pub fn settled_parts(&self, offset: i64) -> u8 {
        let found = self.partly.binary_search_by_key(&offset, |(offset, _)| *offset);
        found.map_or(0, |index| self.partly[index].1)
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
    let head = bytes.len();
    let told_by_runs = put_runs(&mut bytes, frontier, &metadata.settled);
    let last = metadata.settled.last().map_or(frontier, |run| run.end);
    // A pattern of many short runs is shorter by bits, and what is left is for parts.
    let by_bits = usize::try_from(last.saturating_sub(frontier)).unwrap_or(0) / 8;
    if told_by_runs < last || by_bits < bytes.len() - head {
        let mut bits = bytes[..head].to_vec();
        let told_by_bits = put_bits(&mut bits, frontier, &metadata.settled);
        if told_by_bits > told_by_runs || (told_by_bits == last && bits.len() < bytes.len()) {
            bytes = bits;
            flags |= BITS;
        }
        if told_by_bits.max(told_by_runs) < last {
            flags |= SHORTENED;
        }
    }
    let mut parts = Vec::new();
    if !metadata.fronts.is_empty() {
        let base = read_from(metadata.seed_from, frontier);
        let (fronts, all) = put_fronts(base, &metadata.fronts, MAX_BINARY - bytes.len());
        if !fronts.is_empty() {
            flags |= FRONTS;
        }
        if !all {
            flags |= SHORTENED;
        }
        parts = fronts;
    }
    if !metadata.partly.is_empty() {
        let (partly, all) =
            partly(frontier, &metadata.partly, MAX_BINARY - bytes.len() - parts.len());
        if !partly.is_empty() {
            flags |= PARTLY;
        }
        if !all {
            flags |= SHORTENED;
        }
        parts.extend(partly);
    }
    bytes.splice(head..head, parts);
    bytes[0] = flags;
    let mut text = String::from(PREFIX);
    BASE64.encode_append(&bytes, &mut text);
    text
}

/// Whether the text to be committed with `frontier` would tell all of it, with an
/// eighth of its room to spare: calls under way settle more parts.
pub fn tells_all(metadata: &CommitMetadata, frontier: i64) -> bool {
    let text = encode(metadata, frontier);
    text.len() <= MAX_BYTES / 8 * 7 && !decode(&text, frontier).shortened
}

/// The first offset that the next owner reads.
fn read_from(seed_from: Option<i64>, frontier: i64) -> i64 {
    seed_from.map_or(frontier, |seed| seed.min(frontier))
}

/// Tells how far devices' parts are settled, as far as that fits, after the number of bytes
/// that it takes; and whether all did.
fn put_fronts(base: i64, fronts: &[Front], room: usize) -> (Vec<u8>, bool) {
    let reach = fronts.iter().flat_map(|front| front.settled_to).max().unwrap_or(base);
    let mut bytes = Vec::new();
    put(&mut bytes, base.abs_diff(reach));
    let mut from = base;
    let mut told = 0;
    for front in fronts {
        let before = bytes.len();
        put(&mut bytes, from.abs_diff(front.at));
        let is_far = |part: &usize| front.settled_to[*part] == reach;
        let is_told = |part: &usize| front.settled_to[*part] > front.at && !is_far(part);
        let bits = |parts: &dyn Fn(&usize) -> bool| {
            (0..PARTS).filter(|part| parts(part)).fold(0, |bits, part| bits | 1 << part)
        };
        bytes.push(bits(&is_far));
        bytes.push(bits(&is_told));
        for part in (0..PARTS).filter(is_told) {
            put(&mut bytes, front.at.abs_diff(front.settled_to[part]));
        }
        // Two bytes tell how many there are.
        if bytes.len() + 2 > room {
            bytes.truncate(before);
            break;
        }
        from = front.at;
        told += 1;
    }
    let mut head = Vec::with_capacity(bytes.len() + 2);
    put(&mut head, bytes.len() as u64);
    if told == 0 || head.len() + bytes.len() > room {
        return (Vec::new(), false);
    }
    head.append(&mut bytes);
    (head, told == fronts.len())
}

/// The fronts that these bytes tell of.
fn take_fronts(bytes: &mut &[u8], base: i64) -> Option<Vec<Front>> {
    let length = usize::try_from(take(bytes)?).ok()?;
    let (mut rest, after) = bytes.split_at_checked(length)?;
    *bytes = after;
    let reach = base.checked_add_unsigned(take(&mut rest)?)?;
    let mut fronts = Vec::new();
    let mut from = base;
    while !rest.is_empty() {
        from = from.checked_add_unsigned(take(&mut rest)?)?;
        let (&[far, told], after) = rest.split_first_chunk::<2>()?;
        rest = after;
        if (far | told) >> PARTS != 0 {
            // A part that only a later version knows: what follows can't be told apart.
            return None;
        }
        let mut settled_to = [from; PARTS];
        for (part, to) in settled_to.iter_mut().enumerate() {
            if far & (1 << part) != 0 {
                *to = reach;
            } else if told & (1 << part) != 0 {
                *to = from.checked_add_unsigned(take(&mut rest)?)?;
            }
        }
        fronts.push(Front { at: from, settled_to });
    }
    Some(fronts)
}

/// Tells of records settled in part, as far as they fit, after the number of bytes that it
/// takes; and whether all did.
fn partly(frontier: i64, records: &[(i64, u8)], room: usize) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let mut from = frontier;
    let mut all = true;
    for (offset, parts) in records {
        let before = bytes.len();
        put(&mut bytes, from.abs_diff(*offset));
        bytes.push(*parts);
        // Two bytes tell how many there are.
        if bytes.len() + 2 > room {
            bytes.truncate(before);
            all = false;
            break;
        }
        from = *offset;
    }
    let mut head = Vec::with_capacity(bytes.len() + 2);
    put(&mut head, bytes.len() as u64);
    // Where not even its length fits there is no room for anything.
    if head.len() > room {
        return (Vec::new(), false);
    }
    head.append(&mut bytes);
    (head, all)
}

/// The records that these bytes tell of.
fn take_partly(bytes: &mut &[u8], frontier: i64) -> Option<Vec<(i64, u8)>> {
    let length = usize::try_from(take(bytes)?).ok()?;
    let (mut rest, after) = bytes.split_at_checked(length)?;
    *bytes = after;
    let mut records = Vec::new();
    let mut from = frontier;
    while !rest.is_empty() {
        from = from.checked_add_unsigned(take(&mut rest)?)?;
        let (&parts, after) = rest.split_first()?;
        rest = after;
        if parts >> PARTS != 0 {
            return None;
        }
        records.push((from, parts));
    }
    Some(records)
}

/// Tells the runs by their distances and lengths, as far as they fit; returns one past the
/// last offset told of.
fn put_runs(bytes: &mut Vec<u8>, frontier: i64, runs: &[Range<i64>]) -> i64 {
    let mut from = frontier;
    for run in runs {
        let start = run.start.max(from);
        if run.end <= start {
            continue;
        }
        let before = bytes.len();
        put(bytes, from.abs_diff(start));
        put(bytes, start.abs_diff(run.end));
        if bytes.len() > MAX_BINARY {
            bytes.truncate(before);
            break;
        }
        from = run.end;
    }
    from
}

/// Tells the runs by a bit an offset, as far as they fit; returns one past the last offset
/// told of.
fn put_bits(bytes: &mut Vec<u8>, frontier: i64, runs: &[Range<i64>]) -> i64 {
    let head = bytes.len();
    let room = (MAX_BINARY - head) * 8;
    let place = |offset: i64| usize::try_from(offset.saturating_sub(frontier)).unwrap_or(0);
    let mut told = frontier;
    for run in runs.iter().take_while(|run| place(run.end) <= room) {
        bytes.resize(head + place(run.end).div_ceil(8), 0);
        for place in place(run.start)..place(run.end) {
            bytes[head + place / 8] |= 1 << (place % 8);
        }
        told = run.end;
    }
    told
}

/// The runs that these bits tell.
fn take_bits(bytes: &[u8], frontier: i64) -> Option<Vec<Range<i64>>> {
    let mut runs: Vec<Range<i64>> = Vec::new();
    for (index, byte) in bytes.iter().enumerate() {
        for bit in (0..8).filter(|bit| byte & (1 << bit) != 0) {
            let offset = frontier.checked_add(i64::try_from(index * 8 + bit).ok()?)?;
            match runs.last_mut() {
                Some(run) if run.end == offset => run.end = offset.checked_add(1)?,
                _ => runs.push(offset..offset.checked_add(1)?),
            }
        }
    }
    Some(runs)
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
    if flags & !(SHORTENED | HAS_SEED | BITS | PARTLY | FRONTS) != 0
        || take(&mut rest)? != frontier.cast_unsigned()
    {
        return None;
    }
    let seed_from = match flags & HAS_SEED {
        0 => None,
        _ => Some(frontier.checked_sub_unsigned(take(&mut rest)?)?),
    };
    let fronts = match flags & FRONTS {
        0 => Vec::new(),
        _ => take_fronts(&mut rest, read_from(seed_from, frontier))?,
    };
    let partly = match flags & PARTLY {
        0 => Vec::new(),
        _ => take_partly(&mut rest, frontier)?,
    };
    let shortened = flags & SHORTENED != 0;
    if flags & BITS != 0 {
        let settled = take_bits(rest, frontier)?;
        return Some(CommitMetadata { seed_from, settled, fronts, partly, shortened });
    }
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
    Some(CommitMetadata { seed_from, settled, fronts, partly, shortened })
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
