//! What a `PromQL` expression names: metrics with their matchers, and labels that it groups by.
//!
//! Not a parser: Prometheus itself judges whether an expression is one. Here is only what it
//! does not tell, because to it a name that nobody has is an empty answer.

use std::collections::BTreeSet;

/// A metric as an expression names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Selector {
    /// The name.
    pub(crate) name: String,
    /// The matchers with their braces; empty where there are none.
    pub(crate) matchers: String,
}

impl Selector {
    /// As Prometheus takes it.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.name, self.matchers)
    }

    /// The labels that its matchers name.
    pub(crate) fn labels(&self) -> BTreeSet<String> {
        let mut labels = BTreeSet::new();
        // Every other part lies between quotation marks.
        for part in self.matchers.split('"').step_by(2) {
            let words = part.split(|c: char| !is_of_name(c)).filter(|word| !word.is_empty());
            labels.extend(words.map(str::to_owned));
        }
        labels
    }
}

/// The metrics that an expression names.
pub(crate) fn selectors(expression: &str) -> BTreeSet<Selector> {
    let mut found = BTreeSet::new();
    let mut rest = expression;
    while let Some(start) = rest.find(is_of_name) {
        let word: String = rest[start..].chars().take_while(|c| is_of_name(*c)).collect();
        let after = &rest[start + word.len()..];
        let is_metric = word.starts_with("emberline_") || word == "up";
        if is_metric && after.starts_with('{') {
            let end = end_of_matchers(after);
            found.insert(Selector { name: word, matchers: after[..end].to_owned() });
            rest = &after[end..];
        } else {
            if is_metric {
                found.insert(Selector { name: word, matchers: String::new() });
            }
            rest = after;
        }
    }
    found
}

/// The labels that an expression groups or joins by.
pub(crate) fn groupings(expression: &str) -> BTreeSet<String> {
    let mut labels = BTreeSet::new();
    for keyword in ["by", "on", "without", "ignoring"] {
        for (at, _) in expression.match_indices(keyword) {
            let stands_alone = !expression[..at].ends_with(is_of_name);
            let list = expression[at + keyword.len()..].trim_start().strip_prefix('(');
            if let Some((list, _)) = list.filter(|_| stands_alone).and_then(|l| l.split_once(')')) {
                labels.extend(list.split(',').map(|label| label.trim().to_owned()));
            }
        }
    }
    labels
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Where the closing brace ends: one between quotation marks is a text's.
fn end_of_matchers(text: &str) -> usize {
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '}' if !quoted => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// What is read of an expression is what stands in it.
pub(crate) fn names_are_read() {
    let text = r#"sum by (le, topic) (rate(emberline_a_bucket{topic=~".+[}].+", job!="x"}[5m]))
        / on(job) group_left emberline_b unless up == 0"#;
    let found: Vec<Selector> = selectors(text).into_iter().collect();
    let texts: Vec<String> = found.iter().map(Selector::text).collect();
    assert_eq!(texts, [r#"emberline_a_bucket{topic=~".+[}].+", job!="x"}"#, "emberline_b", "up"]);
    assert_eq!(found[0].labels().into_iter().collect::<Vec<_>>(), ["job", "topic"]);
    assert_eq!(groupings(text).into_iter().collect::<Vec<_>>(), ["job", "le", "topic"]);
}
