//! The capacity plan of the operations guide: its figures are what its assumptions come to.

use std::collections::BTreeMap;

/// Devices of the plan's columns.
const DEVICES: [f64; 3] = [1e6, 1e7, 1e8];
const DAY: f64 = 86_400.0;

/// Its section of the guide.
fn section() -> String {
    let guide = emberline_tests::root().join("deploy/README.md");
    let guide = std::fs::read_to_string(guide).expect("the guide");
    let section = guide.split("\n## ").find(|section| section.starts_with("Capacity plan\n"));
    section.expect("a section with the plan").to_owned()
}

/// The rows of the table whose heading begins so: the first cell, and the others.
fn table(section: &str, heading: &str) -> Vec<(String, Vec<String>)> {
    let rows = section.lines().skip_while(|line| !line.starts_with(heading));
    rows.skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            (cells[0].to_owned(), cells[1..].iter().map(|cell| (*cell).to_owned()).collect())
        })
        .collect()
}

/// A figure, and half of what its last digit is worth.
fn figure(cell: &str) -> (f64, f64) {
    let digits = cell.replace(',', "");
    let value = digits.parse().unwrap_or_else(|_| panic!("{cell:?} is no figure"));
    let places = digits.split_once('.').map_or(0, |(_, places)| places.len());
    (value, 0.5 * 0.1_f64.powi(i32::try_from(places).expect("few digits")))
}

/// What the plan says of so many devices, by the rows' names.
fn plan(assumed: impl Fn(&str) -> f64, devices: f64) -> BTreeMap<&'static str, f64> {
    let a_day = devices * assumed("records a device a day");
    let mean = a_day / DAY;
    let peak = mean * assumed("peak over mean");
    let calls_a_record = assumed("reports a record") / assumed("reports a call");
    let calls = peak * calls_a_record;
    let used =
        assumed("part of the rate that devices have") * assumed("part of the rate that is used");
    let replicas = (calls / assumed("calls/s a replica")).ceil().max(2.0);
    let in_flight = 1.5 * calls / replicas * assumed("seconds of a call");
    let busy = peak * assumed("µs of CPU a record") + calls * assumed("µs of CPU a call");
    let table_mb = devices * assumed("bytes of the table a device") / 1e6;
    let memory_mb = replicas * (assumed("MB of a replica without devices") + table_mb);
    let own_table_mb =
        devices * assumed("bytes of a device in a table by partitions") / replicas / 1e6;
    let own_memory_mb = replicas * (assumed("MB of a replica without devices") + own_table_mb);
    let sets_mb =
        devices * assumed("bytes of a device's sets and table in `bindings` and `retries`") / 1e6;
    let others_mb = 4.0 * (assumed("MB of a replica without devices") + sets_mb);
    let copies = assumed("copies that Kafka keeps");
    let input = a_day * assumed("bytes of a record on its topic") * copies;
    let receipts = a_day
        * calls_a_record
        * assumed("bytes of a receipt on its topic")
        * assumed("days that receipts are kept")
        * copies;
    BTreeMap::from([
        ("records/s in the mean", mean),
        ("records/s at the peak", peak),
        ("calls/s at the peak", calls),
        ("`limits.rate` for it, calls/s", calls / used),
        ("replicas of `devices`", replicas),
        ("partitions of its topics", (6.0 * replicas).max(12.0)),
        ("`limits.in_flight` of a replica", in_flight),
        ("cores of all of them, with the reserve", assumed("times in reserve") * busy / 1e6),
        ("table of a replica, MB", table_mb),
        ("memory of all of them, GB", memory_mb / 1e3),
        ("the table by partitions, of a replica, MB", own_table_mb),
        ("memory of all of them with it, GB", own_memory_mb / 1e3),
        ("memory of two `bindings` and two `retries`, GB", others_mb / 1e3),
        ("input topics, a day, all copies, GB", input / 1e9),
        ("receipts, all copies, TB", receipts / 1e12),
        (
            "to and from the service at the peak, MB/s",
            calls * assumed("bytes of a call and its answer") / 1e6,
        ),
    ])
}

#[test]
fn the_capacity_plan_is_what_its_assumptions_come_to() {
    let section = section();
    let assumptions: BTreeMap<String, f64> = table(&section, "| assumption |")
        .into_iter()
        .map(|(name, cells)| (name, figure(&cells[0]).0))
        .collect();
    let assumed = |name: &str| {
        let found = assumptions.get(name);
        *found.unwrap_or_else(|| panic!("the plan assumes no {name:?}: {assumptions:?}"))
    };
    let rows = table(&section, "| devices |");
    for (column, devices) in DEVICES.into_iter().enumerate() {
        let mut expected = plan(assumed, devices);
        for (name, cells) in &rows {
            let computed = expected.remove(name.as_str());
            let computed = computed.unwrap_or_else(|| panic!("nothing computes {name:?}"));
            let (told, half) = figure(&cells[column]);
            let near = (told - computed).abs() <= half * 1.001;
            assert!(near, "{name} of {devices} devices: {told} in the plan, computed {computed}");
        }
        assert!(expected.is_empty(), "the plan does not tell {expected:?}");
    }
}
