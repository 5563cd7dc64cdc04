//! The two languages of the pages, and which one a visitor gets.

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lang {
    En,
    Zh,
}

impl Lang {
    pub(super) const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// As HTML names it.
    pub(super) const fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// What it calls itself.
    pub(super) const fn own_name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::Zh => "中文",
        }
    }

    /// The language of a tag as in `zh-CN` or `en-GB`, if it is one of the two.
    pub(super) fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        Self::ALL.into_iter().find(|lang| {
            let known = lang.code().split('-').next().unwrap_or_default();
            known.eq_ignore_ascii_case(primary)
        })
    }

    /// The one that an `Accept-Language` header likes best; English if it likes neither.
    pub(super) fn liked(accept_language: &str) -> Self {
        let mut best = (Self::En, 0.0);
        for part in accept_language.split(',') {
            let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
            let weight = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse().ok());
            let (Some(lang), Some(weight)) = (Self::of_tag(tag), weight) else { continue };
            if weight > best.1 {
                best = (lang, weight);
            }
        }
        best.0
    }
}

#[cfg(test)]
mod tests {
    use super::Lang;

    #[test]
    fn the_best_liked_of_the_two_languages_is_taken() {
        for (header, expected) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
            ("en-GB,en;q=0.9,zh-CN;q=0.8", Lang::En),
            ("de,zh-TW;q=0.5,en;q=0.4", Lang::Zh),
            ("ZH", Lang::Zh),
            ("fr, en;q=0.1", Lang::En),
            ("zh;q=0, en;q=nonsense", Lang::En),
            ("", Lang::En),
        ] {
            assert_eq!(Lang::liked(header), expected, "{header}");
        }
    }

    #[test]
    fn a_language_is_known_by_its_tag() {
        assert_eq!(Lang::of_tag("zh-CN"), Some(Lang::Zh));
        assert_eq!(Lang::of_tag("en"), Some(Lang::En));
        assert_eq!(Lang::of_tag("zhx"), None);
    }
}
