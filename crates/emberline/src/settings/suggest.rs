//! What a misspelt name was meant to be.

/// Below this likeness (1 is the same) a suggestion misleads more than it helps.
const LIKE_ENOUGH: f64 = 0.8;

/// The name most like the one given, if any is like it at all.
pub(crate) fn nearest<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |name: &str| {
        strsim::jaro_winkler(given, name).max(strsim::normalized_damerau_levenshtein(given, name))
    };
    names
        .map(|name| (likeness(name), name))
        .filter(|(likeness, _)| *likeness >= LIKE_ENOUGH)
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_is_recognised_and_nonsense_is_not() {
        let names = ["app_key", "app_secret", "timeout", "read_timeout"];
        let suggested = |given| nearest(given, names.into_iter());
        assert_eq!(suggested("app_kye"), Some("app_key"));
        assert_eq!(suggested("appkey"), Some("app_key"));
        assert_eq!(suggested("time_out"), Some("timeout"));
        assert_eq!(suggested("zebra"), None);
    }
}
