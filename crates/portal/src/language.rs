//! The two languages, and which of them somebody prefers.

/// A language that the pages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Simplified Chinese, `zh-CN`.
    Chinese,
    /// English, `en`.
    English,
}

impl Language {
    /// Both, in the order in which they are offered.
    pub const ALL: [Self; 2] = [Self::Chinese, Self::English];

    /// As it stands in `lang` attributes.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Chinese => "zh-CN",
            Self::English => "en",
        }
    }

    /// The language of a tag such as `zh`, `zh-Hans-CN` or `en-GB`.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next()?;
        match primary.to_ascii_lowercase().as_str() {
            "zh" => Some(Self::Chinese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The one that an `Accept-Language` header asks for most; Chinese where it asks for
    /// neither.
    pub(crate) fn preferred(header: &str) -> Self {
        let mut best = (Self::Chinese, 0.0);
        for part in header.split(',') {
            let (tag, weight) = part.split_once(';').unwrap_or((part, ""));
            let weight = weight.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse().ok());
            if let (Some(language), Some(weight)) = (Self::of_tag(tag), weight)
                && weight > best.1
            {
                best = (language, weight);
            }
        }
        best.0
    }
}

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Localised {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl Localised {
    /// The same in both.
    pub fn same(text: &str) -> Self {
        Self { zh: text.to_owned(), en: text.to_owned() }
    }

    /// In this language.
    pub fn get(&self, language: Language) -> &str {
        match language {
            Language::Chinese => &self.zh,
            Language::English => &self.en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{self, Chinese, English};

    #[test]
    fn the_language_asked_for_most_is_spoken() {
        for (header, language) in [
            ("", Chinese),
            ("zh-CN,zh;q=0.9,en;q=0.8", Chinese),
            ("en-GB,en;q=0.9,zh;q=0.8", English),
            ("fr,de;q=0.9,en;q=0.1", English),
            ("fr, de", Chinese),
            ("zh;q=0, en;q=0.5", English),
            ("zh;q=0.3, en;q=0.5", English),
            ("en;q=nonsense", Chinese),
            ("*", Chinese),
        ] {
            assert_eq!(Language::preferred(header), language, "{header:?}");
        }
    }
}
