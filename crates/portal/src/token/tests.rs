use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD as BASE64;
use emberline_model::CustomerId;
use serde_json::{Value, json};

use super::{Algorithm, Handover, SigningKey, TokenError, TokenKey, TokenSettings, jws};
use crate::Contact;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NOW: i64 = 1_800_000_000;

/// The key pair of RFC 8410, 10.3 and 10.1.
const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----";
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----";

fn settings(algorithm: Algorithm, key: &str) -> TokenSettings {
    let key = TokenKey::new(algorithm, key).unwrap();
    TokenSettings { key, audience: None, issuer: None, max_age: Duration::from_mins(5) }
}

fn handover() -> Handover {
    Handover {
        customer: CustomerId::parse("c_1001").unwrap(),
        contact: Some(Contact {
            country_code: "86".to_owned(),
            phone_number: "13900000000".to_owned(),
        }),
        id: "t-1".to_owned(),
        issued: NOW,
        expires: NOW + 120,
    }
}

fn secret() -> SigningKey {
    SigningKey::new(Algorithm::Hs256, SECRET).unwrap()
}

/// A token of these claims, changed.
fn with(change: impl FnOnce(&mut Value)) -> String {
    let mut claims = json!({
        "sub": "c_1001", "country_code": "86", "phone_number": "13900000000",
        "iat": NOW, "exp": NOW + 120, "jti": "t-1",
    });
    change(&mut claims);
    jws::signed(&claims, &secret())
}

fn read(token: &str) -> Result<Handover, TokenError> {
    settings(Algorithm::Hs256, SECRET).read(token, NOW)
}

#[test]
fn a_token_of_either_algorithm_hands_its_customer_over() {
    for (algorithm, public, private) in
        [(Algorithm::Hs256, SECRET, SECRET), (Algorithm::EdDsa, PUBLIC, PRIVATE)]
    {
        let token = SigningKey::new(algorithm, private).unwrap().token(&handover(), None, None);
        assert_eq!(settings(algorithm, public).read(&token, NOW), Ok(handover()), "{algorithm:?}");
    }
}

/// RFC 7515, A.1: the signature is checked as the standard means it.
#[test]
fn the_standards_own_example_verifies() {
    let key =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let key = BASE64.decode_to_vec(key).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let claims: Value = jws::verified(token, &TokenKey(super::key::Verifier::Hs256(key))).unwrap();
    assert_eq!(claims["iss"], "joe");
}

#[test]
fn a_token_may_not_choose_its_algorithm() {
    let claims = with(|_| {}).split('.').nth(1).unwrap().to_owned();
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "None"}),
        json!({"alg": "HS512"}),
        json!({"alg": "EdDSA"}),
        json!({"alg": ""}),
    ] {
        let header = BASE64.encode_to_string(header.to_string());
        for tag in ["", "AAAA"] {
            let token = format!("{header}.{claims}.{tag}");
            assert_eq!(read(&token), Err(TokenError::Algorithm), "{token}");
        }
    }
    // The public key as a shared secret, which is known to everybody.
    let forged = SigningKey::new(Algorithm::Hs256, PUBLIC).unwrap().token(&handover(), None, None);
    let settings = settings(Algorithm::EdDsa, PUBLIC);
    assert_eq!(settings.read(&forged, NOW), Err(TokenError::Algorithm));
}

#[test]
fn what_was_changed_or_signed_by_another_is_refused() {
    let token = with(|_| {});
    let other = SigningKey::new(Algorithm::Hs256, "another secret of thirty-two bytes");
    let other = other.unwrap().token(&handover(), None, None);
    assert_eq!(read(&other), Err(TokenError::Signature));
    let [header, claims, tag] = token.split('.').collect::<Vec<_>>()[..] else { panic!() };
    let changed = with(|claims| claims["sub"] = "c_1002".into());
    let changed = changed.split('.').nth(1).unwrap();
    assert_eq!(read(&format!("{header}.{changed}.{tag}")), Err(TokenError::Signature));
    assert_eq!(read(&format!("{header}.{claims}.")), Err(TokenError::Signature));
    for broken in ["", ".", "..", "a.b.c", &format!("{header}.{claims}"), &"x".repeat(5000)] {
        assert_eq!(read(broken), Err(TokenError::Malformed), "{broken:.20}");
    }
}

#[test]
fn a_header_that_asks_for_more_is_not_understood() {
    let claims = with(|_| {}).split('.').nth(1).unwrap().to_owned();
    let header = json!({"alg": "HS256", "crit": ["b64"], "b64": false});
    let header = BASE64.encode_to_string(header.to_string());
    let message = format!("{header}.{claims}");
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = BASE64.encode_to_string(ring::hmac::sign(&key, message.as_bytes()));
    assert_eq!(read(&format!("{message}.{tag}")), Err(TokenError::Malformed));
}

#[test]
fn time_is_held_to_both_ends() {
    let at = |iat: i64, exp: i64| {
        read(&with(|claims| {
            claims["iat"] = iat.into();
            claims["exp"] = exp.into();
        }))
    };
    assert!(at(NOW - 299, NOW + 1).is_ok());
    assert_eq!(at(NOW - 100, NOW), Err(TokenError::Expired));
    assert_eq!(at(NOW - 100, NOW - 1), Err(TokenError::Expired));
    assert!(at(NOW + 30, NOW + 100).is_ok());
    assert_eq!(at(NOW + 31, NOW + 100), Err(TokenError::Early));
    assert_eq!(at(NOW, NOW + 301), Err(TokenError::TooLong));
    assert_eq!(at(i64::MIN, i64::MAX), Err(TokenError::TooLong));
    let early = with(|claims| claims["nbf"] = (NOW + 60).into());
    assert_eq!(read(&early), Err(TokenError::Early));
    assert_eq!(
        read(&with(|claims| drop(claims.as_object_mut().unwrap().remove("exp")))),
        Err(TokenError::Malformed)
    );
}

#[test]
fn audience_and_issuer_are_the_settings() {
    let ours = TokenSettings {
        audience: Some("portal".to_owned()),
        issuer: Some("app".to_owned()),
        ..settings(Algorithm::Hs256, SECRET)
    };
    let token = |audience, issuer| secret().token(&handover(), audience, issuer);
    assert!(ours.read(&token(Some("portal"), Some("app")), NOW).is_ok());
    let several = with(|claims| {
        claims["aud"] = json!(["x", "portal"]);
        claims["iss"] = "app".into();
    });
    assert!(ours.read(&several, NOW).is_ok());
    for (audience, issuer) in
        [(None, Some("app")), (Some("x"), Some("app")), (Some("portal"), None)]
    {
        assert_eq!(ours.read(&token(audience, issuer), NOW), Err(TokenError::Audience));
    }
    assert_eq!(read(&token(Some("portal"), None)), Err(TokenError::Audience));
}

#[test]
fn what_a_token_names_is_well_formed() {
    for (claim, value) in [
        ("sub", json!("c-1")),
        ("sub", json!("")),
        ("jti", json!("")),
        ("jti", json!("x".repeat(129))),
        ("jti", json!("a b")),
        ("phone_number", json!("139 0000")),
        ("phone_number", json!("")),
        ("country_code", json!("+86")),
        ("country_code", Value::Null),
    ] {
        let token = with(|claims| claims[claim] = value.clone());
        assert_eq!(read(&token), Err(TokenError::Content), "{claim} {value}");
    }
    let without = with(|claims| {
        let claims = claims.as_object_mut().unwrap();
        claims.remove("country_code");
        claims.remove("phone_number");
    });
    assert_eq!(read(&without).unwrap().contact, None);
}

#[test]
fn keys_are_checked_and_never_shown() {
    assert_eq!(
        TokenKey::new(Algorithm::Hs256, "short").unwrap_err().to_string().split(':').next(),
        Some("is shorter than 32 bytes, which HS256 needs")
    );
    assert!(TokenKey::new(Algorithm::EdDsa, PRIVATE).is_err());
    assert!(SigningKey::new(Algorithm::EdDsa, PUBLIC).is_err());
    let shown = format!("{:?} {:?} {:?}", settings(Algorithm::Hs256, SECRET), secret(), handover());
    assert!(!shown.contains("0123") && !shown.contains("139"), "{shown}");
}
