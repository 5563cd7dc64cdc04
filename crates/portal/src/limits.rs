//! How often somebody may try: entering, ordering and claiming, by customer and by address.
//! Memory is bounded: those beyond it share one allowance.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;

use crate::settings::AttemptLimits;

/// Most customers, and most addresses, that are told apart at the same time: some 100 bytes
/// each.
const MOST_KEYS: usize = 50_000;

/// So many pages that ask the service may be looked at for each attempt that is allowed: a
/// page that shows progress loads itself again.
const LOOKS_AN_ATTEMPT: u32 = 5;

/// The allowances.
pub(crate) struct Limits {
    customers: Allowances<String>,
    looks: Allowances<String>,
    addresses: Allowances<IpAddr>,
}

/// Too often. Carries how long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooOften(pub(crate) Duration);

impl Limits {
    pub(crate) fn new(limits: AttemptLimits) -> Self {
        let looks =
            limits.of_customer.saturating_mul(NonZeroU32::MIN.saturating_add(LOOKS_AN_ATTEMPT - 1));
        Self {
            customers: Allowances::new(limits.of_customer),
            looks: Allowances::new(looks),
            addresses: Allowances::new(limits.of_address),
        }
    }

    /// An attempt from this address.
    pub(crate) fn attempt_from(&self, address: IpAddr) -> Result<(), TooOften> {
        self.addresses.take(address)
    }

    /// An attempt of this customer.
    pub(crate) fn attempt_of(&self, customer: &str) -> Result<(), TooOften> {
        self.customers.take(customer.to_owned())
    }

    /// A look of this customer's at a page that asks the service.
    pub(crate) fn look_of(&self, customer: &str) -> Result<(), TooOften> {
        self.looks.take(customer.to_owned())
    }
}

type Limiter<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock, NoOpMiddleware<Instant>>;
type Instant = <DefaultClock as governor::clock::Clock>::Instant;

/// One allowance a key, so many a minute.
struct Allowances<K: Hash + Eq + Clone> {
    /// `None` is the key of all those that there is no room for.
    limiter: Limiter<Option<K>>,
    tidied: Mutex<std::time::Instant>,
}

/// Shortest time between two looks at all keys for those that can be forgotten.
const TIDY_EVERY: Duration = Duration::from_secs(1);

impl<K: Hash + Eq + Clone> Allowances<K> {
    fn new(a_minute: NonZeroU32) -> Self {
        let limiter = RateLimiter::hashmap(Quota::per_minute(a_minute));
        Self { limiter, tidied: Mutex::new(std::time::Instant::now()) }
    }

    fn take(&self, key: K) -> Result<(), TooOften> {
        self.tidy();
        let has_room = self.limiter.len() < MOST_KEYS;
        let key = Some(key).filter(|_| has_room);
        self.limiter.check_key(&key).map_err(|not_until| {
            let wait = not_until.wait_time_from(DefaultClock::default().now());
            TooOften(wait.max(Duration::from_secs(1)))
        })
    }

    /// Forgets whoever has its whole allowance again, once memory is full.
    fn tidy(&self) {
        if self.limiter.len() < MOST_KEYS {
            return;
        }
        let mut tidied = self.tidied.lock();
        if tidied.elapsed() >= TIDY_EVERY {
            self.limiter.retain_recent();
            *tidied = std::time::Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::{Allowances, MOST_KEYS};

    #[test]
    fn an_allowance_is_a_keys_own_and_says_how_long_to_wait() {
        let allowances = Allowances::new(NonZeroU32::new(2).unwrap());
        assert!(allowances.take("a").is_ok() && allowances.take("a").is_ok());
        let wait = allowances.take("a").unwrap_err().0.as_secs();
        assert!((1..=30).contains(&wait), "{wait}");
        assert!(allowances.take("b").is_ok());
    }

    #[test]
    fn memory_is_bounded_and_the_rest_share_an_allowance() {
        let allowances = Allowances::new(NonZeroU32::new(1).unwrap());
        for key in 0..MOST_KEYS {
            assert!(allowances.take(key).is_ok());
        }
        assert!(allowances.take(MOST_KEYS).is_ok());
        assert!(allowances.take(MOST_KEYS + 1).is_err());
        assert!(allowances.limiter.len() <= MOST_KEYS + 1);
    }
}
