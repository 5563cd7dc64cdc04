//! Turning the pages of a list.

use super::visit::Visit;
use super::words::grouped;
use crate::browse::{Found, Window};

/// What is shown of a list, and the ways to the pages beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pager {
    /// As in `51–100`; empty if nothing is.
    pub(super) shown: String,
    pub(super) total: String,
    pub(super) page: usize,
    pub(super) pages: usize,
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
    /// Whether there are more pages than can be turned to.
    pub(super) is_cut: bool,
}

impl Pager {
    pub(super) fn of<T>(visit: &Visit, window: Window, found: &Found<T>) -> Self {
        let pages = found.total.div_ceil(window.size).max(1);
        let last = pages.min(Window::LAST_PAGE);
        let to = |page: usize| visit.again("page", Some(&page.to_string()));
        let first_row = window.range().start + 1;
        let shown = match found.rows.len() {
            0 => String::new(),
            rows => format!("{}–{}", grouped_len(first_row), grouped_len(first_row + rows - 1)),
        };
        Self {
            shown,
            total: grouped_len(found.total),
            page: window.page,
            pages,
            previous: (window.page > 1).then(|| to((window.page - 1).min(last))),
            next: (window.page < last).then(|| to(window.page + 1)),
            is_cut: pages > Window::LAST_PAGE,
        }
    }

    /// Whether there is anything to turn.
    pub(super) fn turns(&self) -> bool {
        self.previous.is_some() || self.next.is_some()
    }
}

fn grouped_len(count: usize) -> String {
    grouped(count as u64)
}

#[cfg(test)]
mod tests {
    use axum::extract::FromRequestParts;
    use axum::http::Request;

    use super::Pager;
    use crate::browse::Found;
    use crate::console::visit::Visit;

    async fn pager(address: &str, rows: usize, total: usize) -> Pager {
        let (mut parts, ()) = Request::get(address).body(()).unwrap().into_parts();
        let Ok(visit) = Visit::from_request_parts(&mut parts, &()).await;
        Pager::of(&visit, visit.window(), &Found { rows: vec![(); rows], total })
    }

    #[tokio::test]
    async fn a_list_of_one_page_does_not_turn() {
        let pager = pager("/l?q=x", 3, 3).await;
        assert_eq!(
            (pager.shown.as_str(), pager.total.as_str(), pager.turns()),
            ("1–3", "3", false)
        );
    }

    #[tokio::test]
    async fn a_long_list_turns_both_ways_and_keeps_its_search() {
        let pager = pager("/l?q=x&page=2", 50, 1_234).await;
        assert_eq!((pager.shown.as_str(), pager.total.as_str()), ("51–100", "1,234"));
        assert_eq!(pager.previous.as_deref(), Some("/l?q=x&page=1"));
        assert_eq!(pager.next.as_deref(), Some("/l?q=x&page=3"));
        assert_eq!((pager.pages, pager.is_cut), (25, false));
    }

    #[tokio::test]
    async fn a_page_past_the_end_leads_back_to_the_last_one() {
        let pager = pager("/l?page=150", 0, 120).await;
        assert_eq!((pager.shown.as_str(), pager.next), ("", None));
        assert_eq!(pager.previous.as_deref(), Some("/l?page=3"));
    }

    #[tokio::test]
    async fn a_list_too_long_to_turn_says_so() {
        let pager = pager("/l?page=200", 50, 100_000).await;
        assert_eq!((pager.next, pager.is_cut, pager.pages), (None, true, 2_000));
    }
}
