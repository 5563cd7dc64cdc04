//! The differences for people, one a line.

use std::fmt::Write as _;

use super::compare::{Comparison, Entry, FieldPair, Side};

/// All of it.
pub(super) fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    side(&mut text, "customers", &comparison.customers);
    side(&mut text, "orders", &comparison.orders);
    for found in &comparison.contradictions {
        let fields = fields(&found.fields, |ours, theirs| format!("{ours} and {theirs}"));
        let _ = writeln!(
            text,
            "  twice      {}: {fields} (in {}, and in {})",
            found.order_no, found.first, found.other
        );
    }
    if comparison.undecodable.count > 0 {
        let _ = writeln!(text, "records that can't be read: {}", comparison.undecodable.count);
        for (place, why) in &comparison.undecodable.places {
            let _ = writeln!(text, "  {place}: {why}");
        }
    }
    let _ = match comparison.differences() {
        0 => writeln!(text, "no difference"),
        1 => writeln!(text, "1 difference"),
        count => writeln!(text, "{count} differences"),
    };
    text
}

fn side(text: &mut String, name: &str, side: &Side) {
    let Side { on_topics, at_service, missing, extra, different } = side;
    let _ = writeln!(text, "{name}: {on_topics} on the topics, {at_service} at the service");
    for (what, entries) in [("missing", missing), ("extra", extra), ("different", different)] {
        for entry in entries {
            let _ = writeln!(text, "  {what:<9}  {}", line(entry));
        }
    }
}

fn line(entry: &Entry) -> String {
    let mut line = entry.id.clone();
    if let Some(customer) = &entry.customer {
        let _ = write!(line, " of {customer}");
    }
    if let Some(test) = entry.test {
        line.push_str(if test { ", test" } else { ", formal" });
    }
    if !entry.fields.is_empty() {
        let both = |ours: &str, theirs: &str| format!("{ours} here, {theirs} at the service");
        let _ = write!(line, ": {}", fields(&entry.fields, both));
    }
    line
}

fn fields(pairs: &[FieldPair], both: impl Fn(&str, &str) -> String) -> String {
    let shown = |it: &FieldPair| format!("{} {}", it.field, both(&it.ours, &it.theirs));
    pairs.iter().map(shown).collect::<Vec<_>>().join("; ")
}
