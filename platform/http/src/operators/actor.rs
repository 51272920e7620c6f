//! Who acts: the extractor of operations of the operators' listener, and what is known of its caller.
//!
//! Invariant: a handler that takes an [`Operator`] runs only for a caller that [`authorize`] accepts, whichever way the
//! request came.

use std::marker::PhantomData;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::header;
use http::request::Parts;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::role::{OperatorRole, authorize};
use crate::auth::Member;
use crate::problem::Problem;
use crate::{CLIENT_IP, RequestId};

/// The most characters of a `User-Agent` that are kept.
const MAX_USER_AGENT_CHARS: usize = 200;

/// Who acts, from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The account; `None` for a command on the machine.
    pub account: Option<Uuid>,
    /// The account's handle, or `machine:` and the name of the local user. No handle has a colon.
    pub name: String,
    /// The roles at the time of the act.
    #[serde(default)]
    pub roles: Vec<String>,
    /// The client's IP address.
    #[serde(default)]
    pub address: Option<String>,
    /// The client's `User-Agent`, at most 200 characters.
    #[serde(default)]
    pub user_agent: Option<String>,
    /// The id of the request.
    #[serde(default)]
    pub request_id: Option<String>,
}

impl Actor {
    /// Returns the actor of a command on the machine, run by this local user.
    pub fn machine(user: &str) -> Self {
        Self {
            account: None,
            name: format!("machine:{user}"),
            roles: Vec::new(),
            address: None,
            user_agent: None,
            request_id: None,
        }
    }

    /// Returns the actor of a member's request.
    fn of(member: &Member, parts: &Parts) -> Self {
        let text = |name: http::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = text(CLIENT_IP)
            .map(str::to_owned)
            .or_else(|| connection.map(|ConnectInfo(address)| address.ip().to_canonical().to_string()));
        Self {
            account: Some(member.id()),
            name: member.0.handle.clone(),
            roles: member.0.roles.clone(),
            address,
            user_agent: text(header::USER_AGENT).map(|agent| agent.chars().take(MAX_USER_AGENT_CHARS).collect()),
            request_id: parts.extensions.get::<RequestId>().map(|RequestId(id)| id.clone()),
        }
    }
}

/// What an [`Operator`] extractor requires.
pub trait Requirement: Send + Sync + 'static {
    /// The requirement, which is also in the operation's `x-admin-role`.
    const ROLE: OperatorRole;
}

/// Requires [`OperatorRole::Viewer`].
#[derive(Debug, Clone, Copy)]
pub struct Viewer;
/// Requires [`OperatorRole::Developer`].
#[derive(Debug, Clone, Copy)]
pub struct Developer;
/// Requires [`OperatorRole::Moderator`].
#[derive(Debug, Clone, Copy)]
pub struct Moderator;
/// Requires [`OperatorRole::Operator`].
#[derive(Debug, Clone, Copy)]
pub struct Superuser;

impl Requirement for Viewer {
    const ROLE: OperatorRole = OperatorRole::Viewer;
}
impl Requirement for Developer {
    const ROLE: OperatorRole = OperatorRole::Developer;
}
impl Requirement for Moderator {
    const ROLE: OperatorRole = OperatorRole::Moderator;
}
impl Requirement for Superuser {
    const ROLE: OperatorRole = OperatorRole::Operator;
}

/// A caller who fulfils the requirement `R`. As an extractor it refuses every other caller with 401 or 403.
#[derive(Debug, Clone)]
pub struct Operator<R> {
    /// The caller.
    pub actor: Actor,
    requirement: PhantomData<R>,
}

impl<R: Requirement, S: Send + Sync> FromRequestParts<S> for Operator<R> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let member = <Member as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        authorize(&member.0, R::ROLE)?;
        Ok(Self { actor: Actor::of(&member, parts), requirement: PhantomData })
    }
}
