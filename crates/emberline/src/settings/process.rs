//! `[http]`, `[admin]`, `[log]`, `[shutdown]`: the process itself.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use clap::ValueEnum;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::HumanDuration;
use super::text_form::text_form;

/// The endpoints that a monitoring system asks.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HttpSettings {
    /// Where `/metrics`, `/livez` and `/readyz` are served; port 0 takes a free one, `off`
    /// serves none. Default `127.0.0.1:9464`.
    pub listen: Listen,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { listen: Listen::On(SocketAddr::from(([127, 0, 0, 1], 9464))) }
    }
}

/// What a person beside the process asks it: `tap`, and the latest errors in `top`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AdminSettings {
    /// Where it is served: on loopback only. Port 0 takes a free one, `off` serves nothing. An
    /// address that is taken is told and left out. Default `127.0.0.1:9465`.
    pub listen: Listen,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self { listen: Listen::On(SocketAddr::from(([127, 0, 0, 1], 9465))) }
    }
}

/// An address to listen on, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// Not at all.
    Off,
    /// On this address.
    On(SocketAddr),
}

text_form!(
    Listen,
    "Listen",
    r"^\s*(off|.+:[0-9]+)\s*$",
    "an address, as in \"127.0.0.1:9464\", or \"off\""
);

/// Why a text is no address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address: write one as \"127.0.0.1:9464\" or \"[::1]:9464\", or \"off\"")]
pub struct InvalidListen(String);

impl FromStr for Listen {
    type Err = InvalidListen;

    fn from_str(text: &str) -> Result<Self, InvalidListen> {
        let text = text.trim();
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse().map(Self::On).map_err(|_| InvalidListen(text.to_owned()))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("off"),
            Self::On(address) => address.fmt(f),
        }
    }
}

/// What is logged, to stderr.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LogSettings {
    /// `error`, `warn`, `info`, `debug` or `trace`; also by module, as in
    /// `info,emberline_pipeline=debug`. Default `info`.
    pub level: String,
    /// `human`, `json`, or `auto`: human on a terminal, JSON elsewhere. Default `auto`.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { level: "info".into(), format: LogFormat::Auto }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum LogFormat {
    /// Human on a terminal, JSON elsewhere.
    Auto,
    /// Coloured lines.
    Human,
    /// One JSON object a line.
    Json,
}

/// How the process ends.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ShutdownSettings {
    /// Longest that a stopping worker waits for its calls in flight, 1s to 4m; what is not
    /// settled by then is read again by the next one. Default `25s`.
    pub drain: HumanDuration,
}

impl Default for ShutdownSettings {
    fn default() -> Self {
        Self { drain: HumanDuration::from_secs(25) }
    }
}
