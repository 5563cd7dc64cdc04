//! Foreign text made fit for logs and headers: bounded, on one line, and without
//! anything that looks like a telephone number.

/// Most characters kept of a message.
const MOST_CHARS: usize = 256;

/// Digits from which a run counts as a telephone number. The shortest subscriber
/// numbers in use have seven.
const PHONE_DIGITS: usize = 7;

/// Shortens a text, puts it on one line, and replaces runs of seven digits or more by
/// `***`, also where single spaces, hyphens, dots or brackets stand between the digits.
/// It rather hides a time or an id than shows a number.
pub(crate) fn clean(text: &str) -> String {
    // A number cut in two at the limit must not slip through: a margin is read, masked,
    // and cut after that.
    let chars: Vec<char> = text.chars().take(2 * MOST_CHARS).collect();
    let mut cleaned = String::with_capacity(text.len().min(MOST_CHARS));
    let mut place = 0;
    while place < chars.len() {
        let (end, digits) = digit_run(&chars[place..]);
        if digits >= PHONE_DIGITS {
            cleaned.push_str("***");
            place += end;
        } else if digits > 0 {
            cleaned.extend(&chars[place..place + end]);
            place += end;
        } else {
            let shown = if chars[place].is_control() { ' ' } else { chars[place] };
            cleaned.push(shown);
            place += 1;
        }
    }
    if text.chars().nth(MOST_CHARS).is_some() || cleaned.chars().nth(MOST_CHARS).is_some() {
        cleaned = cleaned.chars().take(MOST_CHARS).collect();
        cleaned.push('…');
    }
    cleaned
}

/// The length of the run of digits and separators that a text begins with, up to its
/// last digit, and the number of digits in it.
fn digit_run(chars: &[char]) -> (usize, usize) {
    let (mut end, mut digits, mut separators) = (0, 0, 0);
    for (place, c) in chars.iter().enumerate() {
        if c.is_numeric() {
            (end, digits, separators) = (place + 1, digits + 1, 0);
        } else if digits > 0 && separators < 2 && matches!(c, ' ' | '-' | '.' | '(' | ')' | '/') {
            separators += 1;
        } else {
            break;
        }
    }
    (end, digits)
}

/// An id as the service gave it, if it is one: short, and of harmless characters.
pub(crate) fn clean_id(text: &str) -> Option<String> {
    let harmless = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let good = (1..=64).contains(&text.len()) && text.chars().all(harmless);
    good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{clean, clean_id};

    #[test]
    fn a_telephone_number_does_not_survive_in_any_spelling() {
        for number in [
            "13900000000",
            "139-0000-0000",
            "139 0000 0000",
            "(0755) 1234.567",
            "１３９００００００００",
        ] {
            let cleaned = clean(&format!("invalid Phone +86{number}!"));
            assert_eq!(cleaned, "invalid Phone +***!", "{number}");
        }
    }

    #[test]
    fn short_numbers_and_other_words_stay() {
        assert_eq!(clean("DataCategory 100, SubType 1001"), "DataCategory 100, SubType 1001");
        assert_eq!(clean("one\nline\u{7}"), "one line ");
    }

    #[test]
    fn an_id_of_harmless_characters_is_kept_whole() {
        let id = "476c990a-f5b7-1575-987c-4ef70e474932";
        assert_eq!(clean_id(id).as_deref(), Some(id));
        assert_eq!(clean_id(""), None);
        assert_eq!(clean_id("a b"), None);
        assert_eq!(clean_id(&"a".repeat(65)), None);
    }

    proptest! {
        /// Whatever comes, the text is bounded and holds no seven digits in a row.
        #[test]
        fn a_cleaned_text_is_bounded_and_masked(text in "([0-9]{0,12}|[ -~]{0,9}|.{0,9}){0,60}") {
            let cleaned = clean(&text);
            prop_assert!(cleaned.chars().count() <= 257);
            let longest = cleaned.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
            prop_assert!(longest.unwrap_or_default() < 7);
        }
    }
}
