//! Signatures over the wire, in each reading.

use emberline_sandbox::NestedSignature::{self, Flatten, Json, Omit};
use emberline_sandbox::SandboxSettings;

use crate::caller::{Call, report, send, settings};

async fn sandbox(accepted: Vec<NestedSignature>) -> emberline_sandbox::Sandbox {
    let settings = SandboxSettings {
        nested_signature: accepted,
        auto_create_customers: true,
        require_binding: false,
        ..settings()
    };
    emberline_sandbox::Sandbox::start(settings).await.unwrap()
}

fn nested(reading: NestedSignature) -> Call {
    let reports: Vec<String> =
        (0..12).map(|time| report(time, &[(1000, "1"), (1001, "220.5")])).collect();
    Call::data("P/a", "c_1", 100, &reports.join(",")).reading(reading)
}

#[tokio::test]
async fn only_the_accepted_reading_fits_a_nested_call() {
    for accepted in [Json, Flatten, Omit] {
        let sandbox = sandbox(vec![accepted]).await;
        for reading in [Json, Flatten, Omit] {
            let answer = send(&sandbox, &nested(reading)).await;
            if reading == accepted {
                assert!(answer.succeeded(), "{reading}: {answer:?}");
            } else {
                let error = answer.error();
                assert_eq!(error, ("InvalidParameterValue".into(), "Signature 无效".into()));
            }
        }
    }
}

#[tokio::test]
async fn the_reading_that_fitted_is_recorded() {
    let sandbox = sandbox(vec![Json, Flatten, Omit]).await;
    for reading in [Json, Flatten, Flatten, Omit] {
        assert!(send(&sandbox, &nested(reading)).await.succeeded());
    }
    assert!(send(&sandbox, &Call::state("P/a", 1).reading(Flatten)).await.succeeded());
    let counted = sandbox.ledger().totals().signatures;
    assert_eq!((counted.json, counted.flatten, counted.omit), (1, 2, 1));
    assert_eq!(counted.nothing_nested, 1);
}

#[tokio::test]
async fn nested_json_is_signed_exactly_as_it_stands() {
    let sandbox = sandbox(vec![Json]).await;
    let spaced = r#"[ {"ReportTime": 1, "ReportInfos": [{"Value": 1.50, "SubType": 1006}]} ]"#;
    let call = Call::power(1, "1").raw("DataInfo", spaced);
    assert!(send(&sandbox, &call).await.succeeded());
}

#[tokio::test]
async fn escaped_text_is_signed_unescaped() {
    let sandbox = sandbox(vec![Json]).await;
    let call = Call::new("ServiceGetOrderList").text("OrderNo", "a\"b\\c\n烟&=");
    assert!(send(&sandbox, &call).await.succeeded());
    let escaped = Call::new("ServiceGetOrderList").raw("OrderNo", r#""\u70df""#);
    assert!(send(&sandbox, &escaped).await.succeeded());
}

#[tokio::test]
async fn a_bad_signature_says_so_in_the_contracts_words() {
    let sandbox = sandbox(vec![Json]).await;
    let expected = ("InvalidParameterValue".to_owned(), "Signature 无效".to_owned());
    let calls = [
        Call::state("P/a", 1).secret("AnotherSecret"),
        Call::state("P/a", 1).signed_as("nonsense"),
        Call::state("P/a", 1).signed_as(""),
        nested(Json).secret("AnotherSecret"),
    ];
    for call in calls {
        assert_eq!(send(&sandbox, &call).await.error(), expected);
    }
    assert!(sandbox.ledger().states_of("P/a").is_empty());
}

#[tokio::test]
async fn a_call_that_failed_its_signature_leaves_its_nonce_unused() {
    let sandbox = sandbox(vec![Json]).await;
    let call = Call::state("P/a", 1);
    let forged = call.clone().secret("AnotherSecret");
    assert!(!send(&sandbox, &forged).await.succeeded());
    assert!(send(&sandbox, &call).await.succeeded());
}
