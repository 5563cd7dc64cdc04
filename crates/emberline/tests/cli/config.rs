//! `emberline config`, as a user meets it.

use crate::binary::Emberline;

const WRONG: &str = "\
[servce]
url = \"https://example.com\"

[service]
app_kye = \"k\"
timeout = 10
nested_signature = \"jsn\"

[batch]
max_reports = 5000
linger = \"1 fortnight\"

[topics]
devices = [\"devices\", \"bad topic\"]
";

#[test]
fn every_problem_is_told_at_once_with_its_place_and_a_suggestion() {
    let emberline = Emberline::with_config(WRONG);
    let run = emberline.run(&["config", "check"]);
    assert_eq!(run.code, 2, "{run:?}");
    for expected in [
        "config.toml:1:2: servce: unknown section; did you mean \"service\"?",
        "config.toml:5:1: service.app_kye: unknown key; did you mean \"app_key\"?",
        "config.toml:6:1: service.timeout: invalid type: integer `10`, expected a duration with its unit, as in \"10s\"",
        "config.toml:7:1: service.nested_signature: unknown variant `jsn`, expected one of `json`, `flatten`, `omit`",
        "config.toml:10:1: batch.max_reports: 5000 is outside of 1 to 1000",
        "config.toml:11:1: batch.linger: ",
    ] {
        assert!(run.stderr.contains(expected), "{expected}\n{}", run.stderr);
    }
    assert!(run.stdout.is_empty(), "{run:?}");
}

#[test]
fn a_value_that_cannot_be_with_others_is_told_with_its_place() {
    let text = "[topics]\ndevices = [\"a\", \"emberline.retry.5m\"]\nbindings = [\"a\"]\n\n[retry]\ntiers = [\"1h\", \"5m\"]\n";
    let run = Emberline::with_config(text).run(&["config", "show"]);
    assert_eq!(run.code, 2);
    for expected in [
        "config.toml:2:1: topics.devices: \"emberline.retry.5m\" is among the pipeline's own topics",
        "config.toml:3:1: topics.bindings: \"a\" is already listed in topics.devices",
        "config.toml:6:1: retry.tiers: must grow",
    ] {
        assert!(run.stderr.contains(expected), "{expected}\n{}", run.stderr);
    }
}

#[test]
fn what_is_repartitioned_is_a_topic_of_devices_and_has_to_be_there_for_its_worker() {
    let text = "[topics]\ndevices = [\"a\", \"b\"]\nrepartition = [\"b\", \"c\", \"b\"]\n";
    let run = Emberline::with_config(text).run(&["config", "show"]);
    assert_eq!(run.code, 2);
    for expected in [
        "config.toml:3:1: topics.repartition: \"c\" is not listed in topics.devices: list it there, too",
        "config.toml:3:1: topics.repartition: \"b\" is listed twice",
    ] {
        assert!(run.stderr.contains(expected), "{expected}\n{}", run.stderr);
    }
    let text = "[topics]\ndevices = [\"a\", \"b\"]\nrepartition = [\"b\"]\n[join]\ntable = \"own_partitions\"\n";
    let run = Emberline::with_config(text).run(&["config", "show"]);
    let expected = "config.toml:5:1: join.table: own_partitions needs \"a\" in topics.repartition";
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains(expected) && !run.stderr.contains("\"b\""), "{}", run.stderr);

    let good = Emberline::with_config("[topics]\ndevices = [\"a\"]\nrepartition = [\"a\"]\n");
    assert_eq!(good.run(&["config", "show"]).code, 0);

    let without = Emberline::with_config("").run(&["run", "--workers", "repartition"]);
    assert_eq!(without.code, 2, "{without:?}");
    assert!(without.stderr.contains("topics.repartition lists no topic"), "{without:?}");
}

#[test]
fn a_kafka_property_that_would_break_a_promise_is_refused() {
    let text = "[kafka.properties]\n\"enable.auto.commit\" = true\n\"auto.offset.reset\" = \"latest\"\n\"group.id\" = \"g\"\n";
    let run = Emberline::with_config(text).run(&["config", "show"]);
    assert_eq!(run.code, 2);
    for expected in [
        "\"enable.auto.commit\" is not yours",
        "\"auto.offset.reset\" is not yours",
        "\"group.id\" is not yours to set: set kafka.group",
    ] {
        assert!(run.stderr.contains(expected), "{expected}\n{}", run.stderr);
    }
}

#[test]
fn a_kafka_property_that_repeats_what_happens_anyway_is_let_pass() {
    for value in ["earliest", "error"] {
        let text = format!("[kafka.properties]\n\"auto.offset.reset\" = \"{value}\"\n");
        let run = Emberline::with_config(&text).run(&["config", "show"]);
        assert_eq!(run.code, 0, "{value}\n{}", run.stderr);
    }
}

#[test]
fn what_is_no_toml_is_told_with_its_line_and_without_quoting_it() {
    let text = "[service]\napp_secret = \"hunter2\napp_key = \"k\"\n";
    let run = Emberline::with_config(text).run(&["config", "check"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("config.toml:2:"), "{}", run.stderr);
    assert!(!run.stderr.contains("hunter2"), "{}", run.stderr);
}

#[test]
fn a_missing_file_is_a_wrong_configuration() {
    let run = Emberline::plain().run(&["config", "check", "-c", "/nowhere/emberline.toml"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("/nowhere/emberline.toml: cannot be read"), "{}", run.stderr);
}

#[test]
fn the_environment_goes_over_the_file_and_its_mistakes_are_told_by_name() {
    let text =
        "[limits]\nrate = \"1/s\"\n[kafka.properties]\n\"security.protocol\" = \"SASL_SSL\"\n";
    let emberline = Emberline::with_config(text)
        .env("EMBERLINE__LIMITS__RATE", "50/s")
        .env("EMBERLINE__TOPICS__DEVICES", "a,b")
        .env("EMBERLINE__KAFKA__PROPERTIES", "{ \"sasl.password\" = \"hunter3\" }");
    let shown = emberline.run(&["config", "show"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(
        shown.stdout.contains("rate = \"50/s\"  # EMBERLINE__LIMITS__RATE"),
        "{}",
        shown.stdout
    );
    assert!(shown.stdout.contains("devices = [\"a\", \"b\"]"), "{}", shown.stdout);
    assert!(shown.stdout.contains("\"security.protocol\" = \"SASL_SSL\""), "{}", shown.stdout);
    assert!(!shown.stdout.contains("hunter3"), "{}", shown.stdout);

    let wrong = emberline.env("EMBERLINE__LIMITS__RTAE", "5/s").run(&["config", "show"]);
    assert_eq!(wrong.code, 2);
    let expected = "EMBERLINE__LIMITS__RTAE: limits.rtae: unknown key; did you mean \"rate\"?";
    assert!(wrong.stderr.contains(expected), "{}", wrong.stderr);
}

#[test]
fn what_is_shown_masks_secrets_and_can_be_loaded_again() {
    let text = "[service]\napp_key = \"k\"\napp_secret = \"hunter2\"\n";
    let shown = Emberline::with_config(text).run(&["config", "show"]);
    assert!(!shown.stdout.contains("hunter2"), "{}", shown.stdout);
    assert!(shown.stdout.contains("app_secret = \"***\""), "{}", shown.stdout);
    let again = Emberline::with_config(&shown.stdout).run(&["config", "show", "--format", "json"]);
    assert_eq!(again.code, 0, "{again:?}");
    let json: serde_json::Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(json["service"]["app_key"]["value"], "k");
    assert_eq!(json["retry"]["in_place"]["value"], 3);
}

#[test]
fn check_wants_what_a_start_wants_and_says_ok_when_it_is_there() {
    let run = Emberline::plain().run(&["config", "check"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("service.app_key: is not set"), "{}", run.stderr);
    assert!(run.stderr.contains("service.app_secret: is not set"), "{}", run.stderr);

    let text = "[service]\napp_key = \"k\"\napp_secret = \"s\"\n";
    // The flag stands before or after the command.
    let emberline = Emberline::with_config(text);
    let path = emberline.config_path();
    for order in
        [["-c", path.as_str(), "config", "check"], ["config", "check", "-c", path.as_str()]]
    {
        let run = Emberline::plain().run(&order);
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.stdout.starts_with("ok: "), "{run:?}");
    }
}

#[test]
fn the_example_is_a_configuration_and_the_schema_is_json() {
    let example = Emberline::plain().run(&["config", "example"]);
    let shown = Emberline::with_config(&example.stdout).run(&["config", "show"]);
    assert_eq!(shown.code, 0, "{shown:?}");
    let schema = Emberline::plain().run(&["config", "schema"]);
    let schema: serde_json::Value = serde_json::from_str(&schema.stdout).unwrap();
    assert_eq!(schema["properties"]["batch"]["properties"]["max_reports"]["maximum"], 1000);
}
