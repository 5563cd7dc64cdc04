//! A worker's `/metrics`, and what grew between two looks at it.

use std::collections::BTreeMap;

/// One line of the page: a name with its labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
}

impl Series {
    /// A label's value; empty where there is no such label.
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    fn has(&self, name: &str, labels: &[(&str, &str)]) -> bool {
        self.name == name && labels.iter().all(|(key, value)| self.label(key) == *value)
    }
}

/// The page, in Prometheus' text form.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Page(BTreeMap<Series, f64>);

impl Page {
    /// Reads a page. Lines that are none of it are left out: whoever serves it may be of
    /// another version.
    pub(super) fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        Self(lines.filter_map(line).collect())
    }

    /// The lines of this name, without those that have no value.
    pub(super) fn of(&self, name: &str) -> impl Iterator<Item = (&Series, f64)> {
        let lines =
            self.0.iter().filter(move |(series, value)| series.name == name && !value.is_nan());
        lines.map(|(series, value)| (series, *value))
    }

    /// The sum over the lines of this name that have these labels; `None` if there is none.
    pub(super) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let found = self.of(name).filter(|(series, _)| series.has(name, labels));
        found.map(|(_, value)| value).reduce(|sum, value| sum + value)
    }

    /// What the counters of this name and these labels grew by since an earlier look.
    pub(super) fn growth(&self, before: &Self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let found = self.of(name).filter(|(series, _)| series.has(name, labels));
        found.map(|(series, value)| before.growth_to(series, value)).sum()
    }

    /// The quantile of what a histogram took in since an earlier look, as Prometheus estimates
    /// it: evenly within a bucket. `None` if it took in nothing.
    pub(super) fn quantile(
        &self,
        before: &Self,
        (name, quantile): (&str, f64),
        labels: &[(&str, &str)],
    ) -> Option<f64> {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (series, value) in self.of(&format!("{name}_bucket")) {
            if !series.has(&series.name, labels) {
                continue;
            }
            let Ok(bound) = series.label("le").parse::<f64>() else { continue };
            let grew = before.growth_to(series, value);
            match buckets.iter_mut().find(|(known, _)| known.total_cmp(&bound).is_eq()) {
                Some((_, count)) => *count += grew,
                None => buckets.push((bound, grew)),
            }
        }
        buckets.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let all = buckets.last().map_or(0.0, |(_, count)| *count);
        if all <= 0.0 {
            return None;
        }
        let wanted = all * quantile;
        let (mut low, mut below) = (0.0, 0.0);
        for (bound, count) in buckets {
            if count >= wanted {
                // Above the last bound nothing is known but that.
                let within = if count > below { (wanted - below) / (count - below) } else { 1.0 };
                return Some(if bound.is_finite() { low + (bound - low) * within } else { low });
            }
            (low, below) = (bound, count);
        }
        None
    }

    /// What a counter grew by up to this value. It begins anew when its process does: then all
    /// of it is new.
    fn growth_to(&self, series: &Series, value: f64) -> f64 {
        match self.0.get(series) {
            Some(before) if *before <= value => value - before,
            _ => value,
        }
    }
}

fn line(line: &str) -> Option<(Series, f64)> {
    let (series, value) = match line.rfind('}') {
        Some(end) => line.split_at(end + 1),
        None => line.split_once(' ')?,
    };
    // A time may stand behind the value.
    let value = value.split_whitespace().next()?.parse().ok()?;
    let Some((name, rest)) = series.split_once('{') else {
        return Some((Series { name: series.to_owned(), labels: BTreeMap::new() }, value));
    };
    let mut labels = BTreeMap::new();
    let mut rest = rest.strip_suffix('}')?;
    while !rest.is_empty() {
        let (key, after) = rest.split_once("=\"")?;
        let (text, after) = quoted(after)?;
        labels.insert(key.to_owned(), text);
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Some((Series { name: name.to_owned(), labels }, value))
}

/// A label's text up to its closing quotation mark, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut read = String::new();
    let mut chars = text.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => return Some((read, &text[place + 1..])),
            '\\' => match chars.next()?.1 {
                'n' => read.push('\n'),
                other => read.push(other),
            },
            other => read.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Page;

    const BEFORE: &str = "\
# HELP calls Calls
# TYPE calls counter
calls{worker=\"a\",outcome=\"ok\"} 7
calls{worker=\"a\",outcome=\"failed\"} 90
lag{topic=\"with \\\"} \\\\ n\"} NaN
plain 12.5 1700000000
no number
";
    const AFTER: &str = "\
calls{worker=\"a\",outcome=\"ok\"} 10
calls{worker=\"a\",outcome=\"failed\"} 4
calls{worker=\"b\",outcome=\"ok\"} 5
";

    #[test]
    fn a_page_is_read_with_its_labels_and_without_what_has_no_value() {
        let page = Page::parse(BEFORE);
        assert_eq!(page.sum("calls", &[("worker", "a")]), Some(97.0));
        assert_eq!(page.sum("calls", &[("worker", "c")]), None);
        assert_eq!(page.sum("plain", &[]), Some(12.5));
        assert_eq!(page.of("lag").count(), 0);
        let escaped = Page::parse("lag{topic=\"a \\\"b} \\\\ c\"} 3");
        assert_eq!(escaped.of("lag").next().unwrap().0.label("topic"), "a \"b} \\ c");
    }

    #[test]
    fn a_counter_that_begins_anew_has_grown_by_all_of_it() {
        let (before, after) = (Page::parse(BEFORE), Page::parse(AFTER));
        let grew = |labels: &[(&str, &str)]| after.growth(&before, "calls", labels);
        assert!((grew(&[("worker", "a"), ("outcome", "ok")]) - 3.0).abs() < 1e-9);
        assert!((grew(&[("outcome", "failed")]) - 4.0).abs() < 1e-9, "it was 90, and is 4");
        assert!((grew(&[("worker", "b")]) - 5.0).abs() < 1e-9, "it was not there");
    }

    #[test]
    fn a_quantile_is_of_what_came_since() {
        let page = |counts: [u32; 3]| {
            let [a, b, c] = counts;
            Page::parse(&format!(
                "s_bucket{{le=\"1\"}} {a}\ns_bucket{{le=\"2\"}} {b}\ns_bucket{{le=\"+Inf\"}} {c}\n"
            ))
        };
        let before = page([100, 100, 100]);
        let of = |after: &Page, quantile| after.quantile(&before, ("s", quantile), &[]);
        assert_eq!(of(&before, 0.5), None);
        assert_eq!(of(&page([100, 104, 104]), 0.5), Some(1.5));
        assert_eq!(of(&page([102, 104, 104]), 0.5), Some(1.0));
        assert_eq!(of(&page([100, 100, 104]), 0.99), Some(2.0), "no more is known");
    }
}
