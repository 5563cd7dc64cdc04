//! The parameters of a call: the members of the body's one object, in the order in
//! which they stand, their values as raw text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::text::Text;
use crate::refusal::{ErrorCode, Refusal};

/// One parameter. The signature needs its value exactly as it stands in the body.
#[derive(Debug)]
pub(crate) struct Param<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) raw: &'a RawValue,
}

/// All parameters of a call.
#[derive(Debug)]
pub(crate) struct Params<'a>(Vec<Param<'a>>);

impl<'a> Params<'a> {
    /// Far above what any action has; the search for repeats is quadratic.
    const MOST: usize = 64;

    /// Reads a body.
    pub(crate) fn read(body: &'a [u8]) -> Result<Self, Refusal> {
        let params: Self = serde_json::from_slice(body).map_err(|error| {
            // Its place only: serde's text may quote a value.
            let (line, column) = (error.line(), error.column());
            let message = format!("the body is no JSON object: line {line}, column {column}");
            Refusal::new(ErrorCode::InvalidJson, message)
        })?;
        if params.0.len() > Self::MOST {
            return Err(Refusal::invalid("there are more parameters than any action has"));
        }
        for (place, param) in params.0.iter().enumerate() {
            if params.0[..place].iter().any(|earlier| earlier.name == param.name) {
                return Err(Refusal::invalid(format!("{} is there twice", param.name)));
            }
        }
        Ok(params)
    }

    /// The members by themselves, for an object within the body.
    pub(crate) fn into_members(self) -> Vec<Param<'a>> {
        self.0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Param<'a>> {
        self.0.iter()
    }

    /// The raw JSON of a parameter; `null` counts as absent.
    pub(crate) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let param = self.0.iter().find(|param| param.name == name)?;
        (param.raw.get() != "null").then_some(param.raw)
    }

    fn parsed<T: Deserialize<'a>>(
        &self,
        name: &str,
        type_name: &str,
    ) -> Result<Option<T>, Refusal> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|_| Refusal::invalid(format!("{name} must be of type {type_name}")))
    }

    /// A String parameter that may be absent.
    pub(crate) fn optional_text(&self, name: &str) -> Result<Option<Cow<'a, str>>, Refusal> {
        Ok(self.parsed::<Text<'a>>(name, "String")?.map(|text| text.0))
    }

    /// A required String parameter.
    pub(crate) fn text(&self, name: &str) -> Result<Cow<'a, str>, Refusal> {
        self.optional_text(name)?.ok_or_else(|| Refusal::missing(name))
    }

    /// An integer parameter that may be absent. `1.0` is none.
    pub(crate) fn optional_integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        self.parsed(name, "Int")
    }

    /// A required integer parameter.
    pub(crate) fn integer(&self, name: &str) -> Result<i64, Refusal> {
        self.optional_integer(name)?.ok_or_else(|| Refusal::missing(name))
    }

    /// A required nested parameter, read as `T`.
    pub(crate) fn nested<T: Deserialize<'a>>(&self, name: &str) -> Result<T, Refusal> {
        let raw = self.raw(name).ok_or_else(|| Refusal::missing(name))?;
        serde_json::from_str(raw.get())
            .map_err(|error| Refusal::invalid(format!("{name} is malformed: {error}")))
    }

    /// Refuses parameters that the action does not have: a misspelt optional one would
    /// otherwise go unnoticed.
    pub(crate) fn no_others_than(&self, expected: &[&str]) -> Result<(), Refusal> {
        const COMMON: [&str; 6] =
            ["Action", "RequestId", "AppKey", "Signature", "Timestamp", "Nonce"];
        let known = |name: &str| COMMON.contains(&name) || expected.contains(&name);
        match self.0.iter().find(|param| !known(&param.name)) {
            Some(param) => {
                Err(Refusal::invalid(format!("{} is no parameter of this action", param.name)))
            }
            None => Ok(()),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Params<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ParamsVisitor;

        impl<'de> Visitor<'de> for ParamsVisitor {
            type Value = Params<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                /// A report call has ten.
                const USUAL: usize = 12;
                let mut params = Vec::with_capacity(USUAL);
                while let Some((Text(name), raw)) = map.next_entry::<Text<'de>, &RawValue>()? {
                    params.push(Param { name, raw });
                }
                Ok(Params(params))
            }
        }

        deserializer.deserialize_map(ParamsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::Params;
    use crate::refusal::ErrorCode;

    fn code(body: &str) -> ErrorCode {
        Params::read(body.as_bytes()).unwrap_err().code
    }

    #[test]
    fn only_one_whole_json_object_is_a_body() {
        for body in ["", "{", "[]", "5", "{} x", "{\"a\":1,}", "{\"a\":01}"] {
            assert_eq!(code(body), ErrorCode::InvalidJson, "{body}");
        }
        assert_eq!(code(r#"{"a":1,"a":1}"#), ErrorCode::InvalidParameterValue);
    }

    #[test]
    fn types_are_taken_strictly() {
        let body = r#"{"text":"é\n","number":5,"float":5.0,"quoted":"5","none":null}"#;
        let params = Params::read(body.as_bytes()).unwrap();
        assert_eq!(params.text("text").unwrap(), "é\n");
        assert_eq!(params.integer("number").unwrap(), 5);
        assert_eq!(params.integer("float").unwrap_err().code, ErrorCode::InvalidParameterValue);
        assert_eq!(params.integer("quoted").unwrap_err().code, ErrorCode::InvalidParameterValue);
        assert_eq!(params.text("number").unwrap_err().code, ErrorCode::InvalidParameterValue);
        assert_eq!(params.text("none").unwrap_err().code, ErrorCode::RequiredParamNotFound);
        assert_eq!(params.text("absent").unwrap_err().code, ErrorCode::RequiredParamNotFound);
    }
}
