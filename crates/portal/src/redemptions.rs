//! Which tokens were used: each is good once.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::BoxFuture;

/// What became of a token's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redeemed {
    /// It is used from now on.
    Now,
    /// It was used before.
    Before,
}

/// Whether a token was used can't be told now. To try again is safe.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("whether a token was used can't be told: {0}")]
pub struct Unavailable(pub String);

/// Remembers the ids of used tokens until these expire.
pub trait Redemptions: Send + Sync + 'static {
    /// Uses a token's id up. `now` and `expires` are Unix seconds; an id may be forgotten
    /// after `expires`. Of two calls with the same id at most one gets [`Redeemed::Now`].
    ///
    /// # Errors
    /// [`Unavailable`]: then nobody is let in.
    fn redeem<'a>(
        &'a self,
        id: &'a str,
        expires: i64,
        now: i64,
    ) -> BoxFuture<'a, Result<Redeemed, Unavailable>>;
}

/// Used tokens in this process's memory: enough for one replica. Until a token expires it may
/// be used once more after a restart.
#[derive(Debug)]
pub struct MemoryRedemptions {
    used: Mutex<HashMap<String, i64>>,
    most: usize,
}

impl MemoryRedemptions {
    /// Remembers so many ids at most; while all of them are of tokens that have not expired,
    /// no further one is redeemed.
    pub fn new(most: usize) -> Self {
        Self { used: Mutex::default(), most }
    }

    fn redeem_now(&self, id: &str, expires: i64, now: i64) -> Result<Redeemed, Unavailable> {
        let mut used = self.used.lock();
        if used.get(id).is_some_and(|until| *until > now) {
            return Ok(Redeemed::Before);
        }
        if used.len() >= self.most {
            used.retain(|_, until| *until > now);
        }
        if used.len() >= self.most {
            return Err(Unavailable(format!("{} tokens are in use", self.most)));
        }
        used.insert(id.to_owned(), expires);
        Ok(Redeemed::Now)
    }
}

impl Redemptions for MemoryRedemptions {
    fn redeem<'a>(
        &'a self,
        id: &'a str,
        expires: i64,
        now: i64,
    ) -> BoxFuture<'a, Result<Redeemed, Unavailable>> {
        Box::pin(std::future::ready(self.redeem_now(id, expires, now)))
    }
}

#[cfg(test)]
mod tests {
    use super::{MemoryRedemptions, Redeemed};

    #[test]
    fn an_id_is_good_once_until_it_expires() {
        let used = MemoryRedemptions::new(10);
        assert_eq!(used.redeem_now("a", 100, 50), Ok(Redeemed::Now));
        assert_eq!(used.redeem_now("a", 100, 99), Ok(Redeemed::Before));
        assert_eq!(used.redeem_now("b", 100, 99), Ok(Redeemed::Now));
    }

    #[test]
    fn memory_is_bounded_and_nobody_is_let_in_for_that() {
        let used = MemoryRedemptions::new(2);
        assert_eq!(used.redeem_now("a", 100, 50), Ok(Redeemed::Now));
        assert_eq!(used.redeem_now("b", 200, 50), Ok(Redeemed::Now));
        assert!(used.redeem_now("c", 200, 50).is_err());
        assert_eq!(used.redeem_now("c", 200, 100), Ok(Redeemed::Now));
        assert_eq!(used.redeem_now("b", 200, 100), Ok(Redeemed::Before));
    }
}
