//! The forms of ids, telephone numbers and page requests.

use crate::refusal::{ErrorCode, Refusal};

/// Letters, digits and `_`, 1 to 32 of them (contract: `ServiceCreateCustomer`).
pub(crate) fn check_customer_id(id: &str) -> Result<(), Refusal> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if (1..=32).contains(&id.len()) && id.bytes().all(allowed) {
        return Ok(());
    }
    let message = "CustomerId must be 1 to 32 letters, digits and \"_\"";
    Err(Refusal::new(ErrorCode::InvalidCustomerId, message))
}

/// `ProductId/DeviceName`. The platform's ids are ASCII; the contract says only that
/// both parts are there.
pub(crate) fn check_device_id(id: &str) -> Result<(), Refusal> {
    const MAX_BYTES: usize = 128;
    let clean = |part: &str| {
        !part.is_empty() && !part.chars().any(|c| c == '/' || c.is_whitespace() || c.is_control())
    };
    match id.split_once('/') {
        Some((product, name)) if id.len() <= MAX_BYTES && clean(product) && clean(name) => Ok(()),
        _ => Err(Refusal::invalid("DeviceId must be ProductId/DeviceName")),
    }
}

/// A country code as in "86", and a telephone number of it. The contract gives no form;
/// this is E.164's, and for 86 the 11 digits of a Chinese mobile number.
pub(crate) fn check_phone(country_code: &str, phone_number: &str) -> Result<(), Refusal> {
    check_country_code(country_code)?;
    let digits = phone_number.bytes().all(|byte| byte.is_ascii_digit());
    let long_enough = match country_code {
        "86" => phone_number.len() == 11 && phone_number.starts_with('1'),
        _ => (4..=15).contains(&phone_number.len()),
    };
    if digits && long_enough {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::InvalidPhone, "PhoneNumber is malformed"))
}

fn check_country_code(country_code: &str) -> Result<(), Refusal> {
    let digits = country_code.bytes().all(|byte| byte.is_ascii_digit());
    if digits && (1..=3).contains(&country_code.len()) && !country_code.starts_with('0') {
        return Ok(());
    }
    Err(Refusal::new(ErrorCode::InvalidPhone, "CountryCode is malformed"))
}

#[cfg(test)]
mod tests {
    use super::{check_customer_id, check_device_id, check_phone};

    #[test]
    fn ids_are_held_to_the_contracts_form() {
        assert!(check_customer_id("c_1001").is_ok());
        for bad in ["", "c-1", "ç", &"x".repeat(33)] {
            assert!(check_customer_id(bad).is_err(), "{bad}");
        }
        assert!(check_device_id("F4N0000AN/dev1").is_ok());
        for bad in ["", "dev1", "/dev1", "P/", "P/a/b", "P/a b", &format!("P/{}", "x".repeat(127))]
        {
            assert!(check_device_id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn telephone_numbers_are_digits_of_a_plausible_length() {
        assert!(check_phone("86", "13900000000").is_ok());
        assert!(check_phone("1", "2025550123").is_ok());
        for (country, number) in
            [("86", "1390000000"), ("86", "23900000000"), ("+86", "13900000000"), ("1", "12x4")]
        {
            assert!(check_phone(country, number).is_err(), "{country} {number}");
        }
        assert!(check_phone("", "13900000000").is_err());
    }
}
