//! The two answer envelopes, and what an answer says: accepted, refused, or neither.
//!
//! Documented is `{"Response":{…}}`; the vendor's own SDKs for the sibling endpoint show
//! `{"code":0,"msg":"","data":{…}}`. What is unknown in them is skipped.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Either envelope.
#[derive(serde::Deserialize)]
pub(crate) struct Envelope<'a> {
    #[serde(rename = "Response", borrow)]
    response: Option<Content<'a>>,
    #[serde(borrow)]
    code: Option<Text<'a>>,
    #[serde(borrow)]
    msg: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Content<'a>>,
}

/// What both envelopes hold, if it is an object; `data` may be an empty text or list
/// where there is nothing to say.
struct Content<'a>(Option<Fields<'a>>);

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Fields<'a> {
    #[serde(borrow)]
    error: Option<ErrorBody<'a>>,
    #[serde(borrow)]
    request_id: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ErrorBody<'a> {
    #[serde(borrow)]
    code: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
}

/// What an answer says.
pub(crate) enum Verdict<'a> {
    Accepted,
    Refused(Refusal<'a>),
    Neither,
}

/// An error inside of an answer, in the service's own words.
pub(crate) struct Refusal<'a> {
    pub(crate) code: Text<'a>,
    pub(crate) message: Text<'a>,
    pub(crate) request_id: Option<Text<'a>>,
}

impl<'a> Envelope<'a> {
    pub(crate) fn verdict(self) -> Verdict<'a> {
        let content =
            [self.response, self.data].into_iter().flatten().find_map(|content| content.0);
        let Some(content) = content else {
            return match self.code {
                Some(code) if code.is("0") => Verdict::Accepted,
                Some(code) => Verdict::refused(code, self.msg, None),
                None => Verdict::Neither,
            };
        };
        if let Some(error) = content.error {
            let message = error.message.or(self.msg);
            return Verdict::refused(error.code.unwrap_or_default(), message, content.request_id);
        }
        let zero = match self.code {
            Some(code) if !code.is("0") => {
                return Verdict::refused(code, self.msg, content.request_id);
            }
            code => code.is_some(),
        };
        // Not every action's page documents `Status`; where there is one it must be OK.
        match content.status {
            Some(status) if status.is("OK") => Verdict::Accepted,
            None if zero || content.request_id.is_some() => Verdict::Accepted,
            Some(_) | None => Verdict::Neither,
        }
    }
}

impl<'a> Verdict<'a> {
    fn refused(code: Text<'a>, message: Option<Text<'a>>, request_id: Option<Text<'a>>) -> Self {
        Self::Refused(Refusal { code, message: message.unwrap_or_default(), request_id })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContentVisitor;

        impl<'de> Visitor<'de> for ContentVisitor {
            type Value = Content<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the answer's content")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Content<'de>, A::Error> {
                let fields = Deserialize::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Content(Some(fields)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Content<'de>, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Content(None))
            }

            fn visit_str<E>(self, _: &str) -> Result<Content<'de>, E> {
                Ok(Content(None))
            }
        }

        deserializer.deserialize_any(ContentVisitor)
    }
}

/// A text, borrowed where it has no escapes; a number counts as its digits. (serde borrows
/// no `Cow` inside of an `Option`, hence a type of its own.)
#[derive(Default)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    fn is(&self, text: &str) -> bool {
        self.0.eq_ignore_ascii_case(text)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;

        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Text<'de>, E> {
                Ok(if number == 0 { "0".into() } else { number.to_string().into() })
            }

            fn visit_i64<E>(self, number: i64) -> Result<Text<'de>, E> {
                Ok(number.to_string().into())
            }
        }

        deserializer.deserialize_any(TextVisitor)
    }
}

impl<'a, T: Into<Cow<'a, str>>> From<T> for Text<'a> {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}
