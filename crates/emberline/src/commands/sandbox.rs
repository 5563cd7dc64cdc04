//! `sandbox`: the stand-in for the service, until told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use emberline_sandbox::{
    DataCategoryForm, DataInfoForm, Edition, Envelope, Fault, FaultPlan, FaultRule,
    NestedSignature, Sandbox, SandboxSettings,
};

use crate::app::{Exit, UsageError};
use crate::output;
use crate::settings::{HumanDuration, Rate};
use crate::signals::stop_on_signal;

const EXAMPLES: &str = "\
Examples:
  emberline sandbox
  emberline sandbox --listen 127.0.0.1:0 --app-key k --app-secret s --auto-create-customers
  emberline sandbox --latency 20ms --jitter 80ms --fail-share 0.05 --fail-status 503
  emberline sandbox --rate-limit 100/s --envelope code
  emberline sandbox --faults faults.json

The address for service.url is printed on stdout, that of the console on stderr: it shows what was
accepted, publishes, and changes the faults while it runs. The pages under /admin do it in JSON.";

/// Arguments of `sandbox`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9470")]
    listen: SocketAddr,
    /// What the addresses begin with that it gives out, if a proxy or a port mapping lies between.
    #[arg(long, value_name = "URL", value_parser = public_url)]
    public_url: Option<String>,
    /// The only app key that is known.
    #[arg(long, value_name = "KEY", default_value = "ServiceAppKey")]
    app_key: String,
    /// Its secret.
    #[arg(
        long,
        value_name = "SECRET",
        default_value = "ServiceAppSecret",
        env = "EMBERLINE_SANDBOX_APP_SECRET",
        hide_env_values = true
    )]
    app_secret: String,
    /// The readings of signed nested values to accept.
    #[arg(long, value_name = "READING", value_delimiter = ',', default_value = "json", value_parser = named::<NestedSignature>(&["json", "flatten", "omit"]))]
    nested_signature: Vec<NestedSignature>,
    /// The form of `DataInfo` to accept.
    #[arg(long, value_name = "FORM", default_value = "array", value_parser = named::<DataInfoForm>(&["array", "object"]))]
    data_info: DataInfoForm,
    /// The form of `DataCategory` to accept.
    #[arg(long, value_name = "FORM", default_value = "number", value_parser = named::<DataCategoryForm>(&["number", "string"]))]
    data_category: DataCategoryForm,
    /// What answers are wrapped in.
    #[arg(long, value_name = "ENVELOPE", default_value = "response", value_parser = named::<Envelope>(&["response", "code", "silent-code"]))]
    envelope: Envelope,
    /// Which edition of the page-URL interface to play.
    #[arg(long, value_name = "EDITION", default_value = "newer", value_parser = named::<Edition>(&["newer", "older"]))]
    edition: Edition,
    /// Calls above this rate are answered 429.
    #[arg(long, value_name = "RATE", default_value = "none")]
    rate_limit: Rate,
    /// How long every call takes, at least.
    #[arg(long, value_name = "TIME", default_value = "0s")]
    latency: HumanDuration,
    /// Up to so much is added to it.
    #[arg(long, value_name = "TIME", default_value = "0s")]
    jitter: HumanDuration,
    /// The share of calls that fail, 0 to 1.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    fail_share: f64,
    /// The HTTP status that they fail with.
    #[arg(long, value_name = "STATUS", default_value_t = 503, value_parser = clap::value_parser!(u16).range(400..600))]
    fail_status: u16,
    /// What goes wrong, as the JSON of the page /admin/faults.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// How many formal orders were paid for.
    #[arg(long, value_name = "N", default_value_t = 0)]
    authorisations: u32,
    /// Start with the service published: formal orders are accepted.
    #[arg(long)]
    published: bool,
    /// Create a customer that a call names and that is unknown, instead of refusing the call.
    #[arg(long)]
    auto_create_customers: bool,
    /// Accept data of devices that are not bound to the customer it names.
    #[arg(long)]
    accept_unbound: bool,
}

impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").field("listen", &self.listen).finish_non_exhaustive()
    }
}

/// A parser of a choice whose names the help lists.
fn named<T>(names: &'static [&'static str]) -> impl TypedValueParser<Value = T>
where
    T: std::str::FromStr + Clone + Send + Sync + 'static,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>())
}

/// An address that others can be put behind.
fn public_url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let is_plain = |rest: &str| {
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        !rest.is_empty()
            && !rest.contains(['/', '?', '#', '@'])
            && !rest.contains(char::is_whitespace)
    };
    match rest {
        Some(rest) if is_plain(rest) => Ok(text.to_owned()),
        _ => Err("must be as in http://192.0.2.7:9470, without a path".to_owned()),
    }
}

/// Plays the service until SIGTERM or SIGINT.
///
/// # Errors
/// If the address is taken or the faults cannot be read.
pub async fn run(args: Args) -> anyhow::Result<Exit> {
    let listen = args.listen;
    let stop = stop_on_signal()?;
    let sandbox = Sandbox::start(args.settings()?)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    output::line(&sandbox.url())?;
    output::notice(&format!("console: {}; ctrl-c stops", sandbox.console_url()));
    stop.cancelled().await;
    sandbox.stop().await;
    Ok(Exit::Done)
}

impl Args {
    fn settings(self) -> anyhow::Result<SandboxSettings> {
        let faults = self.fault_plan()?;
        Ok(SandboxSettings {
            listen: self.listen,
            public_url: self.public_url,
            app_key: self.app_key,
            app_secret: self.app_secret,
            nested_signature: self.nested_signature,
            data_info: self.data_info,
            data_category: self.data_category,
            envelope: self.envelope,
            edition: self.edition,
            rate_limit: self.rate_limit.per_second(),
            faults,
            authorisations_bought: self.authorisations,
            published: self.published,
            auto_create_customers: self.auto_create_customers,
            require_binding: !self.accept_unbound,
            ..SandboxSettings::default()
        })
    }

    /// The file's plan, with what the flags say laid over it.
    fn fault_plan(&self) -> anyhow::Result<FaultPlan> {
        let mut plan = match &self.faults {
            Some(path) => {
                let shown = path.display();
                let text = std::fs::read_to_string(path)
                    .with_context(|| format!("{shown} cannot be read"))?;
                serde_json::from_str(&text)
                    .map_err(|error| UsageError(format!("{shown}: {error}")))?
            }
            None => FaultPlan::default(),
        };
        if !(0.0..=1.0).contains(&self.fail_share) {
            return Err(UsageError("--fail-share is 0 to 1".to_owned()).into());
        }
        if self.fail_share > 0.0 {
            plan.rules.push(FaultRule::share(self.fail_share, Fault::status(self.fail_status)));
        }
        plan.latency = plan.latency.max(self.latency.0);
        plan.jitter = plan.jitter.max(self.jitter.0);
        Ok(plan)
    }
}
