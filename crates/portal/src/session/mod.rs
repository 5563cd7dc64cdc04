//! A session: who it is, in a cookie that only a portal with the same key can read or make.
//! Nothing is kept of it here, so any replica serves it.

mod seal;

use std::fmt;

use emberline_model::CustomerId;
use serde::{Deserialize, Serialize};

use crate::keys::Keys;
use crate::{Contact, Handover};

/// Most orders under way that a session remembers; a cookie has some 4 KB.
const MOST_PLACED: usize = 5;

/// Who looks at the pages. `Debug` does not show the telephone number.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) customer: CustomerId,
    pub(crate) contact: Option<Contact>,
    /// That of the token which it began with.
    pub(crate) id: String,
    /// When that was made, in Unix seconds.
    pub(crate) since: i64,
    /// In Unix seconds.
    pub(crate) expires: i64,
    /// Orders that were placed in it, the newest last: what is shown of them until the
    /// service has them.
    pub(crate) placed: Vec<PlacedOrder>,
}

/// An order under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlacedOrder {
    pub(crate) order_no: String,
    /// When it was placed, in Unix seconds.
    pub(crate) at: i64,
}

impl Session {
    pub(crate) fn begin(handover: Handover, lifetime_s: i64, now: i64) -> Self {
        Self {
            customer: handover.customer,
            contact: handover.contact,
            id: handover.id,
            since: handover.issued,
            expires: now.saturating_add(lifetime_s),
            placed: Vec::new(),
        }
    }

    /// Notes an order that was placed now, or before: then its time stays.
    pub(crate) fn note_placed(&mut self, order_no: &str, now: i64) {
        if self.placed.iter().any(|placed| placed.order_no == order_no) {
            return;
        }
        if self.placed.len() >= MOST_PLACED {
            self.placed.remove(0);
        }
        self.placed.push(PlacedOrder { order_no: order_no.to_owned(), at: now });
    }

    /// As a cookie's value.
    pub(crate) fn sealed(&self, keys: &Keys) -> String {
        let contact = self.contact.as_ref();
        let content = Content {
            customer: self.customer.as_str().into(),
            country_code: contact.map(|contact| contact.country_code.clone()),
            phone_number: contact.map(|contact| contact.phone_number.clone()),
            id: self.id.clone(),
            since: self.since,
            expires: self.expires,
            placed: self.placed.clone(),
        };
        let json = serde_json::to_vec(&content).expect("texts and numbers are always JSON");
        seal::seal(&keys.cookie, json)
    }

    /// The session of a cookie, unless it has expired or nobody with this key made it.
    pub(crate) fn opened(cookie: &str, keys: &Keys, now: i64) -> Option<Self> {
        let json = seal::open(&keys.cookie, cookie)?;
        let content: Content = serde_json::from_slice(&json).ok()?;
        if content.expires <= now {
            return None;
        }
        let contact = content.country_code.zip(content.phone_number);
        Some(Self {
            customer: CustomerId::parse(&content.customer).ok()?,
            contact: contact
                .map(|(country_code, phone_number)| Contact { country_code, phone_number }),
            id: content.id,
            since: content.since,
            expires: content.expires,
            placed: content.placed,
        })
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("customer", &self.customer).finish_non_exhaustive()
    }
}

/// What is in a cookie, by short names.
#[derive(Serialize, Deserialize)]
struct Content {
    #[serde(rename = "c")]
    customer: String,
    #[serde(rename = "k")]
    country_code: Option<String>,
    #[serde(rename = "p")]
    phone_number: Option<String>,
    #[serde(rename = "i")]
    id: String,
    #[serde(rename = "s")]
    since: i64,
    #[serde(rename = "e")]
    expires: i64,
    #[serde(rename = "o")]
    placed: Vec<PlacedOrder>,
}

#[cfg(test)]
pub(crate) mod tests {
    use emberline_model::CustomerId;

    use super::{MOST_PLACED, Session};
    use crate::Contact;
    use crate::keys::{Keys, MasterKey};

    pub(crate) fn session(customer: &str, id: &str) -> Session {
        Session {
            customer: CustomerId::parse(customer).unwrap(),
            contact: Some(Contact {
                country_code: "86".to_owned(),
                phone_number: "13900000000".to_owned(),
            }),
            id: id.to_owned(),
            since: 50,
            expires: 100,
            placed: Vec::new(),
        }
    }

    #[test]
    fn a_session_is_read_by_every_replica_until_it_expires() {
        let (one, other) = (Keys::new(&MasterKey::new(b"k")), Keys::new(&MasterKey::new(b"k")));
        let mut session = session("c_1", "t-1");
        session.note_placed("EP-1", 60);
        let cookie = session.sealed(&one);
        assert_eq!(Session::opened(&cookie, &other, 99), Some(session));
        assert_eq!(Session::opened(&cookie, &other, 100), None);
    }

    #[test]
    fn a_cookie_shows_nothing_and_can_neither_be_changed_nor_made() {
        let keys = Keys::new(&MasterKey::new(b"k"));
        let cookie = session("c_1", "t-1").sealed(&keys);
        assert_ne!(cookie, session("c_1", "t-1").sealed(&keys));
        assert_eq!(Session::opened(&cookie, &Keys::new(&MasterKey::new(b"x")), 60), None);
        for place in 0..cookie.len() {
            let mut changed = cookie.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(Session::opened(&changed, &keys, 60), None, "{place}");
        }
        for bad in ["", "A", &cookie[1..], &cookie[..cookie.len() - 1], "not base64!"] {
            assert_eq!(Session::opened(bad, &keys, 60), None, "{bad}");
        }
        assert!(!format!("{:?}", session("c_1", "t-1")).contains("139"));
    }

    #[test]
    fn a_cookie_stays_small_and_an_orders_time_is_its_first() {
        let keys = Keys::new(&MasterKey::new(b"k"));
        let mut session = session(&"c".repeat(32), &"t".repeat(128));
        for count in 0..20 {
            session.note_placed(&format!("{count:0>128}"), count);
            session.note_placed(&format!("{count:0>128}"), 1000);
        }
        assert_eq!(session.placed.len(), MOST_PLACED);
        assert_eq!(session.placed.last().unwrap().at, 19);
        assert!(session.sealed(&keys).len() < 3000);
    }
}
