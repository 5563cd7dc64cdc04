//! Foreign text made fit for logs and headers: bounded, on one line, and without
//! anything that looks like a telephone number.

use std::borrow::Cow;
use std::ops::Range;

/// Most characters kept of a message.
const MOST_CHARS: usize = 256;

/// Digits from which a run counts as a telephone number. The shortest subscriber
/// numbers in use have seven.
const PHONE_DIGITS: usize = 7;

/// What stands for one.
const MASK: &str = "***";

/// Shortens a text, puts it on one line, and replaces runs of seven digits or more by
/// `***`, also where single spaces, hyphens, dots or brackets stand between the digits.
/// It rather hides a time or an id than shows a number. At most 256 characters are left.
pub fn clean(text: &str) -> String {
    // A number cut in two at the limit must not slip through: a margin is read, masked,
    // and cut after that.
    let begin: String = text.chars().take(2 * MOST_CHARS).collect();
    let masked = mask_numbers(&begin);
    let on_one_line = masked.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut cleaned: String = on_one_line.collect();
    if text.chars().nth(MOST_CHARS).is_some() || cleaned.chars().nth(MOST_CHARS).is_some() {
        cleaned = cleaned.chars().take(MOST_CHARS).collect();
        cleaned.push('…');
    }
    cleaned
}

/// Replaces what looks like a telephone number, as [`clean`] does, and leaves everything else
/// as it is, at any length.
pub fn mask_numbers(text: &str) -> Cow<'_, str> {
    let chars: Vec<char> = text.chars().collect();
    let mut masked = String::new();
    let mut end = 0;
    for number in numbers(&chars) {
        masked.extend(&chars[end..number.start]);
        masked.push_str(MASK);
        end = number.end;
    }
    if end == 0 {
        return Cow::Borrowed(text);
    }
    masked.extend(&chars[end..]);
    Cow::Owned(masked)
}

/// As [`mask_numbers`], for bytes that are no text, or not as a whole: the digits of a number
/// become `*`, so that every byte stays in its place.
pub fn mask_number_bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    let readable = |byte: &u8| if byte.is_ascii() { char::from(*byte) } else { '\u{fffd}' };
    let chars: Vec<char> = bytes.iter().map(readable).collect();
    let mut masked = Cow::Borrowed(bytes);
    for number in numbers(&chars) {
        for byte in masked.to_mut()[number].iter_mut().filter(|byte| byte.is_ascii_digit()) {
            *byte = b'*';
        }
    }
    masked
}

/// Where something stands that looks like a telephone number.
fn numbers(chars: &[char]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut place = 0;
    while place < chars.len() {
        let (end, digits) = digit_run(&chars[place..]);
        if digits >= PHONE_DIGITS {
            found.push(place..place + end);
        }
        place += end.max(1);
    }
    found
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

    use super::{clean, clean_id, mask_number_bytes, mask_numbers};

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

    #[test]
    fn what_is_no_number_stays_as_it_is_at_any_length() {
        let text = format!("line\n{} 139-8765-4321, 86\u{7}", "a".repeat(1000));
        let expected = text.replace("139-8765-4321", "***");
        assert_eq!(mask_numbers(&text), expected);
        assert_eq!(mask_numbers("123456 a 654321"), "123456 a 654321");
    }

    #[test]
    fn within_bytes_every_byte_keeps_its_place() {
        let bytes = b"\x0a\x0b13987654321\xff\x08139 876 54321";
        let masked = b"\x0a\x0b***********\xff\x08*** *** *****";
        assert_eq!(mask_number_bytes(bytes).as_ref(), masked);
        assert_eq!(mask_number_bytes(b"\xff123456\xfe").as_ref(), b"\xff123456\xfe");
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
