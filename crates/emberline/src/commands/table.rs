//! Columns for people, as wide as what stands in them.

use std::borrow::Cow;
use std::io::{self, Write};

/// Writes a head and a line for each item. The last column has no width.
///
/// # Errors
/// Those of the writer.
pub(super) fn write<T, const N: usize>(
    out: &mut dyn Write,
    head: [&'static str; N],
    items: &[T],
    cells: impl for<'a> Fn(&'a T) -> [Cow<'a, str>; N],
) -> io::Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let mut widths = head.map(str::len);
    for item in items {
        for (width, cell) in widths.iter_mut().zip(cells(item)) {
            *width = (*width).max(printable(&cell).chars().count());
        }
    }
    line(out, &widths, &head.map(Cow::Borrowed))?;
    items.iter().try_for_each(|item| line(out, &widths, &cells(item)))
}

fn line<const N: usize>(
    out: &mut dyn Write,
    widths: &[usize; N],
    cells: &[Cow<'_, str>; N],
) -> io::Result<()> {
    for (place, (width, cell)) in widths.iter().zip(cells).enumerate() {
        let cell = if cell.is_empty() { Cow::Borrowed("-") } else { printable(cell) };
        if place + 1 == N {
            writeln!(out, "{cell}")?;
        } else {
            write!(out, "{cell:<width$}  ")?;
        }
    }
    Ok(())
}

/// A text as it may stand on a terminal: what would move the cursor is spelled out.
fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let spelled = |c: char| {
        if c.is_control() { c.escape_default().to_string() } else { c.to_string() }
    };
    Cow::Owned(text.chars().map(spelled).collect())
}
