//! What a replay is asked to push again.

use std::collections::BTreeMap;
use std::fmt::Display;

use emberline_model::{Category, CustomerId, DeviceId};
use emberline_pipeline::replay::Selection;

use crate::app::UsageError;
use crate::commands::again::{Job, Options};
use crate::replays::ReplayKind;
use crate::settings::Settings;
use crate::span::Span;
use crate::wiring;

/// Arguments of `replay` without a subcommand.
#[derive(Debug, clap::Args)]
// Its own group would have the name of the one around it.
#[group(skip)]
pub(super) struct Args {
    /// The topic: one of those that the workers read.
    #[arg(long, required = true, value_name = "TOPIC")]
    topic: Option<String>,
    #[command(flatten)]
    span: Span,
    /// Only of this device. Repeat it for more.
    #[arg(long, value_name = "PRODUCT/DEVICE", value_parser = DeviceId::parse)]
    device: Vec<DeviceId>,
    /// Only of this customer, and of the devices that it has bound now. Repeat it for more.
    #[arg(long, value_name = "ID", value_parser = CustomerId::parse)]
    customer: Vec<CustomerId>,
    /// Only of devices of this product. Repeat it for more.
    #[arg(long, value_name = "PRODUCT")]
    product: Vec<String>,
    /// Only reports of this property or data category, such as `power` or `400`, and no
    /// states. Repeat it for more.
    #[arg(long, value_name = "CATEGORY", value_parser = category)]
    category: Vec<Category>,
    /// Only states, online and offline.
    #[arg(long, conflicts_with = "category")]
    state: bool,
    /// Only records that became dead letters, and of these only what did.
    #[arg(long)]
    dead_letters: bool,
    /// Only what has no receipt: to fill gaps without sending anything twice.
    #[arg(long)]
    missing_only: bool,
    #[command(flatten)]
    options: Options,
}

fn category(text: &str) -> Result<Category, String> {
    let by_code = || text.parse().ok().and_then(Category::from_code);
    Category::from_property(text).or_else(by_code).ok_or_else(|| {
        let known = Category::ALL.map(|it| format!("{} ({})", it.property(), it.code()));
        format!("there are {}", known.join(", "))
    })
}

impl Args {
    /// As a job.
    ///
    /// # Errors
    /// It has no bound, is about a topic that the workers don't read, or needs receipts and
    /// there are none.
    pub(super) fn job(self, settings: &Settings) -> Result<Job, UsageError> {
        let topic = self.topic.clone().unwrap_or_default();
        let topics = wiring::topics(settings);
        let keyed = topics.repartitions().then(|| topics.keyed_devices());
        let inputs = settings.topics.inputs().map(|(_, topic)| topic);
        let inputs: Vec<_> = inputs.chain(keyed.as_deref()).collect();
        if !inputs.contains(&topic.as_str()) {
            let inputs = inputs.join(", ");
            let text = format!("{topic} is no topic that the workers read: these are {inputs}");
            return Err(UsageError(text));
        }
        if !self.span.is_bounded() {
            let text = "give --from, --to, or both: a whole topic is --from 1970-01-01T00:00:00Z";
            return Err(UsageError(text.to_owned()));
        }
        if self.missing_only && !settings.receipts.enabled {
            let text = "--missing-only goes by receipts, and none are written (receipts.enabled): leave it \
                        away, and what was delivered before is sent again";
            return Err(UsageError(text.to_owned()));
        }
        let asked = self.asked();
        let categories = self.category.iter().copied();
        let selection = Selection {
            devices: self.device,
            customers: self.customer,
            products: self.product,
            categories: (!self.category.is_empty()).then(|| categories.collect()),
            states_only: self.state,
            missing_only: self.missing_only,
            ..Selection::default()
        };
        Ok(Job {
            kind: ReplayKind::Replay,
            topic,
            span: self.span,
            selection,
            dead_letters_only: self.dead_letters,
            without_receipt_only: self.missing_only,
            asked,
            options: self.options,
        })
    }

    /// The flags that choose, as the registry keeps them.
    fn asked(&self) -> BTreeMap<String, String> {
        let categories: Vec<_> = self.category.iter().map(|it| it.property()).collect();
        let given = [
            ("device", joined(&self.device)),
            ("customer", joined(&self.customer)),
            ("product", joined(&self.product)),
            ("category", joined(&categories)),
            ("state", flag(self.state)),
            ("dead-letters", flag(self.dead_letters)),
            ("missing-only", flag(self.missing_only)),
        ];
        let given = given.into_iter().filter(|(_, value)| !value.is_empty());
        given.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn flag(given: bool) -> String {
    if given { "yes".to_owned() } else { String::new() }
}

fn joined<T: Display>(values: &[T]) -> String {
    values.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}
