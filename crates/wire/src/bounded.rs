//! Text that goes into an error, a log or a header, kept to a length.

/// Cuts a text to at most `most` bytes, at a character's boundary. A cut text ends in
/// `…`, so that nobody takes it for the whole.
pub(crate) fn bounded(mut text: String, most: usize) -> String {
    const MARK: &str = "…";
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most.saturating_sub(MARK.len())));
        text.push_str(MARK);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::bounded;

    proptest! {
        /// A text is kept as it is, or cut to its bound and marked.
        #[test]
        fn a_text_keeps_to_its_bound(text in "\\PC{0,40}", most in 3..60_usize) {
            let cut = bounded(text.clone(), most);
            if text.len() <= most {
                prop_assert_eq!(cut, text);
            } else {
                prop_assert!(cut.len() <= most);
                prop_assert!(text.starts_with(cut.strip_suffix('…').unwrap()));
            }
        }
    }
}
