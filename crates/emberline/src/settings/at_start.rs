//! What a start needs beyond well-formed settings: the credentials, and the files that the
//! settings name.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Problem, Problems, SecretText, Settings};

/// The app key and the app secret, the latter from its file if the settings say so.
///
/// # Errors
/// What is missing, or cannot be read.
pub fn credentials(settings: &Settings) -> Result<(String, SecretText), Problems> {
    let service = &settings.service;
    let mut problems = Vec::new();
    let app_key = service.app_key.clone().unwrap_or_default();
    if app_key.is_empty() {
        problems.push(Problem::of("service.app_key", "is not set: the service needs it"));
    }
    let secret = match (&service.app_secret, &service.app_secret_file) {
        (Some(secret), _) => secret.clone(),
        (None, Some(path)) => {
            let secret = read_secret(path);
            if let Err(text) = &secret {
                problems.push(Problem::of("service.app_secret_file", text));
            }
            SecretText::new(secret.unwrap_or_default())
        }
        (None, None) => {
            let text = "is not set: give service.app_secret or service.app_secret_file";
            problems.push(Problem::of("service.app_secret", text));
            SecretText::new(String::new())
        }
    };
    Problems::none_in(problems).map(|()| (app_key, secret))
}

/// The properties for librdkafka, those from files among them. May hold passwords.
///
/// # Errors
/// The files that cannot be read.
pub fn kafka_properties(settings: &Settings) -> Result<BTreeMap<String, String>, Problems> {
    let mut problems = Vec::new();
    let given = settings.kafka.properties.iter();
    let mut properties: BTreeMap<_, _> =
        given.map(|(name, value)| (name.clone(), value.expose().to_owned())).collect();
    for (name, path) in &settings.kafka.properties_files {
        match read_secret(path) {
            Ok(value) => drop(properties.insert(name.clone(), value)),
            Err(text) => problems.push(Problem::of("kafka.properties_files", text)),
        }
    }
    Problems::none_in(problems).map(|()| properties)
}

/// The portal's keys: what verifies tokens, and what cookies are secured with.
///
/// # Errors
/// What is missing, or cannot be read.
pub fn portal_keys(settings: &Settings) -> Result<(SecretText, SecretText), Problems> {
    let portal = &settings.portal;
    let mut problems = Vec::new();
    let token = given_or_read(
        "portal.token_key",
        (&portal.token_key, &portal.token_key_file),
        &mut problems,
    );
    let token = token.unwrap_or_else(|| {
        let text = "is not set: give portal.token_key or portal.token_key_file";
        problems.push(Problem::of("portal.token_key", text));
        SecretText::new(String::new())
    });
    let cookie = given_or_read(
        "portal.cookie_key",
        (&portal.cookie_key, &portal.cookie_key_file),
        &mut problems,
    );
    let cookie = cookie.unwrap_or_else(|| match credentials(settings) {
        Ok((_, secret)) => secret,
        Err(found) => {
            problems.extend(found.iter().cloned());
            SecretText::new(String::new())
        }
    });
    Problems::none_in(problems).map(|()| (token, cookie))
}

/// A secret that the settings hold themselves or in a file; `None` if in neither.
fn given_or_read(
    key: &str,
    (given, file): (&Option<SecretText>, &Option<std::path::PathBuf>),
    problems: &mut Vec<Problem>,
) -> Option<SecretText> {
    let path = match (given, file) {
        (Some(secret), _) => return Some(secret.clone()),
        (None, path) => path.as_ref()?,
    };
    let secret = read_secret(path).unwrap_or_else(|text| {
        problems.push(Problem::of(&format!("{key}_file"), text));
        String::new()
    });
    Some(SecretText::new(secret))
}

/// Looks for what would keep a worker with these settings from starting on this machine.
///
/// # Errors
/// All of it.
pub fn problems_at_start(settings: &Settings) -> Result<(), Problems> {
    let mut problems = Vec::new();
    if let Err(found) = credentials(settings) {
        problems.extend(found.iter().cloned());
    }
    if let Err(found) = kafka_properties(settings) {
        problems.extend(found.iter().cloned());
    }
    if let Some(path) = &settings.service.ca_file
        && let Err(error) = std::fs::File::open(path)
    {
        let text = format!("{} cannot be read: {error}", path.display());
        problems.push(Problem::of("service.ca_file", text));
    }
    Problems::none_in(problems)
}

/// A secret's file without the line break that editors put at its end.
fn read_secret(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(format!("{} is empty", path.display()));
    }
    Ok(secret.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{credentials, kafka_properties, problems_at_start};
    use crate::settings::Settings;

    #[test]
    fn a_secret_comes_from_its_file_without_the_line_break() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, "hunter2\n").unwrap();
        let mut settings = Settings::default();
        settings.service.app_key = Some("key".into());
        settings.service.app_secret_file = Some(path.clone());
        settings.kafka.properties_files.insert("sasl.password".into(), path);
        assert_eq!(credentials(&settings).unwrap().1.expose(), "hunter2");
        assert_eq!(kafka_properties(&settings).unwrap()["sasl.password"], "hunter2");
        assert_eq!(problems_at_start(&settings), Ok(()));
    }

    #[test]
    fn all_that_a_start_lacks_is_told_at_once() {
        let mut settings = Settings::default();
        settings.service.app_secret_file = Some("/nowhere/secret".into());
        settings.service.ca_file = Some("/nowhere/ca.pem".into());
        let problems = problems_at_start(&settings).unwrap_err();
        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["service.app_key", "service.app_secret_file", "service.ca_file"]);
    }
}
