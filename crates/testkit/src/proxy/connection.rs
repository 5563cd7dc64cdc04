//! One connection through a proxy: two pumps that look at the faults before each piece.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::Shared;
use super::faults::{Direction, ProxyFaults};

/// A throttled connection moves this often, so that its faults can change meanwhile.
const PIECES_A_SECOND: u64 = 20;

/// How one direction ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Its sender has closed it.
    Closed,
    /// It was the turn of a fault.
    Cut { amid: bool },
}

/// Carries a connection to its end.
pub(super) async fn carry(mut near: TcpStream, target: SocketAddr, shared: &Shared) {
    let counters = &shared.counters;
    let lot = shared.draw_lot();
    let refused = |faults: &ProxyFaults| faults.refuse && lot < faults.share;
    if refused(&shared.faults.borrow()) {
        counters.refused.fetch_add(1, Relaxed);
        reset(&near);
        return;
    }
    let Ok(mut far) = TcpStream::connect(target).await else {
        // As it looks where nobody listens.
        reset(&near);
        return;
    };
    // What is sent in small pieces is to arrive in them.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let mut cuts = shared.cuts.subscribe();
    let asked = AtomicBool::new(false);
    let end = {
        let (near_read, near_write) = near.split();
        let (far_read, far_write) = far.split();
        let pump = |direction| Pump::new(direction, shared, lot, &asked);
        let there = pump(Direction::There).run(near_read, far_write);
        let back = pump(Direction::Back).run(far_read, near_write);
        tokio::select! {
            end = both(there, back) => end,
            _ = cuts.changed() => Ok(End::Cut { amid: asked.load(Relaxed) }),
        }
    };
    if let Ok(End::Cut { amid }) = end {
        counters.cut.fetch_add(1, Relaxed);
        counters.cut_amid.fetch_add(u64::from(amid), Relaxed);
    }
    // What one side broke off is broken off for the other.
    if end.is_err() || matches!(end, Ok(End::Cut { .. })) {
        reset(&near);
        reset(&far);
    }
}

/// Runs both directions until both are closed, or one is at another end.
async fn both(
    there: impl Future<Output = io::Result<End>>,
    back: impl Future<Output = io::Result<End>>,
) -> io::Result<End> {
    tokio::pin!(there, back);
    let first = tokio::select! {
        end = &mut there => (end, true),
        end = &mut back => (end, false),
    };
    match first {
        (Ok(End::Closed), true) => back.await,
        (Ok(End::Closed), false) => there.await,
        (end, _) => end,
    }
}

/// Makes the close of a connection a reset.
fn reset(stream: &TcpStream) {
    // One that is closed already needs none.
    let _ = stream.set_zero_linger();
}

/// One direction of a connection.
struct Pump<'a> {
    direction: Direction,
    shared: &'a Shared,
    changes: watch::Receiver<ProxyFaults>,
    lot: f64,
    /// Those that befall this connection.
    faults: ProxyFaults,
    /// After how many bytes more it is cut; `None` where it is not.
    until_cut: Option<u64>,
    /// Bytes were swallowed: the connection can't be healed.
    lost: bool,
    /// Whether bytes have gone there that nothing has come back for.
    asked: &'a AtomicBool,
}

impl<'a> Pump<'a> {
    fn new(direction: Direction, shared: &'a Shared, lot: f64, asked: &'a AtomicBool) -> Self {
        let changes = shared.faults.subscribe();
        let mut pump = Self {
            direction,
            shared,
            changes,
            lot,
            faults: ProxyFaults::default(),
            until_cut: None,
            lost: false,
            asked,
        };
        pump.look();
        pump
    }

    async fn run(mut self, mut from: ReadHalf<'_>, mut to: WriteHalf<'_>) -> io::Result<End> {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            if self.lost && !self.faults.half_open {
                return Ok(End::Cut { amid: true });
            }
            let read = tokio::select! {
                read = from.read(&mut buffer) => read?,
                _ = self.changes.changed() => {
                    self.look();
                    continue;
                }
            };
            if read == 0 {
                to.shutdown().await?;
                return Ok(End::Closed);
            }
            if let Some(end) = self.pass(&buffer[..read], &mut to).await? {
                return Ok(end);
            }
        }
    }

    /// Passes on what was read, as the faults have it.
    async fn pass(&mut self, mut rest: &[u8], to: &mut WriteHalf<'_>) -> io::Result<Option<End>> {
        // Whether the latency of these bytes is over.
        let mut kept = false;
        while !rest.is_empty() {
            if self.changes.has_changed().unwrap_or(false) {
                self.look();
            }
            if self.faults.half_open {
                self.lost = true;
                self.shared.counters.swallowed_bytes.fetch_add(rest.len() as u64, Relaxed);
                return Ok(None);
            }
            if self.lost {
                return Ok(Some(End::Cut { amid: true }));
            }
            let (piece, wait) = self.next_piece(rest, kept);
            if !wait.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(wait) => kept = true,
                    _ = self.changes.changed() => {
                        self.look();
                        continue;
                    }
                }
                self.shared.counters.slowed_bytes.fetch_add(piece.len() as u64, Relaxed);
            }
            to.write_all(piece).await?;
            self.count(piece.len() as u64);
            rest = &rest[piece.len()..];
            if self.until_cut == Some(0) {
                let amid = !rest.is_empty() || self.asked.load(Relaxed);
                return Ok(Some(End::Cut { amid }));
            }
        }
        Ok(None)
    }

    /// Looks at the faults anew.
    fn look(&mut self) {
        let faults = self.changes.borrow_and_update();
        self.faults = if self.lot < faults.share { faults.clone() } else { ProxyFaults::default() };
        drop(faults);
        let range = self.faults.cut(self.direction).cloned();
        self.until_cut = range.map(|range| self.shared.draw(range).max(1));
    }

    /// How many of these bytes go next, and after which wait.
    fn next_piece<'b>(&self, rest: &'b [u8], kept: bool) -> (&'b [u8], Duration) {
        let latency = if kept { Duration::ZERO } else { self.faults.latency };
        let until_cut = self.until_cut.map_or(usize::MAX, in_memory);
        let rest = &rest[..rest.len().min(until_cut)];
        let Some(limit) = self.faults.bytes_a_second(self.direction) else {
            return (rest, latency);
        };
        let limit = limit.max(1);
        let piece = &rest[..rest.len().min(in_memory((limit / PIECES_A_SECOND).max(1)))];
        #[expect(clippy::cast_precision_loss, reason = "numbers of a test, far below 2^53")]
        let wait = Duration::from_secs_f64(piece.len() as f64 / limit as f64);
        (piece, latency + wait)
    }

    fn count(&mut self, bytes: u64) {
        let counters = &self.shared.counters;
        match self.direction {
            Direction::There => counters.bytes_there.fetch_add(bytes, Relaxed),
            Direction::Back => counters.bytes_back.fetch_add(bytes, Relaxed),
        };
        self.asked.store(self.direction == Direction::There, Relaxed);
        self.until_cut = self.until_cut.map(|left| left.saturating_sub(bytes));
    }
}

fn in_memory(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
