//! The hand-over: a short-lived JWT in which the vendor's app says whose page it opens.
//!
//! Written here over `ring` rather than with the `jsonwebtoken` crate: of that one's two
//! backends one brings the `rsa` crate with its open advisory (RUSTSEC-2023-0071), the other
//! a licence that `deny.toml` does not allow, and without either it needs a provider
//! installed for the whole process. The algorithm is the key's; a token only names it.
//!
//! Start at [`TokenSettings::read`].

mod claims;
mod jws;
mod key;

use std::time::Duration;

use emberline_model::CustomerId;

pub use claims::Handover;
use claims::{Audience, Claims};
pub use jws::SigningKey;
pub use key::{Algorithm, InvalidKey, TokenKey};

use crate::Contact;

/// Which tokens are accepted.
#[derive(Debug)]
pub struct TokenSettings {
    /// Verifies them.
    pub key: TokenKey,
    /// The `aud` that they must name. Without one, tokens that are meant for somebody are
    /// refused (RFC 7519, 4.1.3).
    pub audience: Option<String>,
    /// The `iss` that they must have, if any.
    pub issuer: Option<String>,
    /// Longest time from `iat` to `exp`.
    pub max_age: Duration,
}

/// Why a token is refused. Its text is for logs; no variant holds anything of the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Three parts of Base64 and JSON are expected, of 4 KB at most.
    #[error("is no JWT, or lacks a claim that is needed")]
    Malformed,
    /// It names another algorithm than the settings, or none.
    #[error("is signed with another algorithm than portal.token_algorithm")]
    Algorithm,
    /// Another key signed it, or somebody changed it.
    #[error("has a signature that does not fit portal.token_key")]
    Signature,
    /// Its time is over.
    #[error("has expired")]
    Expired,
    /// Its time has not come: the clock of who made it, or of this machine, is wrong.
    #[error("is not valid yet: compare the clocks")]
    Early,
    /// It may be used for longer than is accepted.
    #[error("is valid for longer than portal.max_token_age")]
    TooLong,
    /// It is meant for somebody else, or made by somebody else.
    #[error("has another audience or issuer than the settings")]
    Audience,
    /// No customer id, telephone number or token id that is one.
    #[error("names no well-formed customer, telephone number or id")]
    Content,
}

/// How far the clock of who makes tokens may be ahead, in seconds.
const CLOCK_SKEW: i64 = 30;
/// Longest id of a token, in bytes.
const MAX_ID: usize = 128;

impl TokenSettings {
    /// Whom a token hands over, if it is one to be accepted at `now` (Unix seconds). Whether it
    /// was used before is not known here.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn read(&self, token: &str, now: i64) -> Result<Handover, TokenError> {
        let claims: Claims = jws::verified(token, &self.key)?;
        if claims.exp <= now {
            return Err(TokenError::Expired);
        }
        let latest = now.saturating_add(CLOCK_SKEW);
        if claims.iat > latest || claims.nbf.is_some_and(|from| from > latest) {
            return Err(TokenError::Early);
        }
        let longest = i64::try_from(self.max_age.as_secs()).unwrap_or(i64::MAX);
        if claims.exp.saturating_sub(claims.iat) > longest {
            return Err(TokenError::TooLong);
        }
        self.check_audience(&claims)?;
        content(claims)
    }

    fn check_audience(&self, claims: &Claims) -> Result<(), TokenError> {
        let is_ours = match (&self.audience, &claims.aud) {
            (None, None) => true,
            (Some(ours), Some(audience)) => audience.names(ours),
            _ => false,
        };
        let issuer = self.issuer.as_ref();
        let is_of_issuer = issuer.is_none_or(|issuer| claims.iss.as_ref() == Some(issuer));
        if is_ours && is_of_issuer { Ok(()) } else { Err(TokenError::Audience) }
    }
}

fn content(claims: Claims) -> Result<Handover, TokenError> {
    let customer = CustomerId::parse(&claims.sub).map_err(|_| TokenError::Content)?;
    let is_id =
        |id: &str| (1..=MAX_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    if !is_id(&claims.jti) {
        return Err(TokenError::Content);
    }
    let contact = match (claims.country_code, claims.phone_number) {
        (None, None) => None,
        (Some(country_code), Some(phone_number))
            if is_number(&country_code, 4) && is_number(&phone_number, 20) =>
        {
            Some(Contact { country_code, phone_number })
        }
        _ => return Err(TokenError::Content),
    };
    Ok(Handover { customer, contact, id: claims.jti, issued: claims.iat, expires: claims.exp })
}

/// Some digits: what exactly is a telephone number is for the service to say.
fn is_number(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl SigningKey {
    /// A token, as the vendor's app would make it.
    pub fn token(
        &self,
        handover: &Handover,
        audience: Option<&str>,
        issuer: Option<&str>,
    ) -> String {
        let contact = handover.contact.as_ref();
        jws::signed(
            &Claims {
                sub: handover.customer.as_str().to_owned(),
                country_code: contact.map(|contact| contact.country_code.clone()),
                phone_number: contact.map(|contact| contact.phone_number.clone()),
                exp: handover.expires,
                iat: handover.issued,
                nbf: None,
                jti: handover.id.clone(),
                aud: audience.map(|audience| Audience::One(audience.to_owned())),
                iss: issuer.map(str::to_owned),
            },
            self,
        )
    }
}

#[cfg(test)]
mod tests;
