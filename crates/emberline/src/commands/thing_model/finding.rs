//! What can be said of a value that a device reported.

use emberline_model::{Category, Field};

use super::problem::Problem;

/// One thing about a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Finding {
    /// Such as `voltage_info.amount`.
    pub(super) place: String,
    pub(super) what: What,
}

/// What it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum What {
    /// Not there.
    Missing,
    /// Of another kind than the standard's; what it is instead.
    WrongKind(&'static str),
    /// Outside of its range.
    OutOfRange,
    /// Finer than its step.
    OffStep,
    /// A standard property, but for white space, case or a hyphen.
    Misspelt(&'static str),
    /// Outside of the standard: normal, and not sent.
    Unknown,
    /// Something else that the decoder refuses; in its words.
    Refused(String),
}

impl What {
    /// Whether it is worth a look, and no more: what is finer than its step is rounded and
    /// sent, what is unknown is the product's own business.
    pub(super) const fn is_note(&self) -> bool {
        matches!(self, Self::Unknown | Self::OffStep)
    }
}

impl Finding {
    /// Whether it tells why this property is not sent.
    pub(super) fn refuses(&self, category: Category) -> bool {
        let property = self.place.split('.').next();
        property == Some(category.property()) && !self.what.is_note()
    }

    /// For people.
    pub(super) fn described(self) -> Problem {
        let Self { place, what } = self;
        let field = field_of(&place);
        let (text, advice) = match what {
            What::Missing => ("is missing".into(), "report all fields of the struct".into()),
            What::WrongKind(kind) => (format!("is {kind}"), expected(&place)),
            What::OutOfRange => ("is out of range".into(), expected(&place)),
            What::OffStep => {
                let step = field.map(|field| field.quantity.step().to_string()).unwrap_or_default();
                (format!("is finer than the step {step}"), "is rounded when it is sent".into())
            }
            What::Misspelt(name) => ("is not sent under this id".into(), format!("write {name}")),
            What::Unknown => ("is not of the standard, and is not sent".into(), String::new()),
            What::Refused(reason) => (reason, String::new()),
        };
        Problem::new(place, text, advice)
    }
}

fn field_of(place: &str) -> Option<&'static Field> {
    let (property, name) = place.split_once('.').unwrap_or((place, place));
    Category::from_property(property)?.fields().iter().find(|field| field.name == name)
}

fn expected(place: &str) -> String {
    match field_of(place) {
        Some(field) => {
            let quantity = field.quantity;
            let kind = quantity.sub_type.kind().name();
            format!("{kind} {} to {} is expected", quantity.lowest(), quantity.highest())
        }
        None => "an object with its fields is expected".to_owned(),
    }
}
