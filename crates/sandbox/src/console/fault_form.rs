//! The form that adds a fault: read, checked, and shown again as it was typed where something
//! is wrong with it.

use super::posted::Posted;
use super::texts::Faults;
use crate::{Action, Fault, FaultRule};

/// Longest text that is taken, in characters.
const LONGEST: usize = 2_000;
/// More is no test any more.
const LONGEST_WAIT: u64 = 86_400;

/// What can happen, by the names that the form has for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Status,
    Error,
    Signature,
    Throttle,
    Raw,
    CutBody,
    TruncatedJson,
    Hang,
    Reset,
}

impl Kind {
    pub(super) const ALL: [Self; 9] = [
        Self::Status,
        Self::Error,
        Self::Signature,
        Self::Throttle,
        Self::Raw,
        Self::CutBody,
        Self::TruncatedJson,
        Self::Hang,
        Self::Reset,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Error => "error",
            Self::Signature => "signature",
            Self::Throttle => "throttle",
            Self::Raw => "raw",
            Self::CutBody => "cut-body",
            Self::TruncatedJson => "truncated-json",
            Self::Hang => "hang",
            Self::Reset => "reset",
        }
    }

    pub(super) const fn text(self, f: &'static Faults) -> &'static str {
        match self {
            Self::Status => f.kind_status,
            Self::Error => f.kind_error,
            Self::Signature => f.kind_signature,
            Self::Throttle => f.kind_throttle,
            Self::Raw => f.kind_raw,
            Self::CutBody => f.kind_cut_body,
            Self::TruncatedJson => f.kind_truncated_json,
            Self::Hang => f.kind_hang,
            Self::Reset => f.kind_reset,
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// The fields as they were typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FaultForm {
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) code: String,
    pub(super) message: String,
    pub(super) retry_after: String,
    pub(super) as_date: bool,
    pub(super) body: String,
    pub(super) action: String,
    pub(super) device: String,
    pub(super) report_time: String,
    pub(super) share: String,
    pub(super) times: String,
    pub(super) after_acting: bool,
    /// What is wrong, by field.
    pub(super) wrong: Vec<(&'static str, String)>,
}

impl FaultForm {
    /// As it is before anyone typed.
    pub(super) fn fresh() -> Self {
        Self {
            kind: Kind::Status.name().to_owned(),
            status: "503".to_owned(),
            code: "InternalError".to_owned(),
            message: String::new(),
            retry_after: "5".to_owned(),
            as_date: false,
            body: "<html>gateway</html>".to_owned(),
            action: String::new(),
            device: String::new(),
            report_time: String::new(),
            share: "100".to_owned(),
            times: String::new(),
            after_acting: false,
            wrong: Vec::new(),
        }
    }

    pub(super) fn of(posted: &Posted) -> Self {
        let text = |name| posted.get(name).to_owned();
        Self {
            kind: text("kind"),
            status: text("status"),
            code: text("code"),
            message: text("message"),
            retry_after: text("retry_after"),
            as_date: posted.is_ticked("as_date"),
            body: text("body"),
            action: text("action"),
            device: text("device"),
            report_time: text("report_time"),
            share: text("share"),
            times: text("times"),
            after_acting: posted.is_ticked("after_acting"),
            wrong: Vec::new(),
        }
    }

    /// What is wrong with a field; empty if nothing is.
    pub(super) fn problem(&self, field: &str) -> &str {
        let problem = self.wrong.iter().find(|(known, _)| *known == field);
        problem.map_or("", |(_, text)| text)
    }

    /// The rule that it asks for.
    ///
    /// # Errors
    /// The form with what is wrong with it, all of it at once.
    pub(super) fn read(mut self, f: &'static Faults) -> Result<FaultRule, Box<Self>> {
        let fault = self.fault(f);
        let action = self.named_action(f);
        let report_time = self.optional_number("report_time", 0, u64::MAX / 2, f);
        let times = self.optional_number("times", 1, u64::MAX, f);
        let share = self.share(f);
        self.check_length("device", f);
        let (Some(fault), true) = (fault, self.wrong.is_empty()) else {
            return Err(Box::new(self));
        };
        Ok(FaultRule {
            fault,
            action,
            device: Some(self.device).filter(|device| !device.is_empty()),
            report_time: report_time.and_then(|time| i64::try_from(time).ok()),
            share,
            times,
            after_acting: self.after_acting,
        })
    }

    fn fault(&mut self, f: &'static Faults) -> Option<Fault> {
        let Some(kind) = Kind::named(&self.kind) else {
            self.wrong.push(("kind", f.wrong_choice.to_owned()));
            return None;
        };
        Some(match kind {
            Kind::Status => Fault::status(self.checked_status(f)?),
            Kind::Error => {
                self.check_length("message", f);
                self.check_length("code", f);
                if self.code.is_empty() {
                    self.wrong.push(("code", f.wrong_code.to_owned()));
                }
                Fault::error(&self.code, &self.message)
            }
            Kind::Signature => Fault::error("InvalidParameterValue", "Signature 无效"),
            Kind::Throttle => {
                let seconds = self.number("retry_after", 0, LONGEST_WAIT, f)?;
                if self.as_date {
                    Fault::slow_down_until(seconds)
                } else {
                    Fault::slow_down(seconds)
                }
            }
            Kind::Raw => {
                self.check_length("body", f);
                Fault::Raw { status: self.checked_status(f)?, body: self.body.clone() }
            }
            Kind::CutBody => Fault::CutBody,
            Kind::TruncatedJson => Fault::TruncatedJson,
            Kind::Hang => Fault::Hang,
            Kind::Reset => Fault::Reset,
        })
    }

    fn checked_status(&mut self, f: &'static Faults) -> Option<u16> {
        let status = self.number("status", 200, 599, f)?;
        u16::try_from(status).ok()
    }

    fn named_action(&mut self, f: &'static Faults) -> Option<Action> {
        if self.action.is_empty() {
            return None;
        }
        let action = Action::named(&self.action);
        if action.is_none() {
            self.wrong.push(("action", f.wrong_choice.to_owned()));
        }
        action
    }

    fn share(&mut self, f: &'static Faults) -> f64 {
        let percent = self.share.parse().ok().filter(|share| *share > 0.0 && *share <= 100.0);
        if percent.is_none() {
            self.wrong.push(("share", f.wrong_share.to_owned()));
        }
        percent.unwrap_or(100.0) / 100.0
    }

    fn text(&self, field: &str) -> &str {
        match field {
            "status" => &self.status,
            "code" => &self.code,
            "message" => &self.message,
            "retry_after" => &self.retry_after,
            "body" => &self.body,
            "device" => &self.device,
            "report_time" => &self.report_time,
            "times" => &self.times,
            _ => "",
        }
    }

    fn check_length(&mut self, field: &'static str, f: &'static Faults) {
        if self.text(field).chars().count() > LONGEST {
            self.wrong.push((field, f.wrong_long.to_owned()));
        }
    }

    fn number(
        &mut self,
        field: &'static str,
        least: u64,
        most: u64,
        f: &'static Faults,
    ) -> Option<u64> {
        let number = self.text(field).parse().ok().filter(|n| (least..=most).contains(n));
        if number.is_none() {
            self.wrong.push((field, number_wanted(least, most, f)));
        }
        number
    }

    fn optional_number(
        &mut self,
        field: &'static str,
        least: u64,
        most: u64,
        f: &'static Faults,
    ) -> Option<u64> {
        if self.text(field).is_empty() { None } else { self.number(field, least, most, f) }
    }
}

fn number_wanted(least: u64, most: u64, f: &'static Faults) -> String {
    if most > LONGEST_WAIT {
        return format!("{} {least}", f.wrong_number);
    }
    format!("{} {least}–{most}", f.wrong_number)
}

#[cfg(test)]
mod tests {
    use super::{FaultForm, Faults, Kind};
    use crate::console::lang::Lang;
    use crate::{Action, Fault, FaultRule};

    fn form(kind: Kind) -> FaultForm {
        FaultForm { kind: kind.name().to_owned(), ..FaultForm::fresh() }
    }

    fn wrong(form: FaultForm) -> Vec<&'static str> {
        let form = form.read(Faults::of(Lang::En)).unwrap_err();
        form.wrong.iter().map(|(field, _)| *field).collect()
    }

    #[test]
    fn every_kind_is_a_fault_as_the_form_offers_it() {
        let expected = [
            Fault::status(503),
            Fault::error("InternalError", ""),
            Fault::error("InvalidParameterValue", "Signature 无效"),
            Fault::slow_down(5),
            Fault::Raw { status: 503, body: "<html>gateway</html>".to_owned() },
            Fault::CutBody,
            Fault::TruncatedJson,
            Fault::Hang,
            Fault::Reset,
        ];
        for (kind, fault) in Kind::ALL.into_iter().zip(expected) {
            let rule = form(kind).read(Faults::of(Lang::Zh)).unwrap();
            assert_eq!(rule, FaultRule::always(fault), "{kind:?}");
        }
    }

    #[test]
    fn a_rule_can_be_as_narrow_as_the_plan_allows() {
        let narrow = FaultForm {
            action: "ServiceReportDeviceData".to_owned(),
            device: "P/a".to_owned(),
            report_time: "7".to_owned(),
            share: "12.5".to_owned(),
            times: "3".to_owned(),
            after_acting: true,
            as_date: true,
            ..form(Kind::Throttle)
        };
        let expected = FaultRule {
            fault: Fault::slow_down_until(5),
            action: Some(Action::ReportDeviceData),
            device: Some("P/a".to_owned()),
            report_time: Some(7),
            share: 0.125,
            times: Some(3),
            after_acting: true,
        };
        assert_eq!(narrow.read(Faults::of(Lang::En)).unwrap(), expected);
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_beside_its_field() {
        let bad = FaultForm {
            status: "99".to_owned(),
            action: "Dance".to_owned(),
            report_time: "-1".to_owned(),
            share: "NaN".to_owned(),
            times: "0".to_owned(),
            device: "x".repeat(3_000),
            ..form(Kind::Status)
        };
        assert_eq!(wrong(bad), ["status", "action", "report_time", "times", "share", "device"]);
        assert_eq!(wrong(FaultForm { kind: "melt".to_owned(), ..FaultForm::fresh() }), ["kind"]);
        assert_eq!(wrong(FaultForm { code: String::new(), ..form(Kind::Error) }), ["code"]);
        assert_eq!(
            wrong(FaultForm { retry_after: "soon".to_owned(), ..form(Kind::Throttle) }),
            ["retry_after"]
        );
        assert_eq!(wrong(FaultForm { share: "0".to_owned(), ..FaultForm::fresh() }), ["share"]);
    }
}
