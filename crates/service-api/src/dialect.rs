//! The three points where the vendor's own pages leave open, or contradict each other
//! on, what a call looks like. Each is a setting.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a nested value (`DataInfo`, `DeviceInfos`) enters the signed message. The vendor
/// does not say; three readings exist in the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NestedSignature {
    /// As its compact JSON text, exactly as it stands in the body.
    #[default]
    Json,
    /// As one parameter a leaf: `DeviceInfos.0.DeviceId=…`.
    Flatten,
    /// Not at all: only scalars are signed.
    Omit,
}

/// The form of `DataInfo`: the vendor's table says array, its example is one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataInfoForm {
    /// `[{…}, …]`: a call carries any number of reports.
    #[default]
    Array,
    /// `{…}`: a call carries exactly one report.
    Object,
}

/// The form of `DataCategory`: the vendor's table says string, its example is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataCategoryForm {
    /// `100`.
    #[default]
    Number,
    /// `"100"`.
    String,
}

/// The three settings together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Dialect {
    /// How nested values are signed.
    pub nested_signature: NestedSignature,
    /// How reports are wrapped.
    pub data_info: DataInfoForm,
    /// How a category is written.
    pub data_category: DataCategoryForm,
}

impl fmt::Display for NestedSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Flatten => "flatten",
            Self::Omit => "omit",
        })
    }
}

impl fmt::Display for DataInfoForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Array => "array",
            Self::Object => "object",
        })
    }
}

impl fmt::Display for DataCategoryForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "number",
            Self::String => "string",
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::{DataCategoryForm, DataInfoForm, NestedSignature};

    fn reads_what_it_shows<T>(values: &[T])
    where
        T: DeserializeOwned + std::fmt::Display + std::fmt::Debug + PartialEq,
    {
        for value in values {
            let read: T = serde_json::from_str(&format!("\"{value}\"")).unwrap();
            assert_eq!(&read, value);
        }
    }

    #[test]
    fn a_setting_reads_what_it_shows() {
        use NestedSignature::{Flatten, Json, Omit};
        reads_what_it_shows(&[Json, Flatten, Omit]);
        reads_what_it_shows(&[DataInfoForm::Array, DataInfoForm::Object]);
        reads_what_it_shows(&[DataCategoryForm::Number, DataCategoryForm::String]);
    }
}
