//! The workers, put together.
