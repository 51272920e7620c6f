//! Checks of access tokens in a role, on one core, with and without 100,000 suspended accounts.
//!
//! Measures the verifier of this process, which is the one that every role has. Invariant: both sides check the same
//! tokens, whose signatures were verified before, as those of members who send several requests were.

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
/// How much slower checks may be with the list than without: the spread of runs on a busy machine.
const MIN_RATIO: f64 = 0.8;
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

/// Returns access tokens of accounts that are not suspended.
fn tokens(key: &EncodingKey, now: i64) -> Result<Vec<String>, Error> {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(KEY_ID.to_owned());
    let token = |number: u128| {
        let claims = json!({
            "sub": Uuid::from_u128(SUSPENDED + 1 + number),
            "sid": Uuid::from_u128(number),
            "handle": "ada",
            "roles": ["member"],
            "iss": http_server::auth::ISSUER,
            "iat": now,
            "exp": now + 900,
        });
        Ok(jsonwebtoken::encode(&header, &claims, key)?)
    };
    (0..TOKENS).map(token).collect()
}

/// Returns how many checks a second one task does.
async fn checks_per_second(verifier: &Verifier, tokens: &[String]) -> Result<f64, Error> {
    let (started, mut checks) = (Instant::now(), 0_u32);
    while started.elapsed() < WINDOW {
        for token in tokens {
            verifier.verify(token).await.map_err(|problem| problem.detail.into_owned())?;
        }
        checks += u32::try_from(tokens.len())?;
    }
    Ok(f64::from(checks) / started.elapsed().as_secs_f64())
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    base::tls::install_provider();
    let clock = Clock::system();
    let key = EncodingKey::from_ed_der(&[&PKCS8_HEAD[..], &[7_u8; 32][..]].concat());
    let tokens = tokens(&key, clock.now().timestamp())?;
    let mut public = Jwk::from_encoding_key(&key, Algorithm::EdDSA)?;
    public.common.key_id = Some(KEY_ID.to_owned());
    let verifier = async |suspended: u128| {
        let verifier = Verifier::new(Accounts { key: public.clone(), suspended }, clock.clone());
        verifier.read_account_rules().await?;
        for token in &tokens {
            verifier.verify(token).await.map_err(|problem| problem.detail.into_owned())?;
        }
        Ok::<_, Error>(verifier)
    };
    let (without, with) = (verifier(0).await?, verifier(SUSPENDED).await?);
    let (mut plain, mut listed) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs(5) {
        plain.push(checks_per_second(&without, &tokens).await?);
        listed.push(checks_per_second(&with, &tokens).await?);
    }
    let ratio = median(&listed) / median(&plain);
    let rows = vec![Row {
        what: format!("token checks a second on one core, {SUSPENDED} accounts suspended"),
        goal: format!("≥ {GOAL}, and ≥ {MIN_RATIO} × those without a list"),
        measured: format!("{} ({ratio:.2} ×)", spread(&listed, 0)),
        beside: format!("{} without a list", spread(&plain, 0)),
        passes: median(&listed) >= GOAL && ratio >= MIN_RATIO,
    }];
    let method = vec![format!(
        "{TOKENS} tokens whose signatures were verified before, checked in turn by one task for {} s: the cache, the \
         times, the ended sessions and the suspended accounts; median of {} alternating runs.",
        WINDOW.as_secs(),
        plain.len()
    )];
    let runs = json!({ "without_list": plain, "with_list": listed });
    Ok(Scenario { place: 12, title: "Access tokens".into(), method, rows, runs })
}
