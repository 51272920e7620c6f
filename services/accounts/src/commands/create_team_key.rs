//! Making an API key of the team.
//!
//! Invariant: the team has at most [`MAX_TEAM_KEYS`] keys, the secret is in the response only, and a key and its entry
//! in the audit trail are one transaction, in which the member who makes it is an operator.

use db::Lane;
use http_server::auth::{TEAM_KEY_PREFIX, hash_api_key};
use http_server::operators::{Act, Actor};
use serde_json::{Value, json};

use super::acting_account::acting_roles;
use super::record_act::{AUDIT_LANE, append};
use crate::api_key_secrets::{REPEAT_WINDOW, repeat, secret};
use crate::error::Error;
use crate::model::{ApiKey, ApiKeyRequest, CurrentSession, MAX_TEAM_KEYS, Role, TeamKey};
use crate::recent_proof::require_recent_proof;
use crate::state::Accounts;
use crate::store;
use crate::store::api_keys::NewKey;

/// Makes a key of the team. Returns it and its secret. Needs a recent proof. A repeated request with the same
/// `Idempotency-Key` within a day returns the key that the first one made.
pub(crate) async fn create_team_key(
    accounts: &Accounts,
    current: &CurrentSession,
    actor: Actor,
    request: ApiKeyRequest,
    reason: &str,
    request_key: Option<Vec<u8>>,
) -> Result<(TeamKey, String), Error> {
    require_recent_proof(accounts, current).await?;
    let (by, now) = (current.account.id, accounts.context.clock.now());
    let id = accounts.context.random.uuid_v7(now);
    let drawn = secret(accounts, TEAM_KEY_PREFIX, id, request_key.as_deref());
    let key = request.clone().into_key(id, now);
    let new = NewKey { key: key.clone(), hash: hash_api_key(&drawn), request_key: request_key.clone() };
    let act = Act::new(actor, "accounts.team_key_created", now)
        .on("team_key", id)
        .change(Value::Null, shown(&key))
        .because(reason);
    let earlier = accounts
        .context
        .db
        .write(Lane::of(&by).and(AUDIT_LANE), async move |tx| {
            if !acting_roles(tx, by, now).await?.has(Role::Operator) {
                return Err(Error::BeyondRole("This needs the role operator."));
            }
            if let Some(request_key) = &new.request_key
                && let Some(earlier) = store::team_keys::find_made(tx, by, request_key, now - REPEAT_WINDOW).await?
            {
                return Ok(Some(earlier));
            }
            if store::team_keys::list(tx, MAX_TEAM_KEYS).await?.len() >= MAX_TEAM_KEYS {
                return Err(Error::TooManyTeamKeys);
            }
            store::team_keys::insert(tx, by, &new).await?;
            append(tx, act).await?;
            Ok::<_, Error>(None)
        })
        .await?;
    let (key, secret) = match earlier {
        Some(earlier) => {
            repeat(accounts, TEAM_KEY_PREFIX, earlier, &request, request_key.as_deref().unwrap_or_default())?
        }
        None => (key, drawn),
    };
    Ok((TeamKey { key, created_by: Some(by) }, secret))
}

/// Returns what the audit trail has of a key.
pub(super) fn shown(key: &ApiKey) -> Value {
    json!({ "name": key.name, "scopes": key.scopes, "expires_at": key.expires_at })
}
