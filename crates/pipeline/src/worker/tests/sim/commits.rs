//! Commits: one request of a member at a time, and what the coordinator makes of it.

use emberline_broker::{Commit, CommitError, SourceEvent};

use super::kafka::topic_of;
use super::world::{Event, World};

impl World {
    /// What the worker wants to be committed.
    pub(super) fn take_commits(&mut self, number: usize) {
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        let asked = std::mem::take(&mut member.control.lock().asked);
        let asked = self.spoiled(asked);
        for commit in &asked {
            self.check_commit(number, commit);
        }
        self.send_commits(number);
        let Some(Some(member)) = self.members.get(number) else { return };
        if member.control.lock().left && !member.leaving {
            self.leave(number);
        }
    }

    fn send_commits(&mut self, number: usize) {
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        if member.committing.is_some() {
            return;
        }
        let commits: Vec<Commit> =
            std::mem::take(&mut member.control.lock().commits).into_values().collect();
        if commits.is_empty() {
            return;
        }
        member.committing = Some(commits);
        let wait = self.draw.millis(0..=60);
        self.after(wait, Event::CommitArrives(number));
    }

    pub(super) fn commit_arrives(&mut self, number: usize) {
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        let Some(commits) = member.committing.clone() else { return };
        let rough = self.rough_brokers && self.draw.percent(40);
        let lost = rough && self.draw.percent(50);
        let refused = rough && !lost;
        let mut made = !refused;
        if !refused {
            for commit in &commits {
                made &= self.apply_commit(number, commit);
            }
        }
        if !made || lost {
            self.cover.saw("commit failed");
            let error =
                if lost { CommitError::TimedOut } else { CommitError::Refused("sim".into()) };
            self.tell(number, SourceEvent::CommitFailed { commits, error });
        } else {
            self.tell(number, SourceEvent::Committed(commits));
        }
        let wait = self.draw.millis(0..=60);
        self.after(wait, Event::CommitEnds(number));
    }

    pub(super) fn commit_ends(&mut self, number: usize) {
        let Some(Some(member)) = self.members.get_mut(number) else { return };
        if member.committing.take().is_some() {
            self.send_commits(number);
        }
    }

    /// The coordinator's part of a commit: only who owns the partition may make one.
    pub(super) fn apply_commit(&mut self, number: usize, commit: &Commit) -> bool {
        let Some(Some(member)) = self.members.get(number) else { return false };
        let kind = member.kind;
        let part = (topic_of(&commit.at.topic), commit.at.partition);
        let tenure = member.owned.get(&part).filter(|tenure| tenure.at.epoch == commit.at.epoch);
        let group = &mut self.groups[kind as usize];
        if tenure.is_none() || group.owner.get(&part) != Some(&number) {
            self.cover.saw("commit of a lost partition refused");
            return false;
        }
        group.committed.insert(part, (commit.offset, commit.metadata.clone()));
        let (offset, metadata) = (commit.offset, &commit.metadata);
        self.say(format_args!("committed {part:?} at {offset} by member {number} {metadata}"));
        true
    }
}
