//! `Offset` and `Limit`.

use crate::read::params::Params;
use crate::refusal::Refusal;

/// Which part of a list is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Paging {
    offset: usize,
    limit: usize,
}

impl Paging {
    /// The contract gives neither a default nor a maximum; a caller that goes on until
    /// it has `Total` items gets along with any.
    const DEFAULT_LIMIT: usize = 20;
    const MAX_LIMIT: usize = 100;

    pub(super) fn read(params: &Params<'_>) -> Result<Self, Refusal> {
        let count = |name: &str| -> Result<Option<usize>, Refusal> {
            let Some(number) = params.optional_integer(name)? else { return Ok(None) };
            let number = usize::try_from(number);
            number.map(Some).map_err(|_| Refusal::invalid(format!("{name} must not be negative")))
        };
        let offset = count("Offset")?.unwrap_or(0);
        let limit = count("Limit")?.unwrap_or(Self::DEFAULT_LIMIT).min(Self::MAX_LIMIT);
        Ok(Self { offset, limit })
    }

    pub(super) fn cut<T>(self, items: Vec<T>) -> Vec<T> {
        items.into_iter().skip(self.offset).take(self.limit).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Paging;
    use crate::read::params::Params;

    fn page(body: &str) -> Vec<usize> {
        let params = Params::read(body.as_bytes()).unwrap();
        Paging::read(&params).unwrap().cut((0..150).collect())
    }

    #[test]
    fn a_list_is_answered_by_pages() {
        assert_eq!(page("{}"), (0..20).collect::<Vec<_>>());
        assert_eq!(page(r#"{"Offset":5,"Limit":3}"#), [5, 6, 7]);
        assert_eq!(page(r#"{"Limit":1000}"#).len(), 100);
        assert!(page(r#"{"Offset":150}"#).is_empty());
        assert!(page(r#"{"Limit":0}"#).is_empty());
    }

    #[test]
    fn a_page_is_named_by_counts() {
        for body in [r#"{"Offset":-1}"#, r#"{"Limit":"3"}"#, r#"{"Limit":1.5}"#] {
            let params = Params::read(body.as_bytes()).unwrap();
            assert!(Paging::read(&params).is_err(), "{body}");
        }
    }
}
