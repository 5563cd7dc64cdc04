//! Two ways to visit JSON that serde has no ready form for: any kind of value without
//! a type error, and a name that is looked up where it stands.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// What to make of a value of any kind. Kinds that are not asked for go to
/// [`other`](Self::other), and what is inside of them is skipped, however deep.
pub(crate) trait AnyValue<'de>: Sized {
    type Value;

    fn object<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error>;

    /// A kind that has no method, or whose method is not overridden; named for people.
    fn other(self, kind: &'static str) -> Self::Value;

    fn number(self, _: f64) -> Self::Value {
        self.other("a number")
    }

    fn boolean(self, _: bool) -> Self::Value {
        self.other("a boolean")
    }

    fn text(self, _: &str) -> Self::Value {
        self.other("a text")
    }

    fn null(self) -> Self::Value {
        self.other("null")
    }
}

/// Skips what is left of an object.
pub(crate) fn skip_rest<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Reads a value by an [`AnyValue`].
pub(crate) struct Any<T>(pub(crate) T);

impl<'de, T: AnyValue<'de>> DeserializeSeed<'de> for Any<T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: AnyValue<'de>> Visitor<'de> for Any<T> {
    type Value = T::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<T::Value, E> {
        Ok(self.0.null())
    }

    fn visit_bool<E>(self, value: bool) -> Result<T::Value, E> {
        Ok(self.0.boolean(value))
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond 53 bits it is out of any range")]
    fn visit_i64<E>(self, value: i64) -> Result<T::Value, E> {
        Ok(self.0.number(value as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond 53 bits it is out of any range")]
    fn visit_u64<E>(self, value: u64) -> Result<T::Value, E> {
        Ok(self.0.number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<T::Value, E> {
        Ok(self.0.number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<T::Value, E> {
        Ok(self.0.text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.0.other("a list"))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T::Value, A::Error> {
        self.0.object(map)
    }
}

/// Reads a field's name and looks it up: no copy is made of it.
pub(crate) struct Name<F>(pub(crate) F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for Name<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Name<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<T, E> {
        Ok((self.0)(name))
    }
}
