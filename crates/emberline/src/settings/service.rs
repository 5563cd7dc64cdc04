//! `[service]`: the far end, and the spelling that it expects.
//!
//! Where the vendor's pages leave a spelling open, it is a setting here.

use std::path::PathBuf;

use emberline_service_api::{DataCategoryForm, DataInfoForm, NestedSignature};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ByteSize, HumanDuration, SecretText};

/// The service API: its address, the credentials, the spelling that it expects.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServiceSettings {
    /// One address for all actions. Default: the vendor's.
    pub url: String,
    /// Names the integrating application. Needed to call the service.
    #[schemars(example = "your-app-key")]
    pub app_key: Option<String>,
    /// Signs the calls. Give this or `app_secret_file`.
    #[schemars(example = "your-app-secret")]
    pub app_secret: Option<SecretText>,
    /// A file that holds the app secret. A line break at its end is not part of it. It is
    /// read again every 2 s: a secret may be changed while the workers run.
    #[schemars(example = "/run/secrets/app-secret")]
    pub app_secret_file: Option<PathBuf>,
    /// How nested values enter the signature: `json` (their text as it stands in the body),
    /// `flatten` (`DeviceInfos.0.DeviceId=…`), `omit` (not at all). Default `json`.
    #[schemars(with = "String", extend("enum" = ["json", "flatten", "omit"]))]
    pub nested_signature: NestedSignature,
    /// Whether `DataInfo` is an `array` of report times or one `object`. With `object`
    /// each report is a call. Default `array`.
    #[schemars(with = "String", extend("enum" = ["array", "object"]))]
    pub data_info: DataInfoForm,
    /// Whether `DataCategory` is a `number` or a `string`. Default `number`.
    #[schemars(with = "String", extend("enum" = ["number", "string"]))]
    pub data_category: DataCategoryForm,
    /// Longest that a call may take in all, above 0s. Default `10s`.
    pub timeout: HumanDuration,
    /// Longest that a connection may take to be made, TLS included, above 0s. Default `3s`.
    pub connect_timeout: HumanDuration,
    /// Longest silence while an answer is awaited or read, above 0s. Default `10s`.
    pub read_timeout: HumanDuration,
    /// Pause between the single calls that try whether refused credentials are accepted
    /// again, 1s to 1h. Default `10s`.
    pub probe_interval: HumanDuration,
    /// Largest answer that is read, 1kB to 100MB. Default `4MB`.
    pub max_answer: ByteSize,
    /// Certificates (PEM) trusted beside the system's. Default none.
    #[schemars(example = "/etc/emberline/ca.pem")]
    pub ca_file: Option<PathBuf>,
}

impl Default for ServiceSettings {
    fn default() -> Self {
        Self {
            url: "https://iot.cloud.tencent.com/api/exploreropen/serviceapi".into(),
            app_key: None,
            app_secret: None,
            app_secret_file: None,
            nested_signature: NestedSignature::Json,
            data_info: DataInfoForm::Array,
            data_category: DataCategoryForm::Number,
            timeout: HumanDuration::from_secs(10),
            connect_timeout: HumanDuration::from_secs(3),
            read_timeout: HumanDuration::from_secs(10),
            probe_interval: HumanDuration::from_secs(10),
            max_answer: ByteSize::megabytes(4),
            ca_file: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ServiceSettings;
    use crate::settings::catalogue;

    #[test]
    fn every_spelling_in_the_schema_is_one_that_is_read() {
        let schema = catalogue::schema();
        let service = &schema.as_value()["properties"]["service"]["properties"];
        for key in ["nested_signature", "data_info", "data_category"] {
            for spelling in service[key]["enum"].as_array().unwrap() {
                let settings = serde_json::json!({ key: spelling });
                assert!(
                    serde_json::from_value::<ServiceSettings>(settings).is_ok(),
                    "{key} {spelling}"
                );
            }
        }
    }
}
