//! What other sites' pages can't do to a sandbox on loopback.

use super::Visitor;
use crate::caller::{furnished, get, post, request_with, settings};

const FORMS: [(&str, &str); 5] = [
    ("/console/publish", "understood=yes"),
    ("/console/faults", "kind=hang&share=100"),
    ("/console/faults/remove", "place=0"),
    ("/console/faults/clear", ""),
    ("/console/faults/delays", "latency=5"),
];

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let sandbox = furnished(settings()).await;
    let visitor = Visitor::of(&sandbox);
    let token = visitor.token("/console/faults").await;
    for (path, form) in FORMS {
        let form = format!("{form}&token={token}");
        for site in ["cross-site", "same-site"] {
            let answer = visitor.send_as(site, path, &form).await;
            assert_eq!(answer.status, 403, "{path} of {site}");
        }
    }
    assert!(!sandbox.registry().orders().published && sandbox.faults().plan().is_quiet());
}

#[tokio::test]
async fn a_form_without_its_pages_token_changes_nothing() {
    let sandbox = furnished(settings()).await;
    let visitor = Visitor::of(&sandbox);
    for (path, form) in FORMS {
        for form in [form.to_owned(), format!("{form}&token=0123456789abcdef0123456789abcdef")] {
            let answer = visitor.send_as("same-origin", path, &form).await;
            assert_eq!(answer.status, 403, "{path}");
            assert!(answer.body.contains("Nothing was changed"), "{path}");
        }
    }
    assert!(!sandbox.registry().orders().published && sandbox.faults().plan().is_quiet());
}

#[tokio::test]
async fn another_site_changes_nothing_through_the_admin_pages_and_programs_still_do() {
    let sandbox = furnished(settings()).await;
    let ours = sandbox.address().to_string();
    let json = ("content-type", "application/json");
    for headers in [
        &[("host", ours.as_str()), ("origin", "http://evil.example"), json][..],
        &[("host", &ours), ("sec-fetch-site", "cross-site"), json],
        &[("host", "evil.example"), ("origin", "http://evil.example"), json],
    ] {
        let answer = request_with(&sandbox, "POST", "/admin/publish", headers, "").await.unwrap();
        assert_eq!(answer.status, 403, "{headers:?}");
    }
    assert!(!sandbox.registry().orders().published);
    let origin = format!("http://{ours}");
    let own = [("host", ours.as_str()), ("origin", &origin), json];
    assert_eq!(
        request_with(&sandbox, "POST", "/admin/faults", &own, "{}").await.unwrap().status,
        200
    );
    assert_eq!(post(&sandbox, "/admin/publish", "").await.unwrap().status, 204, "no browser");
}

#[tokio::test]
async fn a_name_that_was_pointed_at_loopback_gets_no_page() {
    let sandbox = furnished(settings()).await;
    for path in ["/", "/console/customers", "/console/faults"] {
        let headers = [("host", "evil.example:9470")];
        let answer = request_with(&sandbox, "GET", path, &headers, "").await.unwrap();
        assert_eq!(answer.status, 421, "{path}");
        assert!(!answer.body.contains("token"));
    }
    let headers = [("host", "localhost:9470")];
    assert_eq!(request_with(&sandbox, "GET", "/", &headers, "").await.unwrap().status, 200);
    assert_eq!(get(&sandbox, "/admin/ledger").await.status, 200, "programs name it as they like");
}
