//! The eight actions of the service API, their signature and their answers.
