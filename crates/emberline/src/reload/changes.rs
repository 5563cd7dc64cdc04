//! What has changed from one configuration to another, by key, and which of it a running
//! process takes over.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::settings::catalogue::{Key, SECTIONS};
use crate::settings::{LimitSettings, Settings};

/// Keys that differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Those that are taken over.
    pub live: BTreeSet<String>,
    /// Those that take effect after a restart.
    pub restart: BTreeSet<String>,
}

/// Keys that a running process takes over: what [`take_over`] does.
const LIVE: [&str; 10] = [
    "limits.rate",
    "limits.devices_part",
    "limits.bindings_part",
    "limits.retries_part",
    "limits.claims_part",
    "limits.replay_part",
    "log.level",
    "service.app_key",
    "service.app_secret",
    "service.app_secret_file",
];

/// What differs between what holds and what was read.
pub fn between(old: &Settings, new: &Settings) -> Changes {
    let (shown_old, shown_new) = (shown(old), shown(new));
    let mut changes = Changes::default();
    for section in SECTIONS.iter() {
        for Key { name, .. } in &section.keys {
            let key = format!("{}.{name}", section.name);
            let of = |shown: &Value| shown[&section.name][name].clone();
            if of(&shown_old) == of(&shown_new) && !differs_unseen(&key, old, new) {
                continue;
            }
            let live = LIVE.contains(&key.as_str());
            let list = if live { &mut changes.live } else { &mut changes.restart };
            list.insert(key);
        }
    }
    changes
}

/// Takes over what a running process can.
pub fn take_over(running: &mut Settings, new: &Settings) {
    let LimitSettings { in_flight, records, bytes, gap, .. } = running.limits;
    running.limits = LimitSettings { in_flight, records, bytes, gap, ..new.limits.clone() };
    running.log.level.clone_from(&new.log.level);
    running.service.app_key.clone_from(&new.service.app_key);
    running.service.app_secret.clone_from(&new.service.app_secret);
    running.service.app_secret_file.clone_from(&new.service.app_secret_file);
}

/// The values as they are shown. A tree of plain structs cannot fail to be.
fn shown(settings: &Settings) -> Value {
    serde_json::to_value(settings).unwrap_or_default()
}

/// Whether values differ that look alike when shown, because they are secrets.
fn differs_unseen(key: &str, old: &Settings, new: &Settings) -> bool {
    match key {
        "service.app_secret" => old.service.app_secret != new.service.app_secret,
        "portal.token_key" => old.portal.token_key != new.portal.token_key,
        "portal.cookie_key" => old.portal.cookie_key != new.portal.cookie_key,
        "kafka.properties" => old.kafka.properties != new.kafka.properties,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Changes, LIVE, between, take_over};
    use crate::settings::catalogue::SECTIONS;
    use crate::settings::{Settings, load};

    fn settings(text: &str) -> Settings {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("emberline.toml");
        std::fs::write(&path, text).unwrap();
        load(Some(&path), &[]).unwrap_or_else(|problems| panic!("{problems}\n{text}")).settings
    }

    fn keys(changes: &Changes) -> (Vec<&str>, Vec<&str>) {
        let live = changes.live.iter().map(String::as_str).collect();
        (live, changes.restart.iter().map(String::as_str).collect())
    }

    #[test]
    fn rates_level_and_credentials_are_taken_over_and_the_rest_needs_a_restart() {
        let old = settings("[service]\napp_secret = \"one\"\n");
        let new = settings(
            "[service]\napp_secret = \"two\"\napp_key = \"k\"\n[limits]\nrate = \"7/s\"\n\
             in_flight = 9\nreplay_part = \"5%\"\n[log]\nlevel = \"debug\"\n\
             [join]\ntable = \"all\"\n[kafka]\nbrokers = \"other:9092\"\n",
        );
        let changes = between(&old, &new);
        let live = [
            "limits.rate",
            "limits.replay_part",
            "log.level",
            "service.app_key",
            "service.app_secret",
        ];
        let restart = ["join.table", "kafka.brokers", "limits.in_flight"];
        assert_eq!(keys(&changes), (live.to_vec(), restart.to_vec()));

        let mut running = old.clone();
        take_over(&mut running, &new);
        assert_eq!(running.service.app_secret.as_ref().unwrap().expose(), "two");
        assert_eq!(running.kafka.brokers, old.kafka.brokers);
        let left = between(&running, &new);
        assert_eq!(keys(&left), (vec![], restart.to_vec()));
    }

    #[test]
    fn what_was_said_of_a_default_is_no_change() {
        let old = settings("");
        assert_eq!(between(&old, &settings("[limits]\nrate = \"200/s\"\n")), Changes::default());
        assert_eq!(
            between(&old, &settings(&crate::settings::render::example())),
            Changes::default()
        );
    }

    #[test]
    fn every_secret_is_compared_by_its_value_and_never_shown() {
        for section in SECTIONS.iter() {
            for key in section.keys.iter().filter(|key| key.secret) {
                let with = |text: &str| {
                    settings(&format!(
                        "[{}]\n{} = \"{text}-0123456789-0123456789-0123\"\n",
                        section.name, key.name
                    ))
                };
                let changes = between(&with("one"), &with("two"));
                let changed: Vec<_> = changes.live.union(&changes.restart).collect();
                assert_eq!(changed, [&format!("{}.{}", section.name, key.name)]);
            }
        }
        let password =
            |text: &str| settings(&format!("[kafka.properties]\n\"sasl.password\" = \"{text}\"\n"));
        assert_eq!(keys(&between(&password("one"), &password("two"))).1, ["kafka.properties"]);
    }

    #[test]
    fn every_live_key_is_one() {
        for live in LIVE {
            let (section, key) = live.split_once('.').unwrap();
            let section = SECTIONS.iter().find(|it| it.name == section).unwrap();
            assert!(section.key(key).is_some(), "{live}");
        }
    }
}
