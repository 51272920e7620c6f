//! Tokens that are valid by their times and count no more: the lists that every process keeps of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ::http::{HeaderMap, header};
use axum::extract::FromRequestParts;
use base::{Clock, Query as _};
use chrono::TimeDelta;
use futures::future::BoxFuture;
use http_server::auth::{
    AccountRule, AccountRules, ApiKeyToken, Denial, EndedSession, FindAccountRules, FindApiKeyToken, FindEndedSessions,
    FindTeamKeyToken, JwkSet, KeySource, MAX_RULES_PER_RESPONSE, Member, ON_BEHALF_OF, SourceError, Verifier,
    hash_api_key,
};
use parking_lot::Mutex;
use serde_json::json;
use uuid::Uuid;

use super::tokens::{header as token_header, key, public, token};

/// The accounts role, as far as a verifier sees it.
#[derive(Default)]
struct FakeAccounts {
    /// In the order of their changes.
    rules: Mutex<Vec<AccountRule>>,
    requests: AtomicUsize,
    is_away: AtomicBool,
    /// The hash and the token of a key.
    api_key: Mutex<Option<(String, String)>>,
    /// The tokens of keys of the team, by the path of the query.
    team_tokens: Mutex<HashMap<String, String>>,
}

#[derive(Clone, Default)]
struct Source(Arc<FakeAccounts>);

impl KeySource for Source {
    fn fetch(&self) -> BoxFuture<'_, Result<Option<JwkSet>, SourceError>> {
        Box::pin(async { Ok(Some(JwkSet { keys: vec![public(&key(7))] })) })
    }

    fn ended_sessions(&self, _: FindEndedSessions) -> BoxFuture<'_, Result<Vec<EndedSession>, SourceError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn account_rules(&self, query: FindAccountRules) -> BoxFuture<'_, Result<AccountRules, SourceError>> {
        Box::pin(async move {
            self.0.requests.fetch_add(1, Ordering::SeqCst);
            if self.0.is_away.load(Ordering::SeqCst) {
                return Err("accounts does not respond".into());
            }
            let rules = self.0.rules.lock();
            let mut page: Vec<AccountRule> = rules
                .iter()
                .filter(|rule| (rule.changed_us, rule.account) > (query.since_us, query.after))
                .take(MAX_RULES_PER_RESPONSE + 1)
                .cloned()
                .collect();
            let has_more = page.len() > MAX_RULES_PER_RESPONSE;
            page.truncate(MAX_RULES_PER_RESPONSE);
            Ok(AccountRules { rules: page, has_more })
        })
    }

    fn api_key_token(&self, query: FindApiKeyToken) -> BoxFuture<'_, Result<Option<ApiKeyToken>, SourceError>> {
        Box::pin(async move {
            self.0.requests.fetch_add(1, Ordering::SeqCst);
            if self.0.is_away.load(Ordering::SeqCst) {
                return Err("accounts does not respond".into());
            }
            let key = self.0.api_key.lock().clone().filter(|(hash, _)| *hash == query.hash);
            Ok(key.map(|(_, access_token)| ApiKeyToken { access_token }))
        })
    }

    fn team_key_token(&self, query: FindTeamKeyToken) -> BoxFuture<'_, Result<Option<ApiKeyToken>, SourceError>> {
        Box::pin(async move {
            self.0.requests.fetch_add(1, Ordering::SeqCst);
            let token = self.0.team_tokens.lock().get(&query.path()).cloned();
            Ok(token.map(|access_token| ApiKeyToken { access_token }))
        })
    }
}

struct Fixture {
    clock: Clock,
    accounts: Source,
    verifier: Verifier,
}

impl Fixture {
    fn new() -> Self {
        base::tls::install_provider();
        let (clock, accounts) = (Clock::fixed(chrono::Utc::now()), Source::default());
        Self { verifier: Verifier::new(accounts.clone(), clock.clone()), clock, accounts }
    }

    /// Changes the rule of an account.
    fn change(&self, account: u128, denial: Option<Denial>, min_version: u64) {
        let (account, changed_us) = (Uuid::from_u128(account), self.clock.now().timestamp_micros());
        let mut rules = self.accounts.0.rules.lock();
        rules.retain(|rule| rule.account != account);
        rules.push(AccountRule { account, changed_us, denial, min_version });
    }

    /// Returns `ok`, or the code of the refusal of a token.
    async fn verify(&self, account: u128, version: u64) -> String {
        let now = self.clock.now().timestamp();
        let claims = json!({"sub": Uuid::from_u128(account), "sid": Uuid::from_u128(2), "handle": "ada",
            "roles": ["member"], "version": version, "iss": "tutti", "iat": now, "exp": now + 900});
        let token = token(&token_header(&json!({})), &claims, &key(7));
        self.verifier.verify(&token).await.map_or_else(|problem| problem.code.into_owned(), |_| "ok".to_owned())
    }
}

fn denial() -> Denial {
    Denial { until: None, reason: "Spam.".into() }
}

#[tokio::test]
async fn a_suspended_member_is_refused_until_the_suspension_is_lifted() {
    let fixture = Fixture::new();
    fixture.verifier.read_account_rules().await.unwrap();
    assert_eq!(fixture.verify(1, 0).await, "ok");
    fixture.change(1, Some(denial()), 0);
    assert_eq!(fixture.verify(1, 0).await, "ok", "nothing is asked for each token");
    fixture.verifier.read_account_rules().await.unwrap();
    assert_eq!(fixture.verify(1, 0).await, "auth.suspended");
    assert_eq!(fixture.verify(2, 0).await, "ok");
    fixture.clock.advance(TimeDelta::seconds(5));
    fixture.change(1, None, 0);
    fixture.verifier.read_account_rules().await.unwrap();
    assert_eq!(fixture.verify(1, 0).await, "ok");
}

#[tokio::test]
async fn a_token_from_before_a_role_was_revoked_is_refused_and_its_successor_is_not() {
    let fixture = Fixture::new();
    fixture.change(1, None, 4);
    fixture.verifier.read_account_rules().await.unwrap();
    assert_eq!(fixture.verify(1, 3).await, "auth.expired");
    assert_eq!(fixture.verify(1, 4).await, "ok");
}

#[tokio::test]
async fn a_list_that_cannot_be_read_refuses_no_other_token_and_is_read_later() {
    let fixture = Fixture::new();
    fixture.change(1, Some(denial()), 0);
    fixture.accounts.0.is_away.store(true, Ordering::SeqCst);
    assert!(fixture.verifier.read_account_rules().await.is_err());
    assert_eq!(fixture.verify(1, 0).await, "ok");
    fixture.accounts.0.is_away.store(false, Ordering::SeqCst);
    fixture.verifier.read_account_rules().await.unwrap();
    assert_eq!(fixture.verify(1, 0).await, "auth.suspended");
    // What was read counts on while accounts does not respond.
    fixture.accounts.0.is_away.store(true, Ordering::SeqCst);
    assert!(fixture.verifier.read_account_rules().await.is_err());
    assert_eq!(fixture.verify(1, 0).await, "auth.suspended");
}

#[tokio::test]
async fn a_hundred_thousand_suspended_accounts_are_read_page_by_page_and_refused() {
    const COUNT: u128 = 100_000;
    let fixture = Fixture::new();
    let changed_us = (fixture.clock.now() - TimeDelta::days(1)).timestamp_micros();
    let rule =
        |account| AccountRule { account: Uuid::from_u128(account), changed_us, denial: Some(denial()), min_version: 0 };
    *fixture.accounts.0.rules.lock() = (1..=COUNT).map(rule).collect();
    fixture.verifier.read_account_rules().await.unwrap();
    assert_eq!(fixture.accounts.0.requests.swap(0, Ordering::SeqCst), 10);
    for account in [1, 2, COUNT / 2, COUNT] {
        assert_eq!(fixture.verify(account, 0).await, "auth.suspended", "{account}");
    }
    assert_eq!(fixture.verify(COUNT + 1, 0).await, "ok");
    // From then on, only what has changed is read.
    fixture.verifier.read_account_rules().await.unwrap();
    assert_eq!(fixture.accounts.0.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_api_key_is_exchanged_once_and_an_unknown_one_is_refused() {
    const KEY: &str = "tutti_0123456789012345678901234567890123456789012";
    let fixture = Fixture::new();
    *fixture.accounts.0.api_key.lock() = Some((hash_api_key(KEY), "a.token".into()));
    let exchange = async |value: &str| {
        let mut headers = HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())]);
        let result = fixture.verifier.exchange_api_key(&mut headers).await.map_err(|problem| problem.code);
        result.map(|()| headers[header::AUTHORIZATION].clone())
    };
    for _ in 0..3 {
        assert_eq!(exchange(&format!("Bearer {KEY}")).await.unwrap(), "Bearer a.token");
    }
    assert_eq!(fixture.accounts.0.requests.swap(0, Ordering::SeqCst), 1);
    // What is no key stays as it is.
    for other in ["Bearer a.b.c", "Basic tutti_x", "nonsense"] {
        assert_eq!(exchange(other).await.unwrap(), other);
    }
    assert_eq!(exchange(&format!("Bearer tutti_{}", "x".repeat(1000))).await.unwrap_err(), "auth.invalid_token");
    assert_eq!(fixture.accounts.0.requests.load(Ordering::SeqCst), 0, "accounts was not asked");
    assert_eq!(exchange("Bearer tutti_unknown").await.unwrap_err(), "auth.invalid_token");
    fixture.accounts.0.is_away.store(true, Ordering::SeqCst);
    assert_eq!(exchange("Bearer tutti_another").await.unwrap_err(), "server.unavailable");
    let mut headers = HeaderMap::from_iter([(header::AUTHORIZATION, format!("Bearer {KEY}").parse().unwrap())]);
    assert!(fixture.verifier.has_verified(&headers));
    headers.insert(header::AUTHORIZATION, "Bearer tutti_unknown".parse().unwrap());
    assert!(!fixture.verifier.has_verified(&headers));
}

/// Sends a key, perhaps on behalf of a member. Returns what is left of `Authorization`, or the code of the refusal.
async fn exchange_team_key(fixture: &Fixture, key: &str, member: Option<&str>) -> Result<Option<String>, String> {
    let mut headers = HeaderMap::from_iter([(header::AUTHORIZATION, format!("Bearer {key}").parse().unwrap())]);
    if let Some(member) = member {
        headers.insert(ON_BEHALF_OF, member.parse().unwrap());
    }
    let result = fixture.verifier.exchange_team_key(&mut headers).await;
    assert!(!headers.contains_key(ON_BEHALF_OF), "no role reads it");
    result.map_err(|problem| problem.code.into_owned())?;
    Ok(headers.get(header::AUTHORIZATION).map(|value| value.to_str().unwrap().to_owned()))
}

#[tokio::test]
async fn a_key_of_the_team_leaves_no_token_but_that_of_the_member_for_whom_it_acts() {
    const READER: &str = "tutti-team_0000000000000000000000000000000000000000000";
    const ACTOR: &str = "tutti-team_1111111111111111111111111111111111111111111";
    let fixture = Fixture::new();
    let now = fixture.clock.now().timestamp();
    let put = |key: &str, member: Option<&str>, token: &str| {
        let query = FindTeamKeyToken { hash: hash_api_key(key), member: member.map(str::to_owned) };
        fixture.accounts.0.team_tokens.lock().insert(query.path(), token.to_owned());
    };
    let of_team = |scope: &[&str]| {
        let claims = json!({"sub": Uuid::from_u128(1), "sid": Uuid::from_u128(1), "handle": "team", "roles": ["team"],
            "scope": scope, "iss": "tutti", "iat": now, "exp": now + 120});
        token(&token_header(&json!({})), &claims, &key(7))
    };
    put(READER, None, &of_team(&["media:read"]));
    put(ACTOR, None, &of_team(&["media:write", "members:act"]));
    put(ACTOR, Some("ada"), "a.members.token");
    assert_eq!(exchange_team_key(&fixture, READER, None).await, Ok(None));
    assert_eq!(exchange_team_key(&fixture, ACTOR, Some("Ada")).await, Ok(Some("Bearer a.members.token".into())));
    let asked = fixture.accounts.0.requests.load(Ordering::SeqCst);
    for (key, member, code) in [
        (READER, Some("ada"), "auth.on_behalf_of"),
        (ACTOR, Some("../ada"), "auth.on_behalf_of"),
        ("a.b.c", Some("ada"), "auth.on_behalf_of"),
    ] {
        assert_eq!(exchange_team_key(&fixture, key, member).await, Err(code.to_owned()), "{key} {member:?}");
    }
    assert_eq!(fixture.accounts.0.requests.load(Ordering::SeqCst), asked, "accounts was not asked");
    assert_eq!(exchange_team_key(&fixture, ACTOR, Some("bob")).await, Err("auth.on_behalf_of".to_owned()));
    assert_eq!(exchange_team_key(&fixture, "tutti-team_x", None).await, Err("auth.invalid_token".to_owned()));
    assert_eq!(exchange_team_key(&fixture, "a.b.c", None).await, Ok(Some("Bearer a.b.c".into())));
    let mut twice = HeaderMap::from_iter([(header::AUTHORIZATION, format!("Bearer {ACTOR}").parse().unwrap())]);
    for member in ["ada", "bob"] {
        twice.append(ON_BEHALF_OF, member.parse().unwrap());
    }
    let refused = fixture.verifier.exchange_team_key(&mut twice).await.unwrap_err();
    assert_eq!(refused.code, "auth.on_behalf_of");
    // If its token reached a role, the role would take it for nobody's.
    let request =
        ::http::Request::get("/").header(header::AUTHORIZATION, format!("Bearer {}", of_team(&["media:read"])));
    let (mut parts, ()) = request.extension(fixture.verifier.clone()).body(()).unwrap().into_parts();
    let refused = <Member as FromRequestParts<()>>::from_request_parts(&mut parts, &()).await.unwrap_err();
    assert_eq!(refused.code, "auth.scope");
}
