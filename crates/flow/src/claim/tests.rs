use std::time::{Duration, Instant};

use super::{Claim, ClaimRules, Found, Step, Subject};
use crate::order_book::{Holder, Mark, OrderBook};
use crate::test_time::origin;

const DOUBT: Duration = Duration::from_secs(15);
const TEST_ORDER: Subject<'_> = Subject::Order { number: "1", formal: false };
const FORMAL: Subject<'_> = Subject::Order { number: "1", formal: true };

fn rules() -> ClaimRules {
    ClaimRules {
        formal_orders: true,
        authorisations: 1,
        doubt: DOUBT,
        lease: Duration::from_mins(1),
        recount: Duration::from_mins(1),
    }
}

/// An order with a lease that stands in the book.
fn leased(book: &mut OrderBook, subject: Subject<'_>, holder: u128, now: Instant) -> Claim {
    let Subject::Order { number, formal } = subject else { panic!("an order") };
    let mut claim = Claim::default();
    assert_eq!(claim.next(subject, &rules(), book, now), Step::Lease);
    claim.lease_begins(Holder(holder), now);
    assert!(matches!(claim.next(subject, &rules(), book, now), Step::Wait(_)));
    let offset = book.read_to();
    claim.lease_written(offset);
    assert!(matches!(claim.next(subject, &rules(), book, now), Step::Wait(_)), "not read back");
    book.read(offset, (number, Holder(holder)), Some(Mark { formal, placed: false }), now);
    claim
}

#[test]
fn a_customer_is_created_without_a_question() {
    let book = OrderBook::default();
    let claim = Claim::default();
    assert_eq!(claim.next(Subject::Customer, &rules(), &book, origin()), Step::Create);
}

#[test]
fn a_customer_whose_creation_is_in_doubt_or_refused_is_asked_for() {
    let (book, now) = (OrderBook::default(), origin());
    let next = |claim: &Claim, now| claim.next(Subject::Customer, &rules(), &book, now);
    let mut claim = Claim::default();
    claim.in_doubt(now + DOUBT);
    assert_eq!(next(&claim, now), Step::Wait(now + DOUBT));
    assert_eq!(next(&claim, now + DOUBT), Step::Ask);
    claim.answered(Found::Nothing, now + DOUBT);
    assert_eq!(next(&claim, now + DOUBT), Step::Create);
    claim.create_refused();
    assert_eq!(next(&claim, now + DOUBT), Step::Ask);
    claim.answered(Found::Other, now + DOUBT);
    assert_eq!(next(&claim, now + DOUBT), Step::There, "an id that is known is a success");
}

#[test]
fn a_customer_that_is_refused_and_not_there_stays_refused() {
    let (book, now) = (OrderBook::default(), origin());
    let mut claim = Claim::default();
    claim.create_refused();
    claim.answered(Found::Nothing, now);
    assert_eq!(claim.next(Subject::Customer, &rules(), &book, now), Step::Refused);
}

#[test]
fn an_order_is_leased_then_asked_for_then_placed() {
    let (mut book, now) = (OrderBook::default(), origin());
    let mut claim = leased(&mut book, TEST_ORDER, 1, now);
    assert_eq!(claim.next(TEST_ORDER, &rules(), &book, now), Step::Ask);
    claim.answered(Found::Nothing, now);
    assert_eq!(claim.next(TEST_ORDER, &rules(), &book, now), Step::Create);
}

#[test]
fn an_answer_of_a_while_ago_places_no_order() {
    let (mut book, now) = (OrderBook::default(), origin());
    let mut claim = leased(&mut book, TEST_ORDER, 1, now);
    claim.answered(Found::Nothing, now);
    let later = now + Duration::from_secs(6);
    assert_eq!(claim.next(TEST_ORDER, &rules(), &book, later), Step::Ask);
    let much_later = now + Duration::from_secs(31);
    claim.answered(Found::Nothing, much_later);
    assert_eq!(claim.next(TEST_ORDER, &rules(), &book, much_later), Step::Lease);
    assert_eq!(claim.lease_begins(Holder(2), much_later), Some(Holder(1)));
}

#[test]
fn an_order_in_doubt_is_asked_for_before_it_goes_again() {
    let (mut book, now) = (OrderBook::default(), origin());
    let mut claim = leased(&mut book, TEST_ORDER, 1, now);
    claim.answered(Found::Nothing, now);
    claim.in_doubt(now + DOUBT);
    assert_eq!(claim.next(TEST_ORDER, &rules(), &book, now), Step::Wait(now + DOUBT));
    let then = now + DOUBT;
    assert_eq!(claim.next(TEST_ORDER, &rules(), &book, then), Step::Ask);
    claim.answered(Found::Same, then);
    assert_eq!(claim.next(TEST_ORDER, &rules(), &book, then), Step::There);
}

#[test]
fn of_two_who_hold_the_same_order_the_first_goes_first() {
    let (mut book, now) = (OrderBook::default(), origin());
    let first = leased(&mut book, TEST_ORDER, 1, now);
    let second = leased(&mut book, TEST_ORDER, 2, now);
    assert_eq!(first.next(TEST_ORDER, &rules(), &book, now), Step::Ask);
    assert!(matches!(second.next(TEST_ORDER, &rules(), &book, now), Step::Wait(_)));
    book.read(2, ("1", Holder(1)), None, now);
    assert_eq!(second.next(TEST_ORDER, &rules(), &book, now), Step::Ask);
}

#[test]
fn an_order_of_the_same_number_and_other_content_is_a_conflict() {
    let (mut book, now) = (OrderBook::default(), origin());
    let mut claim = leased(&mut book, TEST_ORDER, 1, now);
    claim.answered(Found::Other, now);
    assert_eq!(claim.next(TEST_ORDER, &rules(), &book, now), Step::Conflict);
}

#[test]
fn a_formal_order_needs_the_switch_a_count_and_an_authorisation() {
    let (mut book, now) = (OrderBook::default(), origin());
    let off = ClaimRules { formal_orders: false, ..rules() };
    let mut claim = Claim::default();
    assert_eq!(claim.next(FORMAL, &off, &book, now), Step::Ask, "it may be there already");
    claim.answered(Found::Nothing, now);
    assert_eq!(claim.next(FORMAL, &off, &book, now), Step::FormalOrdersOff);

    let mut claim = leased(&mut book, FORMAL, 1, now);
    claim.answered(Found::Nothing, now);
    assert_eq!(claim.next(FORMAL, &rules(), &book, now), Step::Count);
    book.counted(["other".into()], now);
    assert_eq!(claim.next(FORMAL, &rules(), &book, now), Step::AuthorisationsUsedUp);
    book.counted([], now);
    assert_eq!(claim.next(FORMAL, &rules(), &book, now), Step::Create);
    let two = ClaimRules { authorisations: 0, ..rules() };
    assert_eq!(claim.next(FORMAL, &two, &book, now), Step::AuthorisationsUsedUp);
}

#[test]
fn a_formal_order_in_the_book_as_placed_is_not_placed_again() {
    let (mut book, now) = (OrderBook::default(), origin());
    book.read(0, ("1", Holder(7)), Some(Mark { formal: true, placed: true }), now);
    let mut claim = leased(&mut book, FORMAL, 1, now);
    assert_eq!(claim.next(FORMAL, &rules(), &book, now), Step::Ask);
    claim.answered(Found::Nothing, now);
    assert_eq!(claim.next(FORMAL, &rules(), &book, now), Step::There);
}
