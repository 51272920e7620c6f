//! Checks of access tokens in a role, on one core, with and without 100,000 suspended accounts.
//!
//! Measures the verifier of this process, which is the one that every role has. Invariant: both sides check the same
//! tokens, whose signatures were verified before, as those of members who send several requests were; and the list is
//! in use: a suspended account's token is refused.

use std::pin::Pin;
use std::time::{Duration, Instant};

use base::Clock;
use http_server::auth::{
    AccountRule, AccountRules, ApiKeyToken, Denial, EndedSession, FindAccountRules, FindApiKeyToken, FindEndedSessions,
    FindTeamKeyToken, JwkSet, KeySource, MAX_RULES_PER_RESPONSE, SourceError, Verifier,
};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use uuid::Uuid;

use crate::report::{Row, Scenario, median, spread};
use crate::{Bench, Error};

const GOAL: f64 = 40_000.0;
/// "Unchanged" with the list: the rest is the spread of runs on a busy machine.
const MIN_RATIO: f64 = 0.9;
const SUSPENDED: u128 = 100_000;
const TOKENS: u128 = 1_000;
const WINDOW: Duration = Duration::from_secs(2);
const KEY_ID: &str = "bench";
/// The head of an Ed25519 key in PKCS#8, version 1 (RFC 8410, section 7).
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, SourceError>> + Send + 'a>>;

/// The accounts role, as far as a verifier sees it.
struct Accounts {
    key: Jwk,
    suspended: u128,
}

impl KeySource for Accounts {
    fn fetch(&self) -> Answer<'_, Option<JwkSet>> {
        Box::pin(async { Ok(Some(JwkSet { keys: vec![self.key.clone()] })) })
    }

    fn ended_sessions(&self, _: FindEndedSessions) -> Answer<'_, Vec<EndedSession>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn account_rules(&self, query: FindAccountRules) -> Answer<'_, AccountRules> {
        Box::pin(async move {
            let first = query.after.as_u128() + 1;
            let last = self.suspended.min(query.after.as_u128() + MAX_RULES_PER_RESPONSE as u128);
            let rule = |account| AccountRule {
                account: Uuid::from_u128(account),
                changed_us: 1,
                denial: Some(Denial { until: None, reason: "Spam.".into() }),
                min_version: 0,
            };
            Ok(AccountRules { rules: (first..=last).map(rule).collect(), has_more: last < self.suspended })
        })
    }

    fn api_key_token(&self, _: FindApiKeyToken) -> Answer<'_, Option<ApiKeyToken>> {
        Box::pin(async { Ok(None) })
    }

    fn team_key_token(&self, _: FindTeamKeyToken) -> Answer<'_, Option<ApiKeyToken>> {
        Box::pin(async { Ok(None) })
    }
}

/// Returns an access token of the account with this number. Those from 1 to [`SUSPENDED`] are suspended.
fn token(key: &EncodingKey, account: u128, now: i64) -> Result<String, Error> {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(KEY_ID.to_owned());
    let claims = json!({
        "sub": Uuid::from_u128(account),
        "sid": Uuid::from_u128(account),
        "handle": "ada",
        "roles": ["member"],
        "iss": http_server::auth::ISSUER,
        "iat": now,
        "exp": now + 900,
    });
    Ok(jsonwebtoken::encode(&header, &claims, key)?)
}

/// Returns how many checks a second one task does in [`WINDOW`].
async fn checks_per_second(verifier: &Verifier, tokens: &[String]) -> Result<f64, Error> {
    let (started, mut checks) = (Instant::now(), 0_u32);
    while started.elapsed() < WINDOW {
        check_each(verifier, tokens).await?;
        checks += u32::try_from(tokens.len())?;
    }
    Ok(f64::from(checks) / started.elapsed().as_secs_f64())
}

async fn check_each(verifier: &Verifier, tokens: &[String]) -> Result<(), Error> {
    for token in tokens {
        verifier.verify(token).await.map_err(|problem| problem.detail.into_owned())?;
    }
    Ok(())
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    base::tls::install_provider();
    let clock = Clock::system();
    let (key, now) = (EncodingKey::from_ed_der(&[&PKCS8_HEAD[..], &[7_u8; 32][..]].concat()), clock.now().timestamp());
    let tokens =
        (1..=TOKENS).map(|number| token(&key, SUSPENDED + number, now)).collect::<Result<Vec<String>, Error>>()?;
    let suspended = token(&key, SUSPENDED, now)?;
    let mut public = Jwk::from_encoding_key(&key, Algorithm::EdDSA)?;
    public.common.key_id = Some(KEY_ID.to_owned());
    // Returns a verifier that has seen the tokens, and how many of them a second it has verified for the first time.
    let verifier = async |suspended: u128| {
        let verifier = Verifier::new(Accounts { key: public.clone(), suspended }, clock.clone());
        verifier.read_account_rules().await?;
        let started = Instant::now();
        check_each(&verifier, &tokens).await?;
        Ok::<_, Error>((verifier, tokens.len() as f64 / started.elapsed().as_secs_f64()))
    };
    let ((without, first_without), (with, first_with)) = (verifier(0).await?, verifier(SUSPENDED).await?);
    without.verify(&suspended).await.map_err(|problem| problem.detail.into_owned())?;
    let refusal = with.verify(&suspended).await.err().map(|problem| problem.code);
    if refusal.as_deref() != Some("auth.suspended") {
        return Err("a suspended account was not refused".into());
    }
    let (mut plain, mut listed) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs(5) {
        plain.push(checks_per_second(&without, &tokens).await?);
        listed.push(checks_per_second(&with, &tokens).await?);
    }
    let ratios: Vec<f64> = listed.iter().zip(&plain).map(|(listed, plain)| listed / plain).collect();
    let rows = vec![
        Row {
            what: format!("token checks a second on one core, {SUSPENDED} accounts suspended"),
            goal: format!("≥ {GOAL}"),
            measured: format!("{}/s", spread(&listed, 0)),
            beside: format!("{}/s with none suspended", spread(&plain, 0)),
            passes: median(&listed) >= GOAL,
        },
        Row {
            what: "the same, beside those with none suspended".into(),
            goal: format!("≥ {MIN_RATIO} ×"),
            measured: format!("{} ×", spread(&ratios, 2)),
            beside: String::new(),
            passes: median(&ratios) >= MIN_RATIO,
        },
    ];
    let method = vec![
        format!(
            "{TOKENS} tokens whose signatures were verified before, checked in turn by one task for {} s: the cache, \
             the times, the ended sessions and the suspended accounts; median of {} alternating runs. A token of a \
             suspended account was refused.",
            WINDOW.as_secs(),
            plain.len()
        ),
        format!(
            "The first check of a token verifies its signature (Ed25519): {first_without:.0}/s with none suspended, \
             {first_with:.0}/s with the list, once over {TOKENS} tokens."
        ),
    ];
    let runs = json!({
        "without_list": plain,
        "with_list": listed,
        "first_checks_without_list": first_without,
        "first_checks_with_list": first_with,
    });
    Ok(Scenario { place: 12, title: "Access tokens".into(), method, rows, runs })
}
