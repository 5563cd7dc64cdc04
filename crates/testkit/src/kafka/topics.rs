//! Topics that go, or change, under the feet of who uses them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::{Offset, TopicPartitionList};

use super::{TestKafka, client};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Longest until every broker knows that a topic is gone.
const GONE_LIMIT: Duration = Duration::from_secs(30);

impl TestKafka {
    /// Deletes a topic, and waits until it is gone.
    ///
    /// # Errors
    /// What the broker says.
    pub async fn delete_topic(&self, name: &str) -> Result<()> {
        let admin = self.admin()?;
        for result in admin.delete_topics(&[name], &options()).await? {
            result.map_err(|(_, code)| anyhow!("could not delete {name}: {code}"))?;
        }
        let until = Instant::now() + GONE_LIMIT;
        while Instant::now() < until {
            let metadata = admin.inner().fetch_metadata(Some(name), TIMEOUT)?;
            let found = metadata.topics().iter().find(|topic| topic.name() == name);
            if found.is_none_or(|topic| topic.error().is_some()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("{name} was not gone within {GONE_LIMIT:?}")
    }

    /// Sets one of a topic's settings; the others go back to their defaults.
    ///
    /// # Errors
    /// What the broker says.
    pub async fn configure_topic(&self, name: &str, key: &str, value: &str) -> Result<()> {
        let change = AlterConfig::new(ResourceSpecifier::Topic(name)).set(key, value);
        let results = self.admin()?.alter_configs([&change], &options()).await?;
        for result in results {
            result.map_err(|(_, code)| anyhow!("could not configure {name}: {code}"))?;
        }
        Ok(())
    }

    /// Deletes a partition's records before an offset, as retention does.
    ///
    /// # Errors
    /// What the broker says.
    pub async fn delete_records(&self, name: &str, partition: i32, before: i64) -> Result<()> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(name, partition, Offset::Offset(before))?;
        let deleted = self.admin()?.delete_records(&list, &options()).await?;
        for element in deleted.elements() {
            element.error().with_context(|| format!("could not delete records of {name}"))?;
        }
        Ok(())
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>> {
        client::config(self.bootstrap()).create().context("no admin client")
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT)).operation_timeout(Some(TIMEOUT))
}
