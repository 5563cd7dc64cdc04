//! A stand-in for the service: strict, with a ledger of what it accepted.
