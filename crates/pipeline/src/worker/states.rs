//! States that are pushed again: of each the service must hear last what came last, also where
//! that comes, and is sent by live delivery, while this one's call is under way.

use std::time::{Duration, Instant};

use emberline_flow::lanes::LaneId;
use emberline_flow::newest::counts_as;
use emberline_model::{EventTime, Outcome};
use emberline_service_client::Transport;

use super::Worker;
use crate::lane::{About, What};

/// Before it is asked again whether a newer one has come.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

impl<T: Transport + Clone> Worker<T> {
    /// Whether the state at the lane's head is to be sent now; where it is not, it is dealt
    /// with.
    pub(super) fn prepare_state(&mut self, id: LaneId, now: Instant) -> bool {
        let Some(later) = &self.shared.later_states else { return true };
        let About::State { device } = &self.lanes.about(id).about else { return true };
        let Some(What::State { status, time, called_at }) =
            self.lanes.front(id).map(|item| &item.what)
        else {
            return true;
        };
        let key = device.key();
        let newer = later.newer(key, (*time, *status), self.state_counts_as(id, *time));
        let may_have_arrived = called_at.is_some() || self.doubtful_states.contains(&key);
        let outcome = match (*called_at, newer) {
            (None, None) if later.has_begun() => {
                self.doubtful_states.insert(key);
                return true;
            }
            // What came between the plan and now is not known yet.
            (None, None) => {
                self.lanes.wait(id, now + LOOK_AGAIN);
                return false;
            }
            (None, Some(_)) if !may_have_arrived => Outcome::Superseded,
            (_, Some(newest)) => {
                // Which call came last can't be told: the newest is sent once more.
                if let Some(item) = self.lanes.front_mut(id) {
                    let (time, status) = newest;
                    item.what = What::State { status, time, called_at: None };
                }
                return true;
            }
            (Some(at), None) if !later.has_seen(at) => {
                self.lanes.wait(id, now + LOOK_AGAIN);
                return false;
            }
            (Some(_), None) => {
                self.doubtful_states.remove(&key);
                Outcome::Delivered
            }
        };
        self.lanes.start(id, 1);
        self.finish(id, outcome, None, now);
        false
    }

    /// The time that the state at the lane's head counts as beside others.
    fn state_counts_as(&self, id: LaneId, time: EventTime) -> EventTime {
        let known = self.shared.settings.delivery.states_known();
        self.lanes
            .front(id)
            .map_or(time, |item| counts_as(time, self.records.get(item.record).arrival, known))
    }

    /// A state was accepted, and has its receipt.
    pub(super) fn state_delivered(&mut self, id: LaneId, now: Instant) {
        if self.shared.later_states.is_none() || self.all_fenced(id) {
            self.finish(id, Outcome::Delivered, None, now);
            return;
        }
        if let Some(item) = self.lanes.front_mut(id)
            && let What::State { called_at, .. } = &mut item.what
        {
            *called_at = Some(now);
        }
        self.again_or_fence(id, now + LOOK_AGAIN, now);
    }
}
