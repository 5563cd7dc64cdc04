//! The sandbox's console in a real browser, narrow and wide, by day and at night, in both
//! languages. Pictures of every page are kept under `target/screenshots`, and axe-core finds
//! no serious fault on any.
//!
//! Start at [`world::World`]; what is looked for on each page is in [`world::World::look`].

#![expect(clippy::unwrap_used, reason = "tests; they are run by a harness of their own")]

mod hands;
mod pages;
mod strangers;
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
        trial("every_page_is_sound_on_a_phone_by_day_in_english", LIMIT, pages::phone_by_day),
        trial("every_page_is_sound_on_a_phone_at_night_in_chinese", LIMIT, pages::phone_at_night),
        trial("every_page_is_sound_on_a_desk_by_day_in_chinese", LIMIT, pages::desk_by_day),
        trial("every_page_is_sound_on_a_desk_at_night_in_english", LIMIT, pages::desk_at_night),
        trial("an_empty_console_is_sound_too", LIMIT, pages::empty),
        trial("a_page_that_is_asked_to_loads_itself_again", LIMIT, pages::refreshed),
        trial("publishing_takes_a_second_confirmation", LIMIT, hands::publish),
        trial("a_fault_is_chosen_made_corrected_and_ended", LIMIT, hands::faults),
        trial("a_device_is_found_with_keys_alone", LIMIT, hands::keys),
        trial("the_page_of_the_policy_is_reached_in_the_customers_language", LIMIT, hands::policy),
        trial("a_page_of_another_site_changes_nothing", LIMIT, strangers::forms),
    ];
    harness::run(&arguments, availability().err().as_ref(), trials)
}
