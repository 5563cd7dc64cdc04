//! Counts as bars of text.
//!
//! The bars are block characters, an eighth of a cell fine. There is no second form for
//! terminals without UTF-8: names of devices and topics, and this program's other texts, are
//! UTF-8 as well. Lines keep to 80 columns unless a name is long: a width that depends on
//! the terminal would make the same counts look different in a ticket.

use std::fmt::Write as _;

/// Cells of the longest bar.
const BAR_CELLS: u64 = 36;
/// Longest name that is shown whole.
const MOST_NAME: usize = 34;

/// A line for each, with its bar.
pub(super) fn bars(counts: &[(String, u64)]) -> String {
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let name_width = counts.iter().map(|(name, _)| width(name)).max().unwrap_or(0).min(MOST_NAME);
    let count_width = most.to_string().len();
    let mut text = String::new();
    for (name, count) in counts {
        let padding = " ".repeat(name_width.saturating_sub(width(name)));
        let line = format!("  {name}{padding}  {count:>count_width$}  {}", bar(*count, most));
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn width(name: &str) -> usize {
    name.chars().count()
}

/// At least an eighth of a cell for what is there.
fn bar(count: u64, most: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if count == 0 {
        return String::new();
    }
    let eighths = u128::from(count) * u128::from(BAR_CELLS) * 8 / u128::from(most.max(1));
    let eighths = usize::try_from(eighths).unwrap_or(usize::MAX).max(1);
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

#[cfg(test)]
mod tests {
    use super::{BAR_CELLS, bar, bars};

    #[test]
    fn the_longest_bar_is_bounded_and_the_smallest_is_seen() {
        assert_eq!(bar(u64::MAX, u64::MAX).chars().count() as u64, BAR_CELLS);
        assert_eq!((bar(1, 1_000_000).as_str(), bar(0, 5).as_str()), ("▏", ""));
        assert_eq!(bar(1, 36), "█");
    }

    #[test]
    fn names_and_counts_are_aligned() {
        let text = bars(&[("refused".into(), 72), ("烟".into(), 1), ("none".into(), 0)]);
        let bar = "█".repeat(36);
        assert_eq!(text, format!("  refused  72  {bar}\n  烟         1  ▌\n  none      0\n"));
        assert!(text.lines().all(|line| line.chars().count() <= 80));
        assert_eq!(bars(&[]), "");
    }
}
