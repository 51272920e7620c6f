//! Requests of other roles. The public listener does not route to them.
//!
//! Invariant: the responses have ids of sessions that have ended and of accounts whose tokens are refused, and why; of
//! an account that is asked for by name, what every member may see, and its standing; to mail a member who has
//! confirmed an address, that address, the language and the zone; nothing else of an account. An access token is
//! returned for the hash of an API key only. Which flags are off is no secret.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use base::Query as _;
use chrono::DateTime;
use contract::AccountId;
use contract::accounts::{FindAccounts, FindMailboxes, FoundAccount, MAX_ACCOUNTS_PER_QUERY, Mailbox};
use http_server::auth::{
    AccountRules, ApiKeyToken, EndedSession, FindAccountRules, FindApiKeyToken, FindEndedSessions, FindTeamKeyToken,
    KEPT, MAX_RULES_PER_RESPONSE, MAX_SESSIONS_PER_RESPONSE, NO_MEMBER,
};
use http_server::{Json, Path};
use service::{FindFlags, FlagsState};
use uuid::Uuid;

use crate::commands;
use crate::error::Error;
use crate::queries;
use crate::state::Accounts;
use crate::store;

pub(super) fn router() -> Router<Accounts> {
    Router::new()
        .route(FindEndedSessions::PATH, get(ended_sessions))
        .route(FindAccountRules::PATH, get(account_rules))
        .route(FindApiKeyToken::PATH, get(api_key_token))
        .route(FindAccounts::PATH, get(found_accounts))
        .route(FindMailboxes::PATH, get(mailboxes))
        .route(FindFlags::PATH, get(flags))
        .route(FindTeamKeyToken::PATH, get(team_key_token))
}

async fn ended_sessions(
    State(accounts): State<Accounts>,
    Path(since): Path<i64>,
) -> Result<Json<Vec<EndedSession>>, Error> {
    let oldest = accounts.context.clock.now() - KEPT;
    let since = DateTime::from_timestamp(since, 0).map_or(oldest, |since| since.max(oldest));
    Ok(Json(store::ended_sessions::list(accounts.context.db.read(), since, MAX_SESSIONS_PER_RESPONSE).await?))
}

async fn account_rules(
    State(accounts): State<Accounts>,
    Path((since_us, after)): Path<(i64, Uuid)>,
) -> Result<Json<AccountRules>, Error> {
    let (sql, since) = (accounts.context.db.read(), DateTime::from_timestamp_micros(since_us).unwrap_or_default());
    let mut rules = store::account_rules::list(sql, since, after, MAX_RULES_PER_RESPONSE + 1).await?;
    let has_more = rules.len() > MAX_RULES_PER_RESPONSE;
    rules.truncate(MAX_RULES_PER_RESPONSE);
    Ok(Json(AccountRules { rules, has_more }))
}

async fn api_key_token(State(accounts): State<Accounts>, Path(hash): Path<String>) -> Result<Json<ApiKeyToken>, Error> {
    Ok(Json(ApiKeyToken { access_token: commands::use_api_key(&accounts, &hash).await? }))
}

async fn flags(State(accounts): State<Accounts>) -> Result<Json<FlagsState>, Error> {
    Ok(Json(queries::flags_state(&accounts).await?))
}

async fn team_key_token(
    State(accounts): State<Accounts>,
    Path((hash, member)): Path<(String, String)>,
) -> Result<Json<ApiKeyToken>, Error> {
    let member = match member.as_str() {
        NO_MEMBER => None,
        name => Some(queries::account_by_handle_or_id(&accounts, name).await?),
    };
    Ok(Json(ApiKeyToken { access_token: commands::use_team_key(&accounts, &hash, member.as_ref()).await? }))
}

async fn found_accounts(
    State(accounts): State<Accounts>,
    Path(names): Path<String>,
) -> Result<Json<Vec<FoundAccount>>, Error> {
    let mut found = Vec::new();
    for name in names.split(',').take(MAX_ACCOUNTS_PER_QUERY) {
        match queries::found_account(&accounts, name).await {
            Ok(account) => found.push(account),
            Err(Error::NoSuchAccount) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Json(found))
}

async fn mailboxes(State(accounts): State<Accounts>, Path(ids): Path<String>) -> Result<Json<Vec<Mailbox>>, Error> {
    let mut found = Vec::new();
    for id in ids.split(',').filter_map(|id| Uuid::parse_str(id).ok()).take(MAX_ACCOUNTS_PER_QUERY) {
        found.extend(queries::mailbox(&accounts, AccountId(id)).await?);
    }
    Ok(Json(found))
}
