//! Accounts whose tokens count no more although they are valid by their times: those that are suspended or banned, and
//! tokens from before a role was revoked.
//!
//! Every process reads the whole list from the accounts role when it starts, and then what has changed. Owns the list
//! in this process; accounts owns who is suspended. Invariant: a list that cannot be read refuses no token, and it has
//! at most [`MAX_ACCOUNTS`] entries of each kind. 100,000 suspended accounts take about seven megabytes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use base::Query;
use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::RwLock;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CLOCK_SKEW_SECONDS, Claims, KEPT};
use crate::problem::{Problem, every_role};

/// The most rules of one response, in the order in which they changed.
pub const MAX_RULES_PER_RESPONSE: usize = 10_000;
/// The most accounts that are remembered as suspended, and the most whose older tokens are refused.
const MAX_ACCOUNTS: usize = 400_000;
/// The most different reasons that are remembered. Past it, a refusal names no reason; signing in still does.
const MAX_REASONS: usize = 10_000;
/// The most responses of one read.
const MAX_RESPONSES: usize = 2 * MAX_ACCOUNTS / MAX_RULES_PER_RESPONSE;
/// Each read reaches so far back before the last one, for transactions that were committed late,
/// and because this clock may be ahead of that of accounts as far as tokens allow it.
const OVERLAP: TimeDelta = TimeDelta::seconds(CLOCK_SKEW_SECONDS + 90);
/// After so long without a response everything is read anew: accounts keeps a rule that was lifted for [`KEPT`] only.
const FULL_READ_AFTER: TimeDelta = TimeDelta::minutes(15);

/// Asks accounts for the rules that changed after another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FindAccountRules {
    /// When that rule changed, in microseconds since 1970.
    pub since_us: i64,
    /// The account of that rule.
    pub after: Uuid,
}

/// The response: rules in the order of their changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRules {
    /// At most [`MAX_RULES_PER_RESPONSE`] rules.
    pub rules: Vec<AccountRule>,
    /// Whether there are rules after the last of these.
    pub has_more: bool,
}

/// Which tokens of an account count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountRule {
    /// The account.
    pub account: Uuid,
    /// When the rule changed, in microseconds since 1970.
    pub changed_us: i64,
    /// Set while all tokens of the account are refused.
    #[serde(default)]
    pub denial: Option<Denial>,
    /// Tokens with an older version are refused: they have a role that was revoked.
    #[serde(default)]
    pub min_version: u64,
}

/// Why and for how long an account is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// When it ends, in seconds since 1970; `None` for no end.
    pub until: Option<i64>,
    /// The reason, for the member.
    pub reason: String,
}

impl Query for FindAccountRules {
    const ROLE: &'static str = "accounts";
    const PATH: &'static str = "/internal/account-rules/{since_us}/{after}";
    type Response = AccountRules;

    fn path(&self) -> String {
        format!("/internal/account-rules/{}/{}", self.since_us, self.after)
    }
}

/// Returns the problem of a member whose account is suspended or banned. It names the reason and the end.
pub fn suspended(reason: &str, until: Option<DateTime<Utc>>) -> Problem {
    let end = until.map_or_else(
        || "until further notice".to_owned(),
        |until| until.format("until %Y-%m-%d %H:%M UTC").to_string(),
    );
    let reason = if reason.is_empty() { String::new() } else { format!(" The reason: {reason}") };
    Problem::of(every_role::AUTH_SUSPENDED, format!("This account is suspended {end}.{reason}"))
}

/// The rules of this process.
#[derive(Debug, Default)]
pub(super) struct TokenRules {
    list: RwLock<List>,
}

#[derive(Debug, Default)]
struct List {
    denied: HashMap<Uuid, DeniedAccount>,
    outdated: HashMap<Uuid, OutdatedTokens>,
    /// The different reasons. Many accounts share one.
    reasons: HashSet<Arc<str>>,
    /// When the last read began.
    read_at: Option<DateTime<Utc>>,
}

/// An account whose tokens are all refused.
#[derive(Debug)]
struct DeniedAccount {
    until: Option<i64>,
    reason: Option<Arc<str>>,
}

/// An account whose older tokens are refused.
#[derive(Debug, Clone, Copy)]
struct OutdatedTokens {
    min_version: u64,
    changed_us: i64,
}

/// A read of the rules, response by response.
pub(super) struct RulesRead<'a> {
    rules: &'a TokenRules,
    /// The list that takes the place of the old one, if everything is read.
    anew: Option<List>,
    /// What is asked next; `None` once everything was read.
    next: Option<FindAccountRules>,
    began_at: DateTime<Utc>,
    responses: usize,
}

impl TokenRules {
    /// Refuses a token whose account is suspended, unless it is for appeals only, and one that is older than the
    /// account's roles.
    pub fn check(&self, claims: &Claims, now: DateTime<Utc>) -> Result<(), Problem> {
        let list = self.list.read();
        if !claims.are_for_appeals()
            && let Some(denied) = list.denied.get(&claims.sub)
            && denied.until.is_none_or(|until| until > now.timestamp())
        {
            let until = denied.until.and_then(|until| DateTime::from_timestamp(until, 0));
            return Err(suspended(denied.reason.as_deref().unwrap_or_default(), until));
        }
        if list.outdated.get(&claims.sub).is_some_and(|tokens| claims.version < tokens.min_version) {
            return Err(Problem::of(
                every_role::AUTH_EXPIRED,
                "Your roles have changed since this access token. Get a new one from /v1/sessions/refresh.",
            ));
        }
        Ok(())
    }

    /// Returns how many accounts are refused.
    pub fn denied_count(&self) -> usize {
        self.list.read().denied.len()
    }

    /// Begins a read: of what has changed, or of everything if that may be too little.
    pub fn begin_read(&self, now: DateTime<Utc>) -> RulesRead<'_> {
        let read_at = self.list.read().read_at.filter(|read_at| now - *read_at < FULL_READ_AFTER);
        let since_us = read_at.map_or(0, |read_at| (read_at - OVERLAP).timestamp_micros());
        RulesRead {
            rules: self,
            anew: read_at.is_none().then(List::default),
            next: Some(FindAccountRules { since_us, after: Uuid::nil() }),
            began_at: now,
            responses: 0,
        }
    }
}

impl RulesRead<'_> {
    /// Returns what to ask next; `None` once everything was read.
    pub fn query(&self) -> Option<FindAccountRules> {
        self.next
    }

    /// Applies a response. What is read anew takes the place of the old list with the last response.
    pub fn add(&mut self, response: &AccountRules) {
        self.responses += 1;
        match &mut self.anew {
            Some(list) => list.apply(&response.rules),
            None => self.rules.list.write().apply(&response.rules),
        }
        let last = response.rules.last().filter(|_| response.has_more && self.responses < MAX_RESPONSES);
        self.next = last.map(|rule| FindAccountRules { since_us: rule.changed_us, after: rule.account });
        if self.next.is_none() {
            let mut list = self.rules.list.write();
            if let Some(anew) = self.anew.take() {
                *list = anew;
            }
            list.forget_expired_tokens(self.began_at);
            list.read_at = Some(self.began_at);
        }
    }
}

impl List {
    fn apply(&mut self, rules: &[AccountRule]) {
        if self.reasons.len() >= MAX_REASONS {
            self.reasons.retain(|reason| Arc::strong_count(reason) > 1);
        }
        for rule in rules {
            match &rule.denial {
                None => drop(self.denied.remove(&rule.account)),
                Some(denial) if self.denied.len() < MAX_ACCOUNTS || self.denied.contains_key(&rule.account) => {
                    let reason = self.shared_reason(&denial.reason);
                    self.denied.insert(rule.account, DeniedAccount { until: denial.until, reason });
                }
                Some(_) => {}
            }
            let has_room = self.outdated.len() < MAX_ACCOUNTS || self.outdated.contains_key(&rule.account);
            if rule.min_version > 0 && has_room {
                let tokens = OutdatedTokens { min_version: rule.min_version, changed_us: rule.changed_us };
                self.outdated.insert(rule.account, tokens);
            }
        }
    }

    /// Returns the reason as it is shared by all accounts that have it.
    fn shared_reason(&mut self, reason: &str) -> Option<Arc<str>> {
        if let Some(shared) = self.reasons.get(reason) {
            return Some(shared.clone());
        }
        let shared: Arc<str> = reason.into();
        (self.reasons.len() < MAX_REASONS && self.reasons.insert(shared.clone())).then_some(shared)
    }

    /// Forgets older tokens that have ended by their times.
    fn forget_expired_tokens(&mut self, now: DateTime<Utc>) {
        let oldest = (now - KEPT).timestamp_micros();
        self.outdated.retain(|_, tokens| tokens.changed_us >= oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(account: u128, version: u64) -> Claims {
        Claims {
            sub: Uuid::from_u128(account),
            sid: Uuid::nil(),
            handle: "ada".into(),
            roles: Vec::new(),
            confirmed: true,
            version,
            scope: Vec::new(),
            iss: super::super::ISSUER.into(),
            iat: 0,
            exp: 0,
            amr: Vec::new(),
            auth_time: 0,
            operators: false,
        }
    }

    fn rule(account: u128, denial: Option<Denial>, min_version: u64, at: DateTime<Utc>) -> AccountRule {
        AccountRule { account: Uuid::from_u128(account), changed_us: at.timestamp_micros(), denial, min_version }
    }

    fn denial(until: Option<DateTime<Utc>>) -> Denial {
        Denial { until: until.map(|until| until.timestamp()), reason: "Spam.".into() }
    }

    fn read(rules: &TokenRules, changed: Vec<AccountRule>, now: DateTime<Utc>) {
        rules.begin_read(now).add(&AccountRules { rules: changed, has_more: false });
    }

    #[test]
    fn a_suspended_account_is_refused_with_reason_and_end_until_it_is_lifted_or_ends() {
        let (rules, now) = (TokenRules::default(), Utc::now());
        let end = now + TimeDelta::hours(1);
        read(&rules, vec![rule(1, Some(denial(Some(end))), 0, now), rule(2, Some(denial(None)), 0, now)], now);
        let refused = rules.check(&claims(1, 0), now).unwrap_err();
        assert_eq!((refused.status.as_u16(), &*refused.code), (403, "auth.suspended"));
        assert!(refused.detail.contains("Spam.") && refused.detail.contains(&end.format("%H:%M UTC").to_string()));
        assert!(rules.check(&claims(2, 0), now).unwrap_err().detail.contains("until further notice"));
        assert!(rules.check(&claims(3, 0), now).is_ok());
        let for_appeals = Claims { scope: vec![super::super::APPEALS_SCOPE.into()], ..claims(2, 0) };
        assert!(rules.check(&for_appeals, now).is_ok());
        let with_a_key = Claims { scope: vec!["media:read".into()], ..claims(2, 0) };
        assert!(rules.check(&with_a_key, now).is_err());
        assert!(rules.check(&claims(1, 0), end).is_ok(), "it ends by itself");
        read(&rules, vec![rule(2, None, 0, now)], now);
        assert!(rules.check(&claims(2, 0), now).is_ok(), "it was lifted");
        assert_eq!(rules.denied_count(), 1);
    }

    #[test]
    fn tokens_from_before_a_role_was_revoked_are_refused_until_they_have_ended() {
        let (rules, now) = (TokenRules::default(), Utc::now());
        read(&rules, vec![rule(1, None, 3, now)], now);
        assert_eq!(rules.check(&claims(1, 2), now).unwrap_err().code, "auth.expired");
        assert!(rules.check(&claims(1, 3), now).is_ok() && rules.check(&claims(2, 0), now).is_ok());
        read(&rules, Vec::new(), now + TimeDelta::minutes(10));
        assert!(rules.check(&claims(1, 2), now).is_err());
        read(&rules, Vec::new(), now + KEPT + TimeDelta::seconds(1));
        assert!(rules.list.read().outdated.is_empty());
    }

    #[test]
    fn changes_are_asked_for_with_an_overlap_and_everything_after_a_long_silence() {
        let (rules, now) = (TokenRules::default(), Utc::now());
        let since = |at| rules.begin_read(at).query().unwrap().since_us;
        assert_eq!(since(now), 0);
        read(&rules, vec![rule(1, Some(denial(None)), 0, now)], now);
        assert_eq!(since(now + TimeDelta::seconds(5)), (now - OVERLAP).timestamp_micros());
        assert_eq!(since(now + FULL_READ_AFTER), 0);
        // What is not in the whole list was lifted meanwhile. Until the whole list is read, the old one counts.
        let mut reading = rules.begin_read(now + FULL_READ_AFTER);
        reading.add(&AccountRules { rules: vec![rule(2, Some(denial(None)), 0, now)], has_more: true });
        let next = FindAccountRules { since_us: now.timestamp_micros(), after: Uuid::from_u128(2) };
        assert_eq!(reading.query(), Some(next));
        assert!(rules.check(&claims(1, 0), now).is_err() && rules.check(&claims(2, 0), now).is_ok());
        reading.add(&AccountRules::default());
        assert_eq!(reading.query(), None);
        assert!(rules.check(&claims(1, 0), now).is_ok() && rules.check(&claims(2, 0), now).is_err());
        let filled = FindAccountRules::PATH.replace("{since_us}", "7").replace("{after}", &Uuid::nil().to_string());
        assert_eq!(FindAccountRules { since_us: 7, after: Uuid::nil() }.path(), filled);
    }

    #[test]
    fn a_clock_that_is_ahead_as_far_as_tokens_allow_misses_no_rule() {
        let (rules, now) = (TokenRules::default(), Utc::now());
        let ahead = now + TimeDelta::seconds(CLOCK_SKEW_SECONDS);
        read(&rules, Vec::new(), ahead);
        let next = rules.begin_read(ahead + TimeDelta::seconds(5)).query().unwrap();
        assert!(next.since_us <= now.timestamp_micros());
    }

    #[test]
    fn the_list_and_its_reasons_are_bounded() {
        let (rules, now) = (TokenRules::default(), Utc::now());
        let mut reading = rules.begin_read(now);
        for start in (0..MAX_ACCOUNTS as u128 + 10).step_by(MAX_RULES_PER_RESPONSE) {
            let page = (start..start + MAX_RULES_PER_RESPONSE as u128).map(|account| {
                let reason = format!("reason {}", account % (2 * MAX_REASONS as u128));
                rule(account, Some(Denial { until: None, reason }), 1, now)
            });
            reading.add(&AccountRules { rules: page.collect(), has_more: true });
        }
        reading.add(&AccountRules::default());
        let list = rules.list.read();
        assert_eq!((list.denied.len(), list.outdated.len()), (MAX_ACCOUNTS, MAX_ACCOUNTS));
        assert_eq!(list.reasons.len(), MAX_REASONS);
        drop(list);
        // Room is made by those that are lifted.
        read(&rules, vec![rule(1, None, 0, now), rule(u128::MAX, Some(denial(None)), 0, now)], now);
        assert!(rules.check(&claims(u128::MAX, 1), now).is_err());
        // An account that is known already needs none.
        read(&rules, vec![rule(1, None, 2, now)], now);
        assert_eq!(rules.check(&claims(1, 1), now).unwrap_err().code, "auth.expired");
    }
}
