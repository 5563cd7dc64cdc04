//! The portal's pages in a real browser of the size of a phone, with the sandbox behind them.
//! Pictures of every page are kept under `target/screenshots`, and axe-core finds no serious
//! fault on any.
//!
//! Start at [`world::World`]; what is looked for on each page is in [`world::World::look`].

#![expect(clippy::unwrap_used, reason = "tests; they are run by a harness of their own")]

mod desk;
mod flow;
mod hands;
mod troubles;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use emberline_testkit::browser::availability;
use emberline_testkit::harness::{self, trial};
use libtest_mimic::Arguments;

/// A browser uses several processes.
const AT_ONCE: usize = 2;
/// Longest that a test may take, on a machine with other work.
const LIMIT: Duration = Duration::from_mins(5);

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(AT_ONCE));
    let trials = vec![
        trial("from_the_token_to_the_claim_page_in_chinese_by_day", LIMIT, flow::chinese_by_day),
        trial(
            "from_the_token_to_the_claim_page_in_chinese_at_night",
            LIMIT,
            flow::chinese_at_night,
        ),
        trial("from_the_token_to_the_claim_page_in_english_by_day", LIMIT, flow::english_by_day),
        trial(
            "from_the_token_to_the_claim_page_in_english_at_night",
            LIMIT,
            flow::english_at_night,
        ),
        trial("the_pages_work_without_scripts", LIMIT, flow::without_scripts),
        trial("a_button_pressed_twice_and_a_page_loaded_again_make_one_order", LIMIT, hands::twice),
        trial("the_pages_are_used_with_keys_alone", LIMIT, hands::keys),
        trial("nothing_moves_for_who_does_not_want_it", LIMIT, hands::still),
        trial("a_service_in_trouble_is_told_in_english_and_tried_again", LIMIT, troubles::english),
        trial("a_service_in_trouble_is_told_in_chinese_and_tried_again", LIMIT, troubles::chinese),
        trial("an_order_that_fails_or_is_refused_says_what_to_do", LIMIT, troubles::orders),
    ];
    harness::run(&arguments, availability().err().as_ref(), trials)
}
