//! A page of a list of tokens, the newest first.

use super::Token;
use pileus_model::{Error, Result, Timestamp};
use pileus_store::tokens::{Page, TokenRow};

/// Tokens on a page, if the client does not say how many (contract, `ListOrgTokens`).
const DEFAULT_RESULTS: i64 = 100;
/// Most tokens on a page (contract, `ListOrgTokens`).
const MAX_RESULTS: i64 = 1000;

/// Which tokens a client asks for.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// `active` (if not given), `expired` or `all`.
    pub filter: Option<String>,
    /// How many at most: 1 to 1000, 100 if not given.
    pub max_results: Option<i64>,
    /// Where the page before ended.
    pub continuation: Option<String>,
}

/// A page of tokens.
#[derive(Debug, Clone)]
pub struct TokenPage {
    /// The tokens, the newest first.
    pub tokens: Vec<Token>,
    /// Where the next page goes on; none on the last one.
    pub next: Option<String>,
}

impl ListQuery {
    /// What the store is to be asked for: one more than is shown, to see whether there is a next page.
    pub(super) fn page(&self, now: Timestamp) -> Result<Page> {
        let expired = match self.filter.as_deref().unwrap_or_default() {
            "" | "active" => Some(false),
            "expired" => Some(true),
            "all" => None,
            _ => return Err(Error::invalid("filter must be one of active, expired, all")),
        };
        let limit = self.max_results.unwrap_or(DEFAULT_RESULTS);
        if !(1..=MAX_RESULTS).contains(&limit) {
            return Err(Error::invalid(format!("maxResults must be between 1 and {MAX_RESULTS}")));
        }
        let before = match self.continuation.as_deref().unwrap_or_default() {
            "" => Page::START,
            text => text.parse().map_err(|_| Error::invalid("continuationToken is none that this list has given"))?,
        };
        Ok(Page { before, limit: limit + 1, expired, now })
    }
}

impl TokenPage {
    /// From the rows that [`ListQuery::page`] led to.
    pub(super) fn of(mut rows: Vec<TokenRow>, page: Page) -> Self {
        let shown = usize::try_from(page.limit - 1).unwrap_or_default();
        let more = rows.len() > shown;
        rows.truncate(shown);
        let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
        Self { tokens: rows.into_iter().map(Token::from).collect(), next }
    }
}
