//! What kind of service the sandbox plays.
//!
//! Where the vendor's pages disagree with themselves (contract: service API), each
//! reading is a choice here, and only the chosen one is accepted.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::FaultPlan;

/// A choice with a fixed name for each variant, the same in JSON, flags and `Display`.
macro_rules! named_choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)+
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $text,)+ })
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(UnknownName { expected: &[$($text),+] }),
                }
            }
        }
    };
}

/// A text that names none of the choices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    expected: &'static [&'static str],
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected one of {}", self.expected.join(", "))
    }
}

impl std::error::Error for UnknownName {}

named_choice! {
    /// How a nested value (`DeviceInfos`, `DataInfo`) enters the signed message.
    NestedSignature {
        /// As its JSON text, exactly as it stands in the body.
        Json = "json",
        /// As one parameter a leaf: `DeviceInfos.0.DeviceId=…`.
        Flatten = "flatten",
        /// Not at all.
        Omit = "omit",
    }
}

named_choice! {
    /// What `DataInfo` is.
    DataInfoForm {
        /// An array of report times.
        Array = "array",
        /// One object, one report time.
        Object = "object",
    }
}

named_choice! {
    /// What `DataCategory` is.
    DataCategoryForm {
        /// A JSON number.
        Number = "number",
        /// A JSON string.
        String = "string",
    }
}

named_choice! {
    /// What an answer is wrapped in.
    Envelope {
        /// The documented one: `{"Response": {…}}`.
        Response = "response",
        /// The sibling endpoint's: `{"code", "msg", "data"}`, `code` not 0 on failure.
        Code = "code",
        /// The same, but `code` stays 0 and only `data.Error` tells of a failure.
        SilentCode = "silent-code",
    }
}

named_choice! {
    /// Which edition of the page-URL action is played.
    Edition {
        /// `ItemVNO` required; answers the mini-program's jump target too.
        Newer = "newer",
        /// `ItemVNO` not required; answers the URL alone.
        Older = "older",
    }
}

/// Everything that can be set before the start. What can change while it runs is
/// changed through [`Sandbox::faults`](crate::Sandbox::faults) and the admin pages.
#[derive(Clone)]
pub struct SandboxSettings {
    /// Where to listen; port 0 takes a free one. Default `127.0.0.1:9470`.
    pub listen: SocketAddr,
    /// What the addresses begin with that the sandbox gives out: its console's, and that of
    /// the page on which a policy is claimed. Default `http://` and where it listens; this
    /// machine's loopback if it listens everywhere.
    pub public_url: Option<String>,
    /// The only AppKey that is known. Default `ServiceAppKey`.
    pub app_key: String,
    /// Its secret. Default `ServiceAppSecret`.
    pub app_secret: String,
    /// The readings of a signature with nested values that are accepted, tried in this
    /// order. Default `json` alone.
    pub nested_signature: Vec<NestedSignature>,
    /// The accepted form of `DataInfo`. Default array.
    pub data_info: DataInfoForm,
    /// The accepted form of `DataCategory`. Default number.
    pub data_category: DataCategoryForm,
    /// The answers' envelope. Default the documented one.
    pub envelope: Envelope,
    /// Default the newer.
    pub edition: Edition,
    /// Calls per second above which calls are answered 429; up to one second's worth
    /// may come at once. Default no limit.
    pub rate_limit: Option<f64>,
    /// How it misbehaves from the start. Default not at all.
    pub faults: FaultPlan,
    /// How many formal orders were paid for. Default 0.
    pub authorisations_bought: u32,
    /// Whether the service is published already: without it no formal order is
    /// accepted. Default no.
    pub published: bool,
    /// Whether a call that names an unknown customer creates it. Default no: it is refused.
    pub auto_create_customers: bool,
    /// Whether data is accepted only of devices bound to the customer it names.
    /// Default yes.
    pub require_binding: bool,
    /// Most reports and states a device whose values are kept for display. Default 1,000.
    pub history_per_device: usize,
    /// Most report identities remembered, about 40 bytes each. Past it new reports are
    /// accepted and counted, but a repeat of one is no longer noticed
    /// ([`Totals::identities_forgotten`](crate::Totals::identities_forgotten) tells how
    /// many). Default 20 million.
    pub max_identities: u64,
    /// Most calls whose time of arrival is remembered, 24 bytes each; of those before, only
    /// their number. Default 100,000.
    pub max_arrivals: usize,
    /// Most nonces remembered, about 20 bytes each; past it the oldest second's are
    /// dropped before their five minutes are over. Default 4 million.
    pub max_nonces: usize,
    /// Largest body read, in bytes. Default 16 MiB.
    pub max_body: usize,
}

impl Default for SandboxSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9470)),
            public_url: None,
            app_key: "ServiceAppKey".to_owned(),
            app_secret: "ServiceAppSecret".to_owned(),
            nested_signature: vec![NestedSignature::Json],
            data_info: DataInfoForm::Array,
            data_category: DataCategoryForm::Number,
            envelope: Envelope::Response,
            edition: Edition::Newer,
            rate_limit: None,
            faults: FaultPlan::default(),
            authorisations_bought: 0,
            published: false,
            auto_create_customers: false,
            require_binding: true,
            history_per_device: 1_000,
            max_identities: 20_000_000,
            max_arrivals: 100_000,
            max_nonces: 4_000_000,
            max_body: 16 * 1024 * 1024,
        }
    }
}

impl fmt::Debug for SandboxSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxSettings")
            .field("listen", &self.listen)
            .field("public_url", &self.public_url)
            .field("app_key", &self.app_key)
            .field("app_secret", &"***")
            .field("nested_signature", &self.nested_signature)
            .field("data_info", &self.data_info)
            .field("data_category", &self.data_category)
            .field("envelope", &self.envelope)
            .field("edition", &self.edition)
            .field("rate_limit", &self.rate_limit)
            .field("faults", &self.faults)
            .field("authorisations_bought", &self.authorisations_bought)
            .field("published", &self.published)
            .field("auto_create_customers", &self.auto_create_customers)
            .field("require_binding", &self.require_binding)
            .field("history_per_device", &self.history_per_device)
            .field("max_identities", &self.max_identities)
            .field("max_arrivals", &self.max_arrivals)
            .field("max_nonces", &self.max_nonces)
            .field("max_body", &self.max_body)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Envelope, NestedSignature, SandboxSettings};

    #[test]
    fn settings_print_no_secret() {
        let settings =
            SandboxSettings { app_secret: "canary".to_owned(), ..SandboxSettings::default() };
        assert!(!format!("{settings:?}").contains("canary"));
    }

    #[test]
    fn a_choice_reads_back_from_its_own_name() {
        assert_eq!("omit".parse(), Ok(NestedSignature::Omit));
        assert_eq!(Envelope::SilentCode.to_string().parse(), Ok(Envelope::SilentCode));
        let unknown = "xml".parse::<NestedSignature>().unwrap_err();
        assert_eq!(unknown.to_string(), "expected one of json, flatten, omit");
    }
}
