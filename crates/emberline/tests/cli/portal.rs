//! `emberline portal`, as its operator meets it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::binary::Emberline;

const SETTINGS: &str = "\
[service]
url = \"http://127.0.0.1:9/\"
app_key = \"k\"
app_secret = \"s\"
[kafka]
brokers = \"127.0.0.1:9\"
[portal]
listen = \"127.0.0.1:0\"
redemptions = \"memory\"
token_key = \"canary-0123456789-0123456789-0123\"
[[portal.plans]]
item = \"D-FireInsurance2020\"
version = \"FireMER20W\"
name = { zh = \"一\", en = \"one plan\" }
";

/// Longest that the program may take for anything here.
const LIMIT: Duration = Duration::from_mins(1);

/// A running portal; it is killed with this.
struct Portal(Child);

impl Drop for Portal {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(origin: &str, path: &str, cookie: &str) -> String {
    let address = origin.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let head = format!(
        "GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept-Language: en\r\nCookie: {cookie}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_portal_serves_whom_a_token_hands_over_and_stops_in_good_order() {
    let emberline = Emberline::with_config(SETTINGS);
    let mut command = emberline.command(&["portal"]);
    let mut portal = Portal(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let mut origin = String::new();
    let stdout = portal.0.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut origin).unwrap();
    let origin = origin.trim();
    assert!(get(origin, "/readyz", "").starts_with("HTTP/1.0 200"));
    assert!(get(origin, "/", "").contains("Please open this from the app again"));

    let arguments = ["portal", "token", "--customer", "c_1001", "--phone-number", "13900000000"];
    let made = emberline.run(&arguments);
    assert_eq!(made.code, 0, "{made:?}");
    let (token, address) = made.stdout.trim().split_once('\n').unwrap();
    assert!(address.ends_with(&format!("/enter?token={token}")), "{address}");
    let entered = get(origin, &format!("/enter?token={token}"), "");
    assert!(entered.contains("\r\nlocation: /\r\n"), "{entered}");
    let cookie = entered.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let page = get(origin, "/", cookie);
    assert!(page.starts_with("HTTP/1.0 200") && page.contains("one plan"), "{page}");
    // The service is not there; that is said, and no number.
    assert!(get(origin, "/claims", cookie).contains("can&#39;t be reached"));

    let pid = portal.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let mut log = String::new();
    portal.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(portal.0.wait().unwrap().code(), Some(0), "{log}");
    for secret in ["13900000000", "canary", token, cookie.split('=').nth(1).unwrap()] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[test]
fn what_the_portal_lacks_is_told_at_once() {
    let lacking = Emberline::with_config("[service]\napp_key = \"k\"\napp_secret = \"s\"\n");
    let run = lacking.run(&["portal"]);
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains("portal.token_key: is not set"), "{}", run.stderr);

    let wrong = "[service]\napp_key = \"k\"\napp_secret = \"s\"\n[portal]\ntoken_key = \"canary\"\n\
                 pictures = { logo = \"/nowhere/logo.png\" }\ncookie_key_file = \"/nowhere/key\"\n";
    for command in [&["portal"][..], &["config", "check"]] {
        let run = Emberline::with_config(wrong).run(command);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains("/nowhere/logo.png cannot be read"), "{}", run.stderr);
        assert!(run.stderr.contains("portal.cookie_key_file: /nowhere/key"), "{}", run.stderr);
        assert!(!run.stderr.contains("canary"), "{}", run.stderr);
    }
}

#[test]
fn a_token_is_made_with_the_key_of_the_settings() {
    let emberline = Emberline::with_config(SETTINGS);
    let long = emberline.run(&["portal", "token", "--customer", "c_1", "--expires", "1h"]);
    assert_eq!(long.code, 2, "{long:?}");
    assert!(long.stderr.contains("--expires 1h is above portal.max_token_age, 5m"), "{long:?}");
    let bad = emberline.run(&["portal", "token", "--customer", "c-1"]);
    assert_eq!(bad.code, 2, "{bad:?}");
    let public = SETTINGS.replace("token_key = ", "token_algorithm = \"EdDSA\"\ntoken_key = ");
    let public = Emberline::with_config(&public).run(&["portal", "token", "--customer", "c_1"]);
    assert_eq!(public.code, 2, "{public:?}");
    assert!(public.stderr.contains("give --signing-key-file"), "{public:?}");
}
