//! Telephone numbers as they may be shown.

/// The last four digits at most, and never more than the smaller half.
pub(crate) fn phone(number: &str) -> String {
    const SHOWN: usize = 4;
    let digits: Vec<char> = number.trim().chars().collect();
    if digits.is_empty() {
        return "none".to_owned();
    }
    let shown = SHOWN.min(digits.len().saturating_sub(1) / 2);
    format!("…{}", digits[digits.len() - shown..].iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::phone;

    #[test]
    fn of_a_number_the_last_four_digits_are_shown_at_most() {
        assert_eq!(phone("13912345678"), "…5678");
        assert_eq!(phone("12345"), "…45");
        assert_eq!(phone("1"), "…");
        assert_eq!(phone(" "), "none");
    }
}
