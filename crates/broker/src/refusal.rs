//! Why brokers don't let a client in, and what to do about it.
//!
//! A question that they don't answer ends with no more than that the time is over: librdkafka
//! goes on trying. What it was told at the door comes by the side, as an error event or a log
//! line, and in words only. The words looked for here are librdkafka's and OpenSSL's.

use parking_lot::Mutex;

/// What a client was told last at the door.
#[derive(Debug, Default)]
pub(crate) struct Door(Mutex<Option<Refusal>>);

/// What was said, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) said: String,
    pub(crate) advice: &'static str,
}

impl Door {
    /// Takes in what librdkafka says; what has nothing to do with being let in is left.
    pub(crate) fn hear(&self, said: &str) {
        if let Some(refusal) = Refusal::of(said) {
            *self.0.lock() = Some(refusal);
        }
    }

    /// Brokers have answered: what was said before counts no more.
    pub(crate) fn opened(&self) {
        *self.0.lock() = None;
    }

    /// The last refusal since they answered, if there was one.
    pub(crate) fn last(&self) -> Option<Refusal> {
        self.0.lock().clone()
    }
}

/// Words, all of which are in what was said, and what to do. The first that fits counts.
const ADVICE: &[(&[&str], &str)] = &[
    (&["Unsupported SASL mechanism"], "set sasl.mechanisms to one that the listener offers"),
    (&["SASL authentication error"], "are sasl.username and sasl.password right?"),
    (
        &["certificate verify failed", "mismatch"],
        "kafka.brokers must name hosts as the brokers' certificates do",
    ),
    (
        &["certificate verify failed"],
        "set ssl.ca.location to the certificate of the authority that the brokers' certificates are of",
    ),
    (&["alert bad certificate"], OWN_CERTIFICATE),
    (&["alert certificate required"], OWN_CERTIFICATE),
    (&["alert certificate unknown"], OWN_CERTIFICATE),
    (&["alert unknown ca"], OWN_CERTIFICATE),
    (&["PLAINTEXT broker listener"], WITHOUT_TLS),
    (&["wrong version number"], WITHOUT_TLS),
    (
        &["Disconnected", "APIVERSION_QUERY"],
        "does the listener want TLS or a password? Set security.protocol to SSL, SASL_SSL or SASL_PLAINTEXT",
    ),
];
const OWN_CERTIFICATE: &str = "the listener wants a certificate that it trusts: set ssl.certificate.location and ssl.key.location";
const WITHOUT_TLS: &str = "the listener has no TLS: set security.protocol to PLAINTEXT or SASL_PLAINTEXT, or take another port";

impl Refusal {
    fn of(said: &str) -> Option<Self> {
        let fits = |words: &&[&str]| words.iter().all(|word| said.contains(word));
        let (_, advice) = ADVICE.iter().find(|(words, _)| fits(words))?;
        // A log line begins with the thread, and ends with how long it took.
        let told = match said.split_once("]: ") {
            Some((thread, told)) if thread.starts_with("[thrd:") => told,
            _ => said,
        };
        let told = told.rsplit_once(" (after ").map_or(told, |(told, _)| told);
        Some(Self { said: told.trim().to_owned(), advice })
    }
}

#[cfg(test)]
mod tests {
    use super::Door;

    fn advice(said: &str) -> Option<&'static str> {
        let door = Door::default();
        door.hear(said);
        door.last().map(|refusal| refusal.advice)
    }

    #[test]
    fn what_was_said_is_told_without_threads_and_times() {
        let door = Door::default();
        door.hear(
            "[thrd:sasl_ssl://b:1/bootstrap]: sasl_ssl://b:1/bootstrap: SASL authentication error: \
             Authentication failed (after 175ms in state AUTH_REQ, 1 identical error(s) suppressed)",
        );
        door.hear("1/1 brokers are down");
        let refusal = door.last().unwrap();
        let said = "sasl_ssl://b:1/bootstrap: SASL authentication error: Authentication failed";
        assert_eq!(refusal.said, said);
        assert!(refusal.advice.contains("sasl.password"));

        door.opened();
        assert_eq!(door.last(), None, "it is over");
    }

    #[test]
    fn a_wrong_name_is_told_from_an_unknown_authority() {
        let failed = "SSL handshake failed: certificate verify failed: ";
        let wrong_name = advice(&format!("{failed}IP address mismatch")).unwrap();
        assert!(wrong_name.contains("kafka.brokers"), "{wrong_name}");
        let unknown = advice(&format!("{failed}self-signed certificate in chain")).unwrap();
        assert!(unknown.contains("ssl.ca.location"), "{unknown}");
    }

    #[test]
    fn what_is_no_refusal_is_left() {
        for said in ["1/1 brokers are down", "b:1: Connect to ipv4#127.0.0.1:1 failed: refused"] {
            assert_eq!(advice(said), None, "{said}");
        }
    }
}
