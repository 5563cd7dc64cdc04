//! How fast: replays and redrives have one part of the group's rate, all together.

use emberline_model::ReplayName;

use super::Job;
use crate::app::UsageError;
use crate::replays::{Entry, Registry};
use crate::settings::{Rate, Settings};

/// Less than this is nothing.
const LEAST: f64 = 0.01;

/// What is left of replays' part beside those that run now; `None`: no limit.
///
/// # Errors
/// Nothing is left, or less than was asked for.
pub(super) fn left(
    job: &Job,
    settings: &Settings,
    registry: &Registry,
    name: &ReplayName,
) -> anyhow::Result<Option<f64>> {
    let others = registry.list().into_iter().filter(|it| it.is_going_on() && it.name != *name);
    let taken: f64 = others.filter_map(|it| it.status.rate).sum();
    of(job.options.rate, settings, taken)
}

/// Whether a rate is still there to be had beside those that began while this one was planned.
///
/// # Errors
/// It is not.
pub(super) fn is_still_left(
    rate: Option<f64>,
    settings: &Settings,
    began_before: &[Entry],
) -> anyhow::Result<()> {
    let (Some(rate), Some(part)) = (rate, part(settings)) else { return Ok(()) };
    let taken: f64 = began_before.iter().filter_map(|it| it.status.rate).sum();
    if rate <= part - taken + LEAST {
        return Ok(());
    }
    let names: Vec<_> = began_before.iter().map(|it| it.name.to_string()).collect();
    Err(wrong(format!(
        "{} began while this was planned: together that is {}/s of the {part}/s that replays have \
         (limits.replay_part is {} of limits.rate); nothing was sent, begin again",
        names.join(", "),
        taken + rate,
        settings.limits.replay_part
    )))
}

/// What may be had of replays' part where so much is taken.
pub(super) fn of(
    asked: Option<Rate>,
    settings: &Settings,
    taken: f64,
) -> anyhow::Result<Option<f64>> {
    let asked = asked.and_then(Rate::per_second);
    let Some(part) = part(settings) else { return Ok(asked) };
    let left = part - taken;
    if left < LEAST {
        return Err(wrong(format!(
            "other replays run with {taken}/s, which is all that replays have \
             (limits.replay_part of limits.rate): wait for them, or begin each with a --rate"
        )));
    }
    match asked {
        Some(asked) if asked > left + LEAST => Err(wrong(format!(
            "--rate {asked}/s is more than the {left}/s that replays have left \
             (limits.replay_part is {} of limits.rate)",
            settings.limits.replay_part
        ))),
        asked => Ok(Some(asked.unwrap_or(left))),
    }
}

/// Calls a second that all replays have together; `None`: no limit.
fn part(settings: &Settings) -> Option<f64> {
    let limits = &settings.limits;
    limits.rate.per_second().map(|whole| whole * limits.replay_part.fraction())
}

fn wrong(text: String) -> anyhow::Error {
    UsageError(text).into()
}

#[cfg(test)]
mod tests {
    use emberline_model::ReplayName;

    use super::{is_still_left, of};
    use crate::replays::tests::status;
    use crate::replays::{Entry, ReplayState};
    use crate::settings::{Rate, Settings};

    fn settings(rate: &str) -> Settings {
        let mut settings = Settings::default();
        settings.limits.rate = rate.parse().unwrap();
        settings
    }

    fn asked(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn replays_have_a_tenth_of_the_rate_unless_they_ask_for_less() {
        let settings = settings("200/s");
        assert_eq!(of(None, &settings, 0.0).unwrap(), Some(20.0));
        assert_eq!(of(Some(asked("5/s")), &settings, 0.0).unwrap(), Some(5.0));
        assert_eq!(of(None, &settings, 12.0).unwrap(), Some(8.0), "beside another one");
    }

    #[test]
    fn more_than_is_left_is_refused() {
        let settings = settings("200/s");
        for (rate, taken) in [(Some(asked("21/s")), 0.0), (Some(asked("9/s")), 12.0), (None, 20.0)]
        {
            let refused = of(rate, &settings, taken).unwrap_err().to_string();
            assert!(refused.contains("limits.replay_part"), "{refused}");
        }
    }

    #[test]
    fn what_another_has_taken_while_this_one_was_planned_is_gone() {
        let settings = settings("200/s");
        let mut taken = status(ReplayState::Running);
        taken.rate = Some(12.0);
        let other = [Entry::of(ReplayName::parse("other").unwrap(), taken, 0)];
        assert!(is_still_left(Some(20.0), &settings, &[]).is_ok());
        assert!(is_still_left(Some(8.0), &settings, &other).is_ok());
        let refused = is_still_left(Some(9.0), &settings, &other).unwrap_err().to_string();
        assert!(refused.starts_with("other began while this was planned: "), "{refused}");
        assert!(refused.contains("21/s of the 20/s"), "{refused}");
    }

    #[test]
    fn without_a_limit_of_the_group_only_the_own_one_counts() {
        let settings = settings("none");
        assert_eq!(of(None, &settings, 0.0).unwrap(), None);
        assert_eq!(of(Some(asked("7/s")), &settings, 0.0).unwrap(), Some(7.0));
    }
}
