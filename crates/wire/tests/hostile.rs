//! A corpus of messages made to harm: none of them panics, overflows a small stack or
//! makes the decoder allocate more than a small multiple of its size.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    thread,
};

use emberline_model::EventTime;
use emberline_wire::{
    DecodeError,
    device::{DeviceDecoder, DeviceInput, DeviceRecord},
    events::decode_binding,
};

/// Counts what each thread holds.
struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(
    unsafe_code,
    reason = "an allocator can't be written without; it only hands on and counts"
)]
// SAFETY: every call goes to the system's allocator unchanged. Growing is left to the
// trait's own way, new place first, so that the peak is the worst that can be.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.get() + layout.size();
        HELD.set(held);
        PEAK.set(PEAK.get().max(held));
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.set(HELD.get().saturating_sub(layout.size()));
        // SAFETY: the caller's promises are passed on; `place` came from `alloc` above.
        unsafe { System.dealloc(place, layout) }
    }
}

/// What it held at most beyond what was there before, in bytes, and how often it asked.
fn cost_of<T>(work: impl FnOnce() -> T) -> (usize, usize) {
    let (held, allocations) = (HELD.get(), ALLOCATIONS.get());
    PEAK.set(held);
    let result = work();
    let cost = (PEAK.get() - held, ALLOCATIONS.get() - allocations);
    drop(result);
    cost
}

fn decode(
    decoder: &mut DeviceDecoder,
    value: &[u8],
    type_name: Option<&str>,
) -> Result<DeviceRecord, DecodeError> {
    let timestamp = EventTime::from_millis(1_628_643_600_000);
    decoder.decode(DeviceInput { value: Some(value), type_name, timestamp })
}

/// Decodes a message as a device's and as an event, each within its bounds.
fn endure(name: &'static str, message: &[u8]) {
    let bound = 4 * message.len() + (64 << 10);
    let check = |way: &str, (peak, _): (usize, usize)| {
        assert!(peak <= bound, "{name} as {way}: {peak} bytes for {}", message.len());
    };
    check(
        "device",
        cost_of(|| decode(&mut DeviceDecoder::new(), message, Some("DeviceTelemetry"))),
    );
    // All events are read by the same code.
    check("event", cost_of(|| decode_binding(Some(message), None)));
}

/// Runs on a stack as small as that of a spawned thread.
fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new().stack_size(2 << 20).spawn(work);
    thread.expect("a thread can be started").join().expect("the thread does not panic");
}

fn published(message: &[u8]) -> Vec<u8> {
    let payload = base64_simd::STANDARD.encode_to_string(message);
    format!(r#"{{"MsgType":"Publish","ProductId":"F4N0000AN","DeviceName":"dev000123","Payload":"{payload}","Time":"2020-06-08 20:03:41"}}"#).into_bytes()
}

fn forwarded(message: &[u8]) -> Vec<u8> {
    [br#"{"payload":"#, message, br#","productid":"P","devicename":"d"}"#].concat()
}

/// A text in every place of a message where a value can stand.
fn in_every_place(name: &'static str, value: &[u8]) {
    let around = |before: &str, after: &str| [before.as_bytes(), value, after.as_bytes()].concat();
    for message in [
        around(r#"{"method":"report","x":"#, "}"),
        around(r#"{"method":"#, "}"),
        around(r#"{"method":"report","params":"#, "}"),
        around(r#"{"method":"report","params":{"x":"#, "}}"),
        around(r#"{"method":"report","params":{"power":"#, "}}"),
        around(r#"{"method":"report","params":{"voltage_info":{"amount":"#, ",\"voltage\":1}}}"),
        around(r#"{"method":"report","timestamp":"#, "}"),
        around("", ""),
    ] {
        endure(name, &published(&message));
        endure(name, &forwarded(&message));
        endure(name, &message);
    }
    for field in ["MsgType", "Topic", "ProductId", "Payload", "Time", "x", "customer_id", "time"] {
        endure(name, &around(&format!(r#"{{"{field}":"#), "}"));
        endure(name, &around(&format!(r#"{{"{field}":"#), ""));
    }
}

#[test]
fn a_million_brackets_overflow_no_stack() {
    on_a_small_stack(|| {
        let lists = "[".repeat(1_000_000);
        in_every_place("open lists", lists.as_bytes());
        let closed = format!("{lists}1{}", "]".repeat(1_000_000));
        endure("closed lists", &published(closed.as_bytes()));
        endure("closed lists", &forwarded(closed.as_bytes()));
        endure("closed lists", format!("{{\"x\":{closed}}}").as_bytes());
        let objects = "{\"a\":".repeat(200_000);
        in_every_place("open objects", objects.as_bytes());
        let closed = format!("{objects}1{}", "}".repeat(200_000));
        in_every_place("closed objects", closed.as_bytes());
        // What stands beside them still counts.
        let beside =
            format!(r#"{{"method":"report","x":{closed},"params":{{"y":{closed},"power":1}}}}"#);
        let record = decode(&mut DeviceDecoder::new(), &published(beside.as_bytes()), None);
        assert!(
            matches!(record, Ok(DeviceRecord::Telemetry(telemetry)) if telemetry.reports.len() == 1)
        );
        // Groups, the one form of protobuf that nests without telling its length.
        endure("groups", &[0x9b, 0x06].repeat(1_000_000));
    });
}

#[test]
fn a_huge_text_is_held_once_or_twice() {
    let plain = format!("\"{}\"", "x".repeat(2 << 20));
    in_every_place("a long text", plain.as_bytes());
    let escaped = format!("\"{}\"", "\\n".repeat(1 << 20));
    in_every_place("a text of escapes", escaped.as_bytes());
    let late = format!("\"{}\\n\"", "x".repeat(2 << 20));
    in_every_place("a text with one escape", late.as_bytes());
}

#[test]
fn fifty_megabytes_are_endured() {
    let huge = "x".repeat(50_000_000);
    endure(
        "a huge token",
        &published(
            format!(r#"{{"clientToken":"{huge}","method":"report","params":{{"power":1}}}}"#)
                .as_bytes(),
        ),
    );
    endure("a huge name", format!(r#"{{"MsgType":"Publish","DeviceName":"{huge}\n"}}"#).as_bytes());
    endure("a huge number", format!("{{\"MsgType\":{}}}", "9".repeat(50_000_000)).as_bytes());
}

#[test]
fn odd_values_in_every_place() {
    for value in [
        "1e999",
        "-1e999",
        "-0",
        "1e-999",
        "NaN",
        "Infinity",
        "-",
        "012",
        "0x1",
        "1.",
        ".5",
        "+1",
        "tru",
        "\"\\ud800\"",
        "\"\\u00\"",
        "\"\u{0}\"",
        "\"",
        "",
        ",",
        "[",
        "{",
        "}",
        "{,}",
        "{\"a\"}",
        "[1,]",
        "18446744073709551616",
        "-9223372036854775809",
        "0.1e+-1",
        "\u{feff}1",
        "/*1*/",
    ] {
        in_every_place("an odd value", value.as_bytes());
    }
    in_every_place("invalid UTF-8", b"\"\xff\xfe\"");
    in_every_place("invalid UTF-8 outside of a text", b"\xff");
    in_every_place("an overlong form", b"\"\xc0\xaf\"");
    let digits = format!("0.{}", "9".repeat(1_000_000));
    in_every_place("a million digits", digits.as_bytes());
}

#[test]
fn odd_base64_is_endured() {
    let whole =
        String::from_utf8(published(br#"{"method":"report","params":{"power":1}}"#)).unwrap();
    let start = whole.find("eyJ").unwrap();
    let end = start + whole[start..].find('"').unwrap();
    for cut in start..=end {
        for tail in ["", "=", "==", "===", "A", "*", "é", " ", "\\n", "-_"] {
            let message = format!("{}{tail}{}", &whole[..cut], &whole[end..]);
            endure("odd Base64", message.as_bytes());
        }
    }
}

#[test]
fn odd_protobuf_is_endured() {
    let messages: [&[u8]; 8] = [
        b"\x0a\xff\xff\xff\xff\x0f",                     // a length of 4 GiB
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // of 2⁶⁴ - 1
        b"\x2a\x80\x80\x80\x80\x08\x08",                 // a message of 2 GiB
        b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // a number of twelve bytes
        b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // minus one as a time
        b"\x00",                                         // field 0
        b"\x07\x07",                                     // a form that does not exist
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",     // a key without end
    ];
    for message in messages {
        endure("odd protobuf", message);
        assert!(decode(&mut DeviceDecoder::new(), message, Some("DeviceState")).is_err());
    }
    // Many small fields, each replacing the one before.
    endure("repeated fields", &b"\x0a\x01P\x12\x01d\x2a\x00".repeat(100_000));
}

#[test]
fn many_fields_are_endured() {
    let many = |field: &dyn Fn(usize) -> String| {
        let fields: Vec<_> = (0..100_000).map(field).collect();
        format!("{{{}}}", fields.join(","))
    };
    for params in
        [many(&|number| format!("\"p{number}\":1")), many(&|_| "\"power\":\"?\"".to_owned())]
    {
        let message = format!(r#"{{"method":"report","params":{params}}}"#);
        endure("many properties", &published(message.as_bytes()));
        endure("many properties", &forwarded(message.as_bytes()));
    }
}

#[test]
fn the_usual_record_allocates_nothing() {
    let mut decoder = DeviceDecoder::new();
    let message = br#"{"method":"report","clientToken":"1","timestamp":1628646783000,"params":{"voltage_info":{"voltage":220.5,"amount":1},"power":1.2,"smoke_state":false}}"#;
    let state = br#"{"MsgType":"StatusChange","Event":"Online","ProductId":"F4N0000AN","DeviceName":"dev000123","Time":"2020-06-08 20:03:47"}"#;
    decode(&mut decoder, &published(message), None).unwrap();
    for value in [published(message), forwarded(message), state.to_vec()] {
        let (_, allocations) = cost_of(|| decode(&mut decoder, &value, None).unwrap());
        assert_eq!(allocations, 0, "{}", String::from_utf8_lossy(&value));
    }
}

#[test]
fn a_huge_record_costs_no_memory_for_ever() {
    let held = HELD.get();
    let mut decoder = DeviceDecoder::new();
    let _ = decode(&mut decoder, &published(&vec![b' '; 8 << 20]), None);
    assert!(HELD.get() - held <= 1 << 20, "{} bytes are kept", HELD.get() - held);
}
