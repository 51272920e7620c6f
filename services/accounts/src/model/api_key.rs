//! API keys, of members and of the team: what they may be used for, and for how long.
//!
//! A scope is a tag of operations and `read` or `write`, such as `media:read`; keys of the team may have one more.
//! Invariant: no scope is for operations of accounts, so no key changes a password, makes another key or erases an
//! account; and every key has a scope, because a token without one may be used for everything.

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};
use contract::AccountId;
use uuid::Uuid;

use super::display_text;
use super::standing::MAX_YEAR;
use crate::error::Error;

/// The most keys of an account.
pub(crate) const MAX_API_KEYS: usize = 50;
/// The most keys of the team.
pub(crate) const MAX_TEAM_KEYS: usize = 50;
/// The longest time until a key of the team ends.
const MAX_TEAM_KEY_LIFETIME: TimeDelta = TimeDelta::days(366);
/// How often the last use of a key is written.
pub(crate) const LAST_USE_INTERVAL: TimeDelta = TimeDelta::minutes(1);
/// The lifetime of an access token of a key. Longer than the gateway uses it, and far shorter than a member's.
pub(crate) const API_KEY_TOKEN_LIFETIME: TimeDelta = TimeDelta::minutes(2);
const MAX_NAME_CHARS: usize = 80;
const MAX_REASON_CHARS: usize = 500;
/// The tag of operations that no key may use.
const EXCLUDED_TAG: &str = "accounts";

/// A key, without its secret.
#[derive(Debug, Clone)]
pub(crate) struct ApiKey {
    /// The key's id, `sid` in its access tokens.
    pub id: Uuid,
    /// What the member calls it.
    pub name: String,
    /// What it may be used for, sorted.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to about a minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A key of the team, without its secret.
#[derive(Debug, Clone)]
pub(crate) struct TeamKey {
    /// The key.
    pub key: ApiKey,
    /// The operator who made it; `None` if that account is erased.
    pub created_by: Option<AccountId>,
}

/// What is wanted of a new key.
#[derive(Debug, Clone)]
pub(crate) struct ApiKeyRequest {
    /// The name.
    pub name: String,
    /// The scopes, sorted, each once.
    pub scopes: Vec<String>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

impl ApiKeyRequest {
    /// Checks a request at the time `now`. `known` are all scopes that the key may have.
    pub(crate) fn parse(
        name: &str,
        scopes: &[String],
        expires_at: Option<DateTime<Utc>>,
        known: &[String],
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let name = display_text::single_line(name).ok().filter(|name| name.chars().count() <= MAX_NAME_CHARS);
        let name = name.ok_or_else(|| invalid("`name` must have 1 to 80 characters on one line."))?;
        if scopes.is_empty() {
            return Err(invalid(&format!("`scopes` needs at least one of: {}.", known.join(", "))));
        }
        if let Some(unknown) = scopes.iter().find(|scope| !known.contains(scope)) {
            let shown: String = unknown.chars().take(MAX_NAME_CHARS).collect();
            return Err(invalid(&format!("`{shown}` is no scope. The scopes are: {}.", known.join(", "))));
        }
        if expires_at.is_some_and(|expires_at| expires_at <= now) {
            return Err(invalid("`expires_at` must be in the future."));
        }
        if expires_at.is_some_and(|expires_at| expires_at.year() > MAX_YEAR) {
            return Err(invalid("`expires_at` must be before the year 10000. Leave it out for no end."));
        }
        // The databases keep microseconds.
        let expires_at = expires_at.and_then(|at| DateTime::from_timestamp_micros(at.timestamp_micros()));
        let scopes: BTreeSet<String> = scopes.iter().cloned().collect();
        Ok(Self { name, scopes: scopes.into_iter().collect(), expires_at })
    }

    /// Checks a request for a key of the team, which ends by itself within a year.
    pub(crate) fn parse_for_team(
        name: &str,
        scopes: &[String],
        expires_at: DateTime<Utc>,
        known: &[String],
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        if expires_at > now + MAX_TEAM_KEY_LIFETIME {
            return Err(invalid("`expires_at` must be within a year from now. Make another key before then."));
        }
        Self::parse(name, scopes, Some(expires_at), known, now)
    }

    /// Returns the key that is made by it.
    pub(crate) fn into_key(self, id: Uuid, now: DateTime<Utc>) -> ApiKey {
        let Self { name, scopes, expires_at } = self;
        ApiKey { id, name, scopes, created_at: now, expires_at, last_used_at: None }
    }

    /// Whether a key is what is wanted.
    pub(crate) fn is_for(&self, key: &ApiKey) -> bool {
        (&self.name, &self.scopes, self.expires_at) == (&key.name, &key.scopes, key.expires_at)
    }
}

/// Checks the reason for making or revoking a key of the team: one line of 1–500 characters.
pub(crate) fn parse_key_reason(text: &str) -> Result<String, Error> {
    let reason = display_text::single_line(text).ok().filter(|reason| reason.chars().count() <= MAX_REASON_CHARS);
    reason.ok_or_else(|| invalid("`reason` must have 1 to 500 characters on one line."))
}

/// Returns the scopes for the operations with these tags.
pub(crate) fn operation_scopes(tags: &BTreeSet<String>) -> Vec<String> {
    let usable = tags.iter().filter(|tag| *tag != EXCLUDED_TAG);
    usable.flat_map(|tag| [format!("{tag}:read"), format!("{tag}:write")]).collect()
}

fn invalid(sentence: &str) -> Error {
    Error::InvalidApiKey(sentence.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, scopes: &[&str], expires_in: Option<TimeDelta>) -> Result<ApiKeyRequest, Error> {
        let tags: BTreeSet<String> = ["accounts", "albums", "media"].map(str::to_owned).into();
        let scopes: Vec<String> = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let now = Utc::now();
        ApiKeyRequest::parse(name, &scopes, expires_in.map(|after| now + after), &operation_scopes(&tags), now)
    }

    #[test]
    fn a_key_has_a_name_scopes_and_a_possible_end() {
        let key = parse(" Karaoke ", &["media:write", "albums:read", "media:write"], None).unwrap();
        assert_eq!((key.name.as_str(), key.scopes), ("Karaoke", vec!["albums:read".into(), "media:write".into()]));
        assert!(parse("x", &["media:read"], Some(TimeDelta::hours(1))).is_ok());
        assert!(parse("x", &["media:read"], Some(TimeDelta::zero())).is_err());
        assert!(parse("x", &["media:read"], Some(TimeDelta::days(366 * 8_000))).is_err(), "after the year 9999");
        for name in ["", " ", "a\nb", &"x".repeat(81)] {
            assert!(parse(name, &["media:read"], None).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_key_of_the_team_ends_within_a_year() {
        let (known, now) = (["media:read".to_owned(), "members:act".to_owned()], Utc::now());
        let parse = |after: TimeDelta| ApiKeyRequest::parse_for_team("x", &known, now + after, &known, now);
        let key = parse(TimeDelta::days(366)).unwrap().into_key(Uuid::nil(), now);
        assert_eq!(key.scopes, known);
        assert!(parse(TimeDelta::days(366)).unwrap().is_for(&key) && !parse(TimeDelta::days(1)).unwrap().is_for(&key));
        assert!(parse(TimeDelta::days(367)).is_err() && parse(TimeDelta::zero()).is_err());
        assert_eq!(parse_key_reason(" For the kiosk. ").unwrap(), "For the kiosk.");
        assert!(parse_key_reason(" ").is_err() && parse_key_reason(&"x".repeat(501)).is_err());
    }

    #[test]
    fn no_scope_is_for_the_account_itself() {
        let refused: [&[&str]; 7] =
            [&[], &["accounts:read"], &["accounts:write"], &["media"], &["media:all"], &["*"], &["media:read", ""]];
        for scopes in refused {
            assert!(matches!(parse("x", scopes, None), Err(Error::InvalidApiKey(_))), "{scopes:?}");
        }
    }
}
