//! The keys of access tokens and the lists of those that count no more, as the accounts role has them.
//!
//! Invariant: all come from the accounts role alone.

use futures::future::BoxFuture;
use http_server::auth::{
    AccountRules, ApiKeyToken, EndedSession, FindAccountRules, FindApiKeyToken, FindEndedSessions, FindTeamKeyToken,
    JWKS_PATH, JwkSet, KeySource, SourceError,
};
use peer::Peers;

/// The role that signs access tokens.
const SIGNER: &str = "accounts";

/// Fetches all of them from the accounts role.
#[derive(Debug)]
pub struct AccountsKeys(pub Peers);

impl KeySource for AccountsKeys {
    fn fetch(&self) -> BoxFuture<'_, Result<Option<JwkSet>, SourceError>> {
        Box::pin(async { Ok(self.0.get_json::<JwkSet>(SIGNER, JWKS_PATH).await?) })
    }

    fn ended_sessions(&self, query: FindEndedSessions) -> BoxFuture<'_, Result<Vec<EndedSession>, SourceError>> {
        Box::pin(async move { Ok(self.0.ask(&query).await?.unwrap_or_default()) })
    }

    fn account_rules(&self, query: FindAccountRules) -> BoxFuture<'_, Result<AccountRules, SourceError>> {
        Box::pin(async move { Ok(self.0.ask(&query).await?.unwrap_or_default()) })
    }

    fn api_key_token(&self, query: FindApiKeyToken) -> BoxFuture<'_, Result<Option<ApiKeyToken>, SourceError>> {
        Box::pin(async move { Ok(self.0.ask(&query).await?) })
    }

    fn team_key_token(&self, query: FindTeamKeyToken) -> BoxFuture<'_, Result<Option<ApiKeyToken>, SourceError>> {
        Box::pin(async move { Ok(self.0.ask(&query).await?) })
    }
}
