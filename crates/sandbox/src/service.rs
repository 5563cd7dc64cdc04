//! The way of one call through the sandbox, without HTTP: admitted, read, delayed or
//! struck by a fault, carried out, answered, and counted under exactly one outcome.

use std::borrow::Cow;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tracing::debug;

use crate::actions::{Books, Dialect, Request};
use crate::answer::{self, ErrorText, Success};
use crate::clock::unix_seconds;
use crate::console::guard::OwnName;
use crate::faults::{Drawn, Fault, Faults};
use crate::gate::{Gate, RateLimit};
use crate::ledger::{CallOutcome, Ledger, RunningCall};
use crate::read::params::Params;
use crate::refusal::{ErrorCode, Refusal};
use crate::registry::Registry;
use crate::{
    Action, DataCategoryForm, DataInfoForm, Edition, Envelope, NestedSignature, SandboxSettings,
};

/// What goes back over HTTP.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    /// A whole answer.
    Whole { status: u16, retry_after: Option<String>, body: Vec<u8> },
    /// The first half of an answer whose whole length is announced.
    Cut { body: Vec<u8> },
    /// A connection reset.
    Reset,
}

impl Reply {
    fn ok(body: Vec<u8>) -> Self {
        Self::Whole { status: 200, retry_after: None, body }
    }
}

/// What kind of service it plays, for people to read.
#[derive(Debug, Clone)]
pub(crate) struct Mode {
    pub(crate) app_key: String,
    pub(crate) nested_signature: Vec<NestedSignature>,
    pub(crate) data_info: DataInfoForm,
    pub(crate) data_category: DataCategoryForm,
    pub(crate) envelope: Envelope,
    pub(crate) edition: Edition,
    pub(crate) rate_limit: Option<f64>,
    pub(crate) auto_create_customers: bool,
    pub(crate) require_binding: bool,
}

impl From<&SandboxSettings> for Mode {
    fn from(settings: &SandboxSettings) -> Self {
        Self {
            app_key: settings.app_key.clone(),
            nested_signature: settings.nested_signature.clone(),
            data_info: settings.data_info,
            data_category: settings.data_category,
            envelope: settings.envelope,
            edition: settings.edition,
            rate_limit: settings.rate_limit,
            auto_create_customers: settings.auto_create_customers,
            require_binding: settings.require_binding,
        }
    }
}

/// The stand-in service.
pub(crate) struct Service {
    pub(crate) registry: Registry,
    pub(crate) ledger: Ledger,
    pub(crate) faults: Faults,
    gate: Gate,
    limit: Option<RateLimit>,
    dialect: Dialect,
    envelope: Envelope,
    /// Where it is reached, without a slash at the end.
    pub(crate) url: String,
    /// Ends the calls that hang.
    stopping: watch::Receiver<bool>,
    pub(crate) max_body: usize,
    pub(crate) mode: Mode,
    pub(crate) own_name: OwnName,
}

impl Service {
    pub(crate) fn new(
        settings: &SandboxSettings,
        url: String,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            registry: Registry::new(settings),
            ledger: Ledger::new(settings),
            faults: Faults::new(settings.faults.clone()),
            gate: Gate::new(settings),
            limit: settings.rate_limit.map(|rate| RateLimit::new(rate, Instant::now())),
            dialect: Dialect {
                data_info: settings.data_info,
                data_category: settings.data_category,
                edition: settings.edition,
            },
            envelope: settings.envelope,
            url,
            stopping,
            max_body: settings.max_body,
            mode: Mode::from(settings),
            own_name: OwnName::new(settings),
        }
    }

    /// Answers a call whose body could not be received or is not declared as JSON.
    pub(crate) fn refuse_unread(&self, message: &'static str) -> Reply {
        let refusal = Refusal::new(ErrorCode::InvalidJson, message);
        self.refuse(self.ledger.calls.start(), "", &refusal)
    }

    /// Answers a call.
    pub(crate) async fn handle(&self, body: &[u8]) -> Reply {
        let mut call = self.ledger.calls.start();
        let params = match Params::read(body) {
            Ok(params) => params,
            Err(refusal) => return self.refuse(call, "", &refusal),
        };
        let request_id = params.optional_text("RequestId").ok().flatten().unwrap_or_default();
        let admitted = match self.gate.admit(&params, unix_seconds()) {
            Ok(admitted) => admitted,
            Err(refusal) => return self.refuse(call, &request_id, &refusal),
        };
        call.is(admitted.action);
        self.ledger.calls.verified(admitted.reading);
        if let Some(Err(wait)) = self.limit.as_ref().map(|limit| limit.take(Instant::now())) {
            call.ends(CallOutcome::Throttled);
            return throttled(wait);
        }

        let request = Request::read(admitted.action, &params, self.dialect);
        let topic = request.as_ref().ok().and_then(Request::topic);
        let _under_way = topic.map(|(device, topic)| self.ledger.under_way(device, topic));
        let Drawn { delay, answer_delay, fault } =
            self.faults.draw(admitted.action, request.as_ref().ok());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        match fault {
            None => {
                let done = request.and_then(|request| self.act(request));
                if !answer_delay.is_zero() {
                    tokio::time::sleep(answer_delay).await;
                }
                self.answer(call, admitted.action, &request_id, done)
            }
            Some((fault, after_acting)) => {
                let acted = after_acting.then(|| request.and_then(|request| self.act(request)));
                call.ends(CallOutcome::Faulted);
                if fault == Fault::Hang {
                    self.hang().await;
                }
                let done = Ok(Success::Done);
                self.strike(fault, &request_id, acted.as_ref().unwrap_or(&done))
            }
        }
    }

    /// Waits until the sandbox stops; the caller usually goes away before, which drops
    /// this.
    async fn hang(&self) {
        // An error means that the sandbox itself is gone.
        let _ = self.stopping.clone().wait_for(|stopping| *stopping).await;
    }

    fn act(&self, request: Request<'_>) -> Result<Success, Refusal> {
        let books = Books { registry: &self.registry, ledger: &self.ledger, url: &self.url };
        request.carry_out(&books)
    }

    fn answer(
        &self,
        call: RunningCall<'_>,
        action: Action,
        request_id: &str,
        done: Result<Success, Refusal>,
    ) -> Reply {
        match done {
            Ok(success) => {
                call.ends(CallOutcome::Accepted);
                Reply::ok(answer::body(self.envelope, request_id, Ok(&success)))
            }
            Err(refusal) => {
                debug!(action = action.name(), "refused in its action");
                self.refuse(call, request_id, &refusal)
            }
        }
    }

    fn refuse(&self, call: RunningCall<'_>, request_id: &str, refusal: &Refusal) -> Reply {
        debug!(request_id, %refusal, "call refused");
        self.ledger.refusals.note(unix_seconds(), call.action(), request_id, refusal);
        call.ends(CallOutcome::Rejected);
        Reply::ok(answer::body(self.envelope, request_id, Err(refusal.into())))
    }

    /// The answer of a fault; `result` is what the caller would have been told.
    fn strike(&self, fault: Fault, request_id: &str, result: &Result<Success, Refusal>) -> Reply {
        let truth = || {
            let result = result.as_ref().map_err(ErrorText::from);
            answer::body(self.envelope, request_id, result)
        };
        match fault {
            Fault::Answer { status, code, message, retry_after, retry_after_date } => {
                let retry_after = retry_after_date.map(date_in).or(retry_after);
                let body = code.map(|code| {
                    let error = ErrorText { code: &code, message: &message };
                    answer::body(self.envelope, request_id, Err(error))
                });
                Reply::Whole { status, retry_after, body: body.unwrap_or_default() }
            }
            Fault::Raw { status, body } => {
                Reply::Whole { status, retry_after: None, body: body.into_bytes() }
            }
            Fault::CutBody => Reply::Cut { body: truth() },
            Fault::TruncatedJson => {
                let mut body = truth();
                body.truncate(body.len() / 2);
                Reply::ok(body)
            }
            Fault::Hang | Fault::Reset => Reply::Reset,
        }
    }
}

/// `Retry-After` is in whole seconds, at least one.
fn throttled(wait: Duration) -> Reply {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let retry_after = Cow::from(seconds.max(1).to_string());
    Reply::Whole { status: 429, retry_after: Some(retry_after.into_owned()), body: Vec::new() }
}

/// The first whole second that is at least so many away, as HTTP writes it: it has dates up
/// to the year 9999 only.
fn date_in(seconds: u64) -> String {
    const CENTURY: u64 = 100 * 365 * 86_400;
    let rounded_up = Duration::new(seconds.min(CENTURY), 999_999_999);
    httpdate::fmt_http_date(SystemTime::now() + rounded_up)
}
