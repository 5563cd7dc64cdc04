//! Refused calls: how many for which code, and the last ones with what was wrong.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use super::push_bounded;
use crate::Action;
use crate::refusal::{ErrorCode, Refusal};

/// A call that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefusedCall {
    /// Unix seconds.
    pub(crate) at: i64,
    /// `None` where it was refused before its action was known.
    pub(crate) action: Option<Action>,
    /// As the call gave it, cut; empty where it gave none.
    pub(crate) request_id: Box<str>,
    pub(crate) code: ErrorCode,
    /// As it was answered, cut.
    pub(crate) message: Box<str>,
}

/// Counts of refusals, and the last of them.
#[derive(Default)]
pub(crate) struct Refusals {
    by_code: [AtomicU64; ErrorCode::ALL.len()],
    last: Mutex<VecDeque<RefusedCall>>,
}

impl Refusals {
    /// How many are remembered whole.
    pub(crate) const REMEMBERED: usize = 50;

    pub(crate) fn note(&self, at: i64, action: Option<Action>, id: &str, refusal: &Refusal) {
        self.by_code[refusal.code as usize].fetch_add(1, Relaxed);
        let call = RefusedCall {
            at,
            action,
            request_id: cut(id, 64),
            code: refusal.code,
            message: cut(&refusal.message, 200),
        };
        push_bounded(&mut self.last.lock(), call, Self::REMEMBERED);
    }

    /// How many calls each code was answered to.
    pub(crate) fn by_code(&self) -> impl Iterator<Item = (ErrorCode, u64)> {
        let counts = self.by_code.iter().map(|count| count.load(Relaxed));
        ErrorCode::ALL.into_iter().zip(counts)
    }

    /// The latest first.
    pub(crate) fn last(&self) -> Vec<RefusedCall> {
        self.last.lock().iter().rev().cloned().collect()
    }
}

/// Both texts come from outside, as long as anyone likes.
fn cut(text: &str, most: usize) -> Box<str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::Refusals;
    use crate::refusal::{ErrorCode, Refusal};

    #[test]
    fn refusals_are_counted_by_code_and_the_last_are_remembered() {
        let refusals = Refusals::default();
        refusals.note(1, None, "", &Refusal::unknown_app_key());
        for at in 0..60 {
            refusals.note(at, None, "r", &Refusal::missing(&"x".repeat(1_000)));
        }
        let counted: Vec<_> = refusals.by_code().filter(|(_, count)| *count > 0).collect();
        let expected =
            [(ErrorCode::RequiredParamNotFound, 60), (ErrorCode::UnknownCustomerOrAppKey, 1)];
        assert_eq!(counted, expected);
        let last = refusals.last();
        assert_eq!((last.len(), last[0].at), (Refusals::REMEMBERED, 59));
        assert_eq!(last[0].message.chars().count(), 201, "whatever is in it, it is short");
    }
}
