//! `emberline service` against `emberline sandbox`, both as programs of their own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::binary::{Emberline, Run};
use serde_json::{Value, json};

const SECRET: &str = "canary-secret-5f1e";
const PHONE: &str = "13912345678";

/// A running sandbox; killed when dropped.
struct Sandbox {
    process: Child,
    url: String,
}

impl Sandbox {
    fn start(flags: &[&str]) -> Self {
        let arguments = [
            "sandbox",
            "--listen",
            "127.0.0.1:0",
            "--app-key",
            "canary-key",
            "--app-secret",
            SECRET,
        ];
        let mut process = Emberline::plain()
            .command(&[&arguments, flags].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { process, url: url.trim().to_owned() }
    }

    fn client(&self) -> Emberline {
        let Self { url, .. } = self;
        Emberline::with_config(&format!(
            "[service]\nurl = \"{url}\"\napp_key = \"canary-key\"\napp_secret = \"{SECRET}\"\n"
        ))
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn lines(run: &Run) -> Vec<Value> {
    run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const CREATE_CUSTOMER: [&str; 6] =
    ["service", "create-customer", "--customer", "c_1", "--phone-number", PHONE];
const BIND: [&str; 6] =
    ["service", "bind-device", "--customer", "c_1", "--device", "P/dev1=SN-1=Smoke detector"];

#[test]
fn the_whole_of_a_users_way_can_be_walked_by_hand() {
    let sandbox = Sandbox::start(&[]);
    let client = sandbox.client();
    let test_order = [
        "service",
        "create-order",
        "--customer",
        "c_1",
        "--order-no",
        "o-1",
        "--item",
        "D-FireInsurance2020",
        "--item-version",
        "FireBusiness",
    ];
    let page = [
        "service",
        "page-url",
        "--customer",
        "c_1",
        "--item",
        "D-FireInsurance2020",
        "--item-version",
        "FireBusiness",
    ];
    let data = [
        "service",
        "report-data",
        "--customer",
        "c_1",
        "--device",
        "P/dev1",
        "--time",
        "1628646783",
        "--json",
        r#"{"voltage_info":{"voltage":220.5,"amount":1},"smoke_state":false}"#,
    ];
    let power = [
        "service",
        "report-data",
        "--customer",
        "c_1",
        "--device",
        "P/dev1",
        "--property",
        "power",
        "--values",
        "-1.5",
    ];
    let state = ["service", "report-state", "--device", "P/dev1", "--status", "online"];
    let steps: [(&[&str], usize); 7] = [
        (&CREATE_CUSTOMER, 1),
        (&test_order, 1),
        (&page, 1),
        (&BIND, 1),
        // One call a property.
        (&data, 2),
        (&power, 1),
        (&state, 1),
    ];
    for (step, calls) in steps {
        let run = client.run(step);
        assert_eq!(run.code, 0, "{step:?} {run:?}");
        let lines = lines(&run);
        assert_eq!(lines.len(), calls, "{step:?}");
        assert!(lines.iter().all(|line| line["ok"] == true && line["request_id"].is_string()));
    }

    let orders = lines(&client.run(&["service", "list-orders", "--customer", "c_1"])).remove(0);
    assert_eq!(orders["answer"]["Orders"][0]["OrderNo"], "o-1");
    let masked = client.run(&["service", "list-customers", "--limit", "10"]);
    assert_eq!(lines(&masked)[0]["answer"]["Customers"][0]["PhoneNumber"], "***");
    let shown = client.run(&["service", "list-customers", "--show-phone-numbers"]);
    assert_eq!(lines(&shown)[0]["answer"]["Customers"][0]["PhoneNumber"], PHONE);
}

#[test]
fn a_refusal_is_printed_with_what_to_make_of_it_and_exit_code_1() {
    let sandbox = Sandbox::start(&[]);
    let run = sandbox.client().run(&BIND);
    assert_eq!(run.code, 1, "{run:?}");
    let line = lines(&run).remove(0);
    assert_eq!(line["ok"], false);
    assert_eq!(line["error"]["class"], "unknown_customer");
    assert_eq!(line["error"]["ambiguous"], false);

    let stranger = sandbox.client().env("EMBERLINE__SERVICE__APP_SECRET", "another");
    let run = stranger.run(&CREATE_CUSTOMER);
    assert_eq!((run.code, &lines(&run)[0]["error"]["class"]), (1, &json!("credentials")));
}

#[test]
fn a_formal_order_needs_the_flag_and_the_setting() {
    // Nothing listens there: what is refused here is refused before any call.
    let client = |extra: &str| {
        Emberline::with_config(&format!(
            "[service]\nurl = \"http://127.0.0.1:1\"\napp_key = \"k\"\napp_secret = \"s\"\n{extra}"
        ))
    };
    let order = [
        "service",
        "create-order",
        "--customer",
        "c_1",
        "--order-no",
        "o-1",
        "--item",
        "FireInsurance2020",
        "--item-version",
        "FireBusiness",
    ];
    let formal = [&order[..], &["--formal"]].concat();
    let run = client("").run(&order);
    assert!(run.code == 2 && run.stderr.contains("--formal"), "{run:?}");
    let run = client("").run(&formal);
    assert!(run.code == 2 && run.stderr.contains("claims.formal_orders"), "{run:?}");
    let run = client("[claims]\nformal_orders = true\n").run(&formal);
    assert_eq!(run.code, 1, "{run:?}");
    assert_eq!(lines(&run)[0]["error"]["class"], "transient");
}

#[test]
fn a_dry_run_sends_nothing_and_shows_no_credential() {
    let client = Emberline::with_config(&format!(
        "[service]\nurl = \"http://127.0.0.1:1\"\napp_key = \"canary-key\"\napp_secret = \"{SECRET}\"\n"
    ));
    let run = client.run(&[&CREATE_CUSTOMER[..], &["--dry-run"]].concat());
    assert_eq!(run.code, 0, "{run:?}");
    let body: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(body["Action"], "ServiceCreateCustomer");
    for masked in ["AppKey", "Signature", "PhoneNumber"] {
        assert_eq!(body[masked], "***", "{masked}");
    }
}

/// The canary: with everything logged, what must not be seen is not seen.
#[test]
fn no_secret_and_no_telephone_number_is_in_any_output() {
    let sandbox = Sandbox::start(&["--fail-share", "0.3"]);
    let client = sandbox.client();
    let steps: [&[&str]; 5] = [
        &CREATE_CUSTOMER,
        &["service", "create-customer", "--customer", "bad id", "--phone-number", PHONE],
        &["service", "create-customer", "--customer", "c_1", "--phone-number", PHONE, "--dry-run"],
        &["service", "list-customers", "--phone-number", PHONE],
        &["config", "show"],
    ];
    for step in steps {
        let run = client.run(&[step, &["--log-level", "trace", "--log-format", "json"]].concat());
        let output = format!("{}{}", run.stdout, run.stderr);
        assert!(!output.contains(SECRET), "{step:?}: {output}");
        assert!(!output.contains(PHONE), "{step:?}: {output}");
    }
}

#[test]
fn the_sandbox_stops_on_a_signal_and_says_where_it_was() {
    let mut sandbox = Sandbox::start(&[]);
    assert!(sandbox.url.starts_with("http://127.0.0.1:"), "{}", sandbox.url);
    let pid = sandbox.process.id().to_string();
    assert!(std::process::Command::new("kill").arg(&pid).status().unwrap().success());
    assert_eq!(sandbox.process.wait().unwrap().code(), Some(0));
}
