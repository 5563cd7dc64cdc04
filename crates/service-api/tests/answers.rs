//! Answers as they come: both envelopes, every code, every status.

use std::time::Duration;

use emberline_service_api::FailureClass::{
    self, Credentials, Defect, Permanent, Throttled, Transient, UnknownCustomer,
};
use emberline_service_api::{
    Accepted, CallError, CustomerList, InsurancePage, OrderList, check_answer, read_answer,
};
use proptest::prelude::*;

fn check(status: u16, body: &str) -> Result<(), CallError> {
    check_answer(status, None, body.as_bytes(), 0)
}

fn class(status: u16, body: &str) -> FailureClass {
    check(status, body).expect_err(body).class()
}

fn first(code: &str, message: &str) -> String {
    serde_json::json!({"Response": {"Error": {"Code": code, "Message": message}, "RequestId": "r-1"}})
        .to_string()
}

fn second(code: &str, message: &str) -> String {
    serde_json::json!({"code": -1, "msg": "failed",
        "data": {"Error": {"Code": code, "Message": message}, "RequestId": "r-1"}})
    .to_string()
}

#[test]
fn either_envelope_accepts() {
    for body in [
        r#"{"Response":{"RequestId":"r","Status":"OK"}}"#,
        r#"{"Response":{"RequestId":"r"}}"#,
        r#"{"Response":{"RequestId":"r","Status":"OK","Error":null,"New":[{"a":1}]}}"#,
        r#"{"code":0,"msg":"","data":{"RequestId":"r","Status":"OK"}}"#,
        r#"{"code":0,"msg":"","data":{"Response":{}}}"#,
        r#"{"code":0,"msg":"ok","data":null}"#,
        r#"{"code":0,"data":{}}"#,
        r#"{"code":"0","msg":"","data":""}"#,
        r#"{"code":0,"data":[]}"#,
    ] {
        assert_eq!(check(200, body), Ok(()), "{body}");
        assert_eq!(read_answer(200, None, body.as_bytes(), 0), Ok(Accepted));
    }
}

#[test]
fn a_success_status_that_cannot_be_read_is_transient() {
    for body in [
        "",
        "OK",
        "<html>maintenance</html>",
        "{}",
        "[]",
        "null",
        r#"{"Response":{}}"#,
        r#"{"Response":null}"#,
        r#"{"Response":{"Status":"FAIL","RequestId":"r"}}"#,
        r#"{"Response":{"RequestId":"r","Status":"OK"}"#,
        r#"{"data":{"Nothing":1}}"#,
        r#"{"Response":{"RequestId":{}}}"#,
    ] {
        let error = check(200, body).expect_err(body);
        assert!(matches!(error, CallError::Unreadable { .. }), "{body}: {error:?}");
        assert_eq!(error.class(), Transient);
        assert!(error.is_ambiguous());
    }
}

#[test]
fn every_row_of_the_contract_is_read_from_either_envelope() {
    let table = [
        ("InternalError", "internal error", Transient),
        ("ErrorRequiredParamNotFound", "DeviceId", Permanent),
        ("InvalidAction", "", Defect),
        ("InvalidParameterValue", "ItemVNO", Permanent),
        ("InvalidParameterValue", "Signature 无效", Credentials),
        ("InvalidParameterValue.InvalidJSON", "", Defect),
        ("invalid CustomerId", "", Permanent),
        ("invalid Email", "", Permanent),
        ("invalid Phone", "", Permanent),
        ("invalid CustomerId or invalid ServiceAppKey", "", UnknownCustomer),
        ("RequestLimitExceeded", "", Throttled),
        ("SomethingNew", "", Transient),
    ];
    for (code, message, expected) in table {
        for body in [first(code, message), second(code, message)] {
            assert_eq!(class(200, &body), expected, "{body}");
        }
    }
}

#[test]
fn a_second_envelope_may_have_no_more_than_a_number_and_a_message() {
    let table = [
        (r#"{"code":1001,"msg":"busy","data":null}"#, Transient, "1001"),
        (r#"{"code":-1,"msg":"x","data":""}"#, Transient, "-1"),
        (r#"{"code":1,"msg":"InvalidAction","data":{}}"#, Defect, "InvalidAction"),
        (
            r#"{"code":1,"msg":"InvalidParameterValue: Signature 无效"}"#,
            Credentials,
            "InvalidParameterValue",
        ),
        (
            r#"{"code":1,"msg":"invalid CustomerId or invalid ServiceAppKey"}"#,
            UnknownCustomer,
            "invalid CustomerId or invalid ServiceAppKey",
        ),
        // Neither a zero code nor an OK beside it excuses an error inside.
        (
            r#"{"code":0,"msg":"","data":{"Status":"OK","Error":{"Code":"InvalidAction"}}}"#,
            Defect,
            "InvalidAction",
        ),
        (r#"{"code":7,"msg":"no","data":{"Status":"OK","RequestId":"r"}}"#, Transient, "7"),
    ];
    for (body, expected, code) in table {
        let error = check(200, body).expect_err(body);
        assert_eq!((error.class(), error.code()), (expected, code), "{body}");
    }
}

#[test]
fn the_body_speaks_before_the_status() {
    assert_eq!(class(500, &first("InvalidParameterValue", "ItemNum")), Permanent);
    assert_eq!(class(400, &first("InternalError", "")), Transient);
    assert_eq!(class(403, &first("invalid CustomerId", "")), Permanent);
    // A code that says nothing to us leaves the word to a client error status.
    assert_eq!(class(403, &first("Forbidden", "")), Credentials);
    assert_eq!(class(404, &first("NotHere", "")), Permanent);
    assert_eq!(class(502, &first("BadGateway", "")), Transient);
}

#[test]
fn a_status_whose_body_is_silent_has_its_class() {
    let table = [
        (401, Credentials),
        (403, Credentials),
        (408, Transient),
        (429, Throttled),
        (404, Permanent),
        (500, Transient),
        (503, Transient),
        (302, Transient),
    ];
    for (status, expected) in table {
        for body in ["", "<html>", r#"{"Response":{"RequestId":"r","Status":"OK"}}"#] {
            assert_eq!(class(status, body), expected, "{status} {body}");
        }
    }
}

#[test]
fn being_told_to_wait_is_throttling_with_that_wait() {
    let wait = |status, retry_after, body: &str| {
        let error = check_answer(status, retry_after, body.as_bytes(), 1_445_412_475);
        match error.expect_err(body) {
            CallError::Throttled { retry_after, .. } => retry_after,
            other => panic!("{other:?}"),
        }
    };
    let seconds = |n| Some(Duration::from_secs(n));
    assert_eq!(wait(429, Some("7"), ""), seconds(7));
    assert_eq!(wait(429, None, ""), None);
    assert_eq!(wait(429, Some("soon"), ""), None);
    assert_eq!(wait(429, Some("Wed, 21 Oct 2015 07:28:00 GMT"), ""), seconds(5));
    assert_eq!(wait(503, Some("2"), ""), seconds(2));
    assert_eq!(wait(200, Some("2"), &first("InternalError", "")), seconds(2));
    assert_eq!(wait(200, None, &first("LimitExceeded", "")), None);
    assert_eq!(wait(429, Some("3"), &first("Unheard", "")), seconds(3));
}

#[test]
fn an_error_names_code_and_request_but_no_telephone_number() {
    let body = first("invalid Phone", "PhoneNumber 139 0000 0000 is malformed");
    let error = check(200, &body).unwrap_err();
    let CallError::Rejected { code, message, request_id, .. } = &error else { panic!("{error:?}") };
    assert_eq!(code, "invalid Phone");
    assert_eq!(message, "PhoneNumber *** is malformed");
    assert_eq!(request_id.as_deref(), Some("r-1"));
    assert!(!format!("{error} {error:?}").contains("0000"));
    // Nor does a parser's complaint quote one.
    let quoted = check(200, r#"{"Response":"13900000000","code":{"13900000000":1}}"#).unwrap_err();
    assert!(!format!("{quoted} {quoted:?}").contains("139"));
    let body = br#"{"Response":{"RequestId":"r","Total":"13900000000"}}"#;
    let quoted = read_answer::<CustomerList>(200, None, body, 0).unwrap_err();
    assert!(!format!("{quoted} {quoted:?}").contains("139"));
}

#[test]
fn lists_and_pages_are_read_from_either_envelope() {
    let customers = r#"{"RequestId":"r","Customers":[{"CustomerId":"c_1","CountryCode":"86",
        "PhoneNumber":"13900000000","New":1}],"Total":41}"#;
    let orders = r#"{"RequestId":"r","Orders":[{"CustomerId":"c_1","OrderNo":"o","ItemId":
        "D-FireInsurance2020","ItemVNO":"FireBusiness","ItemNum":2}],"Total":1}"#;
    let page = r#"{"RequestId":"r","URL":"https://h5/x","MpAppId":"wx1"}"#;
    for (before, after) in [(r#"{"Response":"#, "}"), (r#"{"code":0,"msg":"","data":"#, "}")] {
        let wrap = |inner: &str| format!("{before}{inner}{after}").into_bytes();
        let list: CustomerList = read_answer(200, None, &wrap(customers), 0).unwrap();
        assert_eq!((list.total, list.customers[0].phone_number.as_str()), (41, "13900000000"));
        assert!(!format!("{list:?}").contains("139"));
        let list: OrderList = read_answer(200, None, &wrap(orders), 0).unwrap();
        assert_eq!(
            (list.orders[0].item_vno.as_str(), list.orders[0].item_num),
            ("FireBusiness", 2)
        );
        let page: InsurancePage = read_answer(200, None, &wrap(page), 0).unwrap();
        assert_eq!((page.url.as_str(), page.mp_app_id.as_deref()), ("https://h5/x", Some("wx1")));
        assert_eq!(page.mp_app_path, None);
    }
}

#[test]
fn an_order_list_is_empty_only_if_the_answer_says_so() {
    let read = |body: &str| read_answer::<OrderList>(200, None, body.as_bytes(), 0);
    for empty in [
        r#"{"Response":{"RequestId":"r","Orders":[],"Total":0}}"#,
        r#"{"Response":{"RequestId":"r","Orders":null,"Total":0}}"#,
        r#"{"Response":{"RequestId":"r","Total":0}}"#,
    ] {
        assert!(read(empty).unwrap().orders.is_empty(), "{empty}");
    }
    for unclear in [
        r#"{"Response":{"RequestId":"r","Status":"OK"}}"#,
        r#"{"Response":{"RequestId":"r","Total":1}}"#,
        r#"{"code":0,"data":null}"#,
    ] {
        let error = read(unclear).unwrap_err();
        assert!(matches!(error, CallError::Unreadable { .. }), "{unclear}: {error:?}");
    }
}

#[test]
fn a_deeply_nested_answer_is_an_error_and_no_crash() {
    let open = "[".repeat(1_000_000);
    let objects = r#"{"Response":"#.repeat(200_000);
    for body in
        [open.clone(), format!(r#"{{"Response":{open}"#), format!(r#"{{"x":{open}"#), objects]
    {
        assert!(check(200, &body).is_err());
    }
}

proptest! {
    /// No answer breaks the reading of it, and none that is not a success accepts.
    #[test]
    fn any_bytes_are_read_without_a_panic(
        status in 100..600_u16,
        header in proptest::option::of(any::<String>()),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let answer = check_answer(status, header.as_deref(), &body, 0);
        prop_assert!(answer.is_err());
        let _ = read_answer::<OrderList>(status, header.as_deref(), &body, 0);
    }

    /// Nor does one that is nearly right.
    #[test]
    fn any_answer_like_text_is_read_without_a_panic(
        body in r#"\{("(Response|code|msg|data)":(\{("(Error|RequestId|Status|Code|Total)":("OK"|0|null|\{\}|\[\]|"[^"]{0,5}"),?){0,3}\}|-?[0-9]{1,3}|null|"[^"]{0,20}"),?){0,3}\}"#,
    ) {
        if let Err(error) = check(200, &body) {
            let _ = (error.class(), error.code().len(), error.is_ambiguous(), error.to_string());
        }
        let _ = read_answer::<OrderList>(200, None, body.as_bytes(), 0);
        let _ = read_answer::<InsurancePage>(200, None, body.as_bytes(), 0);
    }
}
