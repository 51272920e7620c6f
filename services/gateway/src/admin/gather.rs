//! Asks every role for what it has of something, for one list of all.
//!
//! Invariant: a role that does not respond is named, and hides nothing of the others.

use futures::future::join_all;
use http::HeaderValue;
use serde::de::DeserializeOwned;
use service::Context;

/// The roles that have no database: the gateway and this one.
const WITHOUT_DATABASE: [&str; 2] = ["gateway", super::NAME];

/// What the roles have.
pub(super) struct Gathered<T> {
    /// What each role has, in the order of the table of roles.
    pub found: Vec<(&'static str, Vec<T>)>,
    /// The roles that did not respond.
    pub degraded: Vec<String>,
}

/// Returns the roles that have a database, wherever they run.
pub(super) fn roles(context: &Context) -> impl Iterator<Item = &'static str> {
    context.roles.iter().map(|interface| interface.role).filter(|role| !WITHOUT_DATABASE.contains(role))
}

/// Asks every role that has a database for a list at a path of its own, for the sender of a request with this
/// `Authorization`.
pub(super) async fn gather<T: DeserializeOwned>(
    context: &Context,
    authorization: Option<&HeaderValue>,
    path_in: impl Fn(&str) -> String,
) -> Gathered<T> {
    let roles: Vec<&'static str> = roles(context).collect();
    let paths: Vec<String> = roles.iter().map(|role| path_in(role)).collect();
    let requests = roles.iter().zip(&paths);
    let requests = requests.map(|(role, path)| context.peers.get_json_for::<Vec<T>>(authorization, role, path));
    let responses = join_all(requests).await;
    let mut gathered = Gathered { found: Vec::new(), degraded: Vec::new() };
    for (role, response) in roles.into_iter().zip(responses) {
        match response {
            Ok(found) => gathered.found.push((role, found.unwrap_or_default())),
            Err(error) => {
                tracing::warn!(%error, role, "what a role has is missing from a list");
                gathered.degraded.push(role.to_owned());
            }
        }
    }
    gathered
}
