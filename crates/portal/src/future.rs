//! Futures of traits that are used as objects.

use std::pin::Pin;

/// A future whose type is not named.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
