//! The budget of what is in flight: how much may be read before something is done.
//!
//! Absent: waiting. The source asks how much it may read and reads no more; who
//! settles a record gives its room back.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::Thread;

use parking_lot::Mutex;

/// Records and bytes that may be in flight between a source and its worker. Several
/// sources may share one.
#[derive(Debug)]
pub struct Room {
    max_records: usize,
    max_bytes: usize,
    records: AtomicUsize,
    bytes: AtomicUsize,
    /// Moving average of a record's bytes, to turn bytes left into records.
    typical: AtomicUsize,
    blocked: AtomicBool,
    pollers: Mutex<Vec<Thread>>,
}

impl Room {
    /// Once full, reading starts again when one part in this many is free: a source
    /// woken for each settled record would fetch them one by one.
    const RESUME_PART: usize = 8;

    /// A room for so many records and bytes, each at least 1. A record larger than the
    /// whole room is let in when the room is empty.
    pub fn new(max_records: usize, max_bytes: usize) -> Self {
        Self {
            max_records: max_records.max(1),
            max_bytes: max_bytes.max(1),
            records: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            typical: AtomicUsize::new(512),
            blocked: AtomicBool::new(false),
            pollers: Mutex::new(Vec::new()),
        }
    }

    /// How many records may be read now. After 0, [`Room::is_blocked`] holds until an
    /// eighth of the room is free.
    pub fn try_room(&self) -> usize {
        if self.blocked.load(SeqCst) && !self.worth_resuming() {
            return 0;
        }
        let free = self.free();
        self.blocked.store(free == 0, SeqCst);
        // A refund between the look and the store saw `blocked` unset and woke nobody.
        if free == 0 && self.worth_resuming() {
            self.blocked.store(false, SeqCst);
            return self.free();
        }
        free
    }

    /// Takes room for what was read. May exceed the limits by the last batch's bytes.
    pub fn charge(&self, records: usize, bytes: usize) {
        if records == 0 {
            return;
        }
        self.records.fetch_add(records, SeqCst);
        self.bytes.fetch_add(bytes, SeqCst);
        let typical = self.typical.load(SeqCst);
        self.typical.store((typical * 7 + bytes / records).div_ceil(8).max(1), SeqCst);
    }

    /// Gives room back: so many records settled, of so many bytes
    /// ([`crate::RecordRef::bytes`]).
    pub fn refund(&self, records: usize, bytes: usize) {
        let saturating = |counter: &AtomicUsize, by: usize| {
            let _ = counter.fetch_update(SeqCst, SeqCst, |now| Some(now.saturating_sub(by)));
        };
        saturating(&self.records, records);
        saturating(&self.bytes, bytes);
        if self.blocked.load(SeqCst) && self.worth_resuming() && self.blocked.swap(false, SeqCst) {
            self.pollers.lock().iter().for_each(Thread::unpark);
        }
    }

    /// Whether intake waits for room.
    pub fn is_blocked(&self) -> bool {
        self.blocked.load(SeqCst)
    }

    /// Records and bytes in flight.
    pub fn in_flight(&self) -> (usize, usize) {
        (self.records.load(SeqCst), self.bytes.load(SeqCst))
    }

    /// The thread to wake when there is room again.
    pub(crate) fn register(&self, poller: Thread) {
        self.pollers.lock().push(poller);
    }

    pub(crate) fn deregister(&self, poller: &Thread) {
        self.pollers.lock().retain(|other| other.id() != poller.id());
    }

    fn free(&self) -> usize {
        let records = self.max_records.saturating_sub(self.records.load(SeqCst));
        let bytes = self.max_bytes.saturating_sub(self.bytes.load(SeqCst));
        records.min(bytes.div_ceil(self.typical.load(SeqCst).max(1)))
    }

    fn worth_resuming(&self) -> bool {
        let enough =
            |max: usize, used: usize| max.saturating_sub(used) >= (max / Self::RESUME_PART).max(1);
        enough(self.max_records, self.records.load(SeqCst))
            && enough(self.max_bytes, self.bytes.load(SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::Room;

    #[test]
    fn a_full_room_stays_blocked_until_an_eighth_is_free() {
        let room = Room::new(80, 1 << 20);
        room.charge(80, 80);
        assert_eq!(room.try_room(), 0);
        assert!(room.is_blocked());
        room.refund(9, 9);
        assert_eq!(room.try_room(), 0);
        room.refund(1, 1);
        assert!(!room.is_blocked());
        assert_eq!(room.try_room(), 10);
    }

    #[test]
    fn large_records_fill_the_room_by_their_bytes() {
        let room = Room::new(1_000_000, 1_000_000);
        for _ in 0..100 {
            let records = room.try_room().min(10);
            room.charge(records, records * 10_000);
        }
        let (_, bytes) = room.in_flight();
        assert!((900_000..1_200_000).contains(&bytes), "{bytes}");
        assert_eq!(room.try_room(), 0);
    }

    #[test]
    fn a_refund_too_many_does_not_wrap() {
        let room = Room::new(10, 100);
        room.refund(5, 5);
        assert_eq!(room.in_flight(), (0, 0));
        assert_eq!(room.try_room(), 1); // 100 bytes are room for one record of the typical size
    }
}
