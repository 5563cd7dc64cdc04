//! Groups, and the topics' ends that they are on their way to.

use std::collections::BTreeMap;

use anyhow::{Context, Result};

use super::{TestKafka, client};

/// Where the brokers keep what they know of groups.
const GROUPS: &str = "__consumer_offsets";

impl TestKafka {
    /// One past the last offset of each partition of a topic.
    ///
    /// # Errors
    /// No answer, or a partition that nobody leads.
    pub async fn ends(&self, topic: &str) -> Result<BTreeMap<i32, i64>> {
        let (bootstrap, topic) = (self.bootstrap().to_owned(), topic.to_owned());
        tokio::task::spawn_blocking(move || client::ends(&bootstrap, &topic)).await?
    }

    /// Moves a group that has no members to these offsets of a topic's partitions: what lies
    /// before them it never reads.
    ///
    /// # Errors
    /// It has members, or no answer.
    pub async fn commit(
        &self,
        group: &str,
        topic: &str,
        offsets: &BTreeMap<i32, i64>,
    ) -> Result<()> {
        let (bootstrap, group) = (self.bootstrap().to_owned(), group.to_owned());
        let topic = topic.to_owned();
        let offsets = offsets.iter().map(|(partition, to)| (*partition, (*to, String::new())));
        let offsets = offsets.collect();
        let commit = move || client::commit(&bootstrap, &group, &topic, &offsets);
        tokio::task::spawn_blocking(commit).await?
    }

    /// The same for one partition, with the text that a member would commit beside the offset.
    ///
    /// # Errors
    /// It has members, or no answer.
    pub async fn commit_with(
        &self,
        group: &str,
        (topic, partition): (&str, i32),
        offset: i64,
        text: &str,
    ) -> Result<()> {
        let (bootstrap, group) = (self.bootstrap().to_owned(), group.to_owned());
        let (topic, offset) = (topic.to_owned(), (partition, (offset, text.to_owned())));
        let commit = move || client::commit(&bootstrap, &group, &topic, &BTreeMap::from([offset]));
        tokio::task::spawn_blocking(commit).await?
    }

    /// The generation of a group of the classic protocol: it grows by one with each rebalance,
    /// also with one that moves no partition.
    ///
    /// # Errors
    /// There is no such group, or it can't be read.
    pub async fn generation_of(&self, group: &str) -> Result<i32> {
        let records = self.read_all(GROUPS).await?;
        let of_group = records.iter().filter(|record| {
            record.key.as_deref().and_then(group_of_key).is_some_and(|name| name == group)
        });
        // All records of a group are in one partition, in their order.
        let value = of_group.filter_map(|record| record.value.as_deref()).next_back();
        let generation = value.and_then(generation_of_value);
        generation.with_context(|| format!("no generation of the group {group} is known"))
    }
}

/// The name in a key of `GroupMetadataKey`, the broker's own schema: its version as 16 bits,
/// 2; the group as a text whose length stands before it.
fn group_of_key(key: &[u8]) -> Option<&str> {
    let (version, rest) = i16_of(key)?;
    let (name, rest) = text_of(rest)?;
    (version == 2 && rest.is_empty()).then_some(name)
}

/// The generation in a value of `GroupMetadataValue`: its version as 16 bits, below 4; the
/// protocol's type as a text; the generation as 32 bits.
fn generation_of_value(value: &[u8]) -> Option<i32> {
    let (version, rest) = i16_of(value)?;
    let (_, rest) = text_of(rest)?;
    let generation = rest.first_chunk().copied().map(i32::from_be_bytes);
    generation.filter(|_| (0..4).contains(&version))
}

fn text_of(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (length, rest) = i16_of(bytes)?;
    let (text, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((std::str::from_utf8(text).ok()?, rest))
}

fn i16_of(bytes: &[u8]) -> Option<(i16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((i16::from_be_bytes(*number), rest))
}

#[cfg(test)]
mod tests {
    use super::{generation_of_value, group_of_key};

    #[test]
    fn the_brokers_own_records_of_groups_are_read() {
        assert_eq!(group_of_key(b"\0\x02\0\x03abc"), Some("abc"));
        assert_eq!(group_of_key(b"\0\x01\0\x03abc\0\x01t\0\0\0\x01"), None, "a commit's key");
        assert_eq!(group_of_key(b"\0\x02\0\x09abc"), None);
        let value = b"\0\x03\0\x08consumer\0\0\x01\x02\0\x05range";
        assert_eq!(generation_of_value(value), Some(258));
        assert_eq!(generation_of_value(b"\0\x04\x09consumer\0\0\x01\x02"), None);
    }
}
