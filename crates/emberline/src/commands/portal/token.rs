//! `portal token`: what the vendor's app would send, for trying.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use emberline_model::CustomerId;
use emberline_portal::{Contact, Handover, SigningKey};
use emberline_service_client::fresh_stamp;

use crate::app::{Exit, UsageError};
use crate::output;
use crate::settings::portal::TokenAlgorithm;
use crate::settings::{HumanDuration, Settings, portal_keys};
use crate::wiring;

const EXAMPLES: &str = "\
Examples:
  emberline portal token -c emberline.toml --customer c_1001 --phone-number 13900000000
  emberline portal token -c emberline.toml --customer c_1001 --to claims --expires 1m
  emberline portal token -c emberline.toml --customer c_1001 --signing-key-file private.pem

The first line is the token, the second the address to open. Whoever has either is that customer,
once, until it expires; the telephone number can be read from both.";

/// Arguments of `portal token`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Whom to hand over.
    #[arg(long, value_name = "ID")]
    customer: String,
    /// Their country code.
    #[arg(long, value_name = "CODE", default_value = "86", requires = "phone_number")]
    country_code: String,
    /// Their telephone number; without one, orders name a customer that must be known already.
    #[arg(long, value_name = "NUMBER")]
    phone_number: Option<String>,
    /// Until when it is good.
    #[arg(long, value_name = "TIME", default_value = "2m")]
    expires: HumanDuration,
    /// The page to open.
    #[arg(long, value_name = "PAGE", default_value = "introduction", value_parser = ["introduction", "claims"])]
    to: String,
    /// The private key (PEM) for `EdDSA`, where the settings hold the public one only.
    #[arg(long, value_name = "FILE")]
    signing_key_file: Option<PathBuf>,
}

impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").field("customer", &self.customer).finish_non_exhaustive()
    }
}

/// Prints a token and its address.
pub(super) fn run(args: &Args, settings: &Settings) -> anyhow::Result<Exit> {
    let portal = &settings.portal;
    if args.expires > portal.max_token_age {
        let most = portal.max_token_age;
        let text = format!("--expires {} is above portal.max_token_age, {most}", args.expires);
        return Err(UsageError(text).into());
    }
    let customer = CustomerId::parse(&args.customer)
        .map_err(|error| UsageError(format!("--customer: {error}")))?;
    let contact = args.phone_number.as_ref().map(|phone_number| Contact {
        country_code: args.country_code.clone(),
        phone_number: phone_number.clone(),
    });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let issued = i64::try_from(now).unwrap_or(i64::MAX);
    let lifetime = i64::try_from(args.expires.0.as_secs()).unwrap_or(i64::MAX);
    let handover = Handover {
        customer,
        contact,
        id: fresh_stamp().request_id.to_string(),
        issued,
        expires: issued.saturating_add(lifetime),
    };
    let key = signing_key(args, settings)?;
    let (audience, issuer) = (portal.token_audience.as_deref(), portal.token_issuer.as_deref());
    let token = key.token(&handover, audience, issuer);
    let address = wiring::portal::listen(settings)?;
    let url = wiring::portal::public_url(settings, address);
    let url = url.map_err(|problem| UsageError(problem.to_string()))?;
    let to = if args.to == "claims" { "&to=claims" } else { "" };
    output::line(&token)?;
    output::line(&format!("{}/enter?token={token}{to}", url.origin()))?;
    Ok(Exit::Done)
}

fn signing_key(args: &Args, settings: &Settings) -> anyhow::Result<SigningKey> {
    let algorithm = wiring::portal::algorithm(&settings.portal);
    let text = match &args.signing_key_file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?,
        None if settings.portal.token_algorithm == TokenAlgorithm::EdDsa => {
            let text = "portal.token_key is the public key: give --signing-key-file";
            return Err(UsageError(text.to_owned()).into());
        }
        None => portal_keys(settings)?.0.expose().to_owned(),
    };
    SigningKey::new(algorithm, &text)
        .map_err(|error| UsageError(format!("the signing key {error}")).into())
}
