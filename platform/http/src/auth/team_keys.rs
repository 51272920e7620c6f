//! Keys of the team: secrets of the installation's own servers, which belong to no member.
//!
//! Such a key reads what everybody may read. Its token has the role [`TEAM_ROLE`] alone and stays in the gateway: the
//! request goes on without one. With the scope [`ACT_FOR_MEMBERS`] and the header [`ON_BEHALF_OF`] it acts as that
//! member, with a token of theirs that has the scopes of the key. Does not own keys (accounts) or what a scope allows
//! (gateway). Invariant: no handler takes a key of the team for a member, because [`super::Member`] refuses its token.

use base::Query;
use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::api_keys::{ApiKeyToken, MAX_KEY_BYTES, away, bearer, hash_api_key, unknown_key};
use super::{Claims, Verifier};
use crate::problem::{Problem, every_role};

/// What every key of the team begins with. Neither a member's key nor an access token does, and releases that know no
/// keys of the team take one for a token that is not valid.
pub const TEAM_KEY_PREFIX: &str = "tutti-team_";
/// The role in the token of a key of the team, which has no other. No account can have it.
pub const TEAM_ROLE: &str = "team";
/// The scope of a key of the team that may act for members.
pub const ACT_FOR_MEMBERS: &str = "members:act";
/// The header that names the member for whom a key of the team acts, by handle or id.
pub const ON_BEHALF_OF: HeaderName = HeaderName::from_static("tutti-on-behalf-of");
/// What stands in the path of a [`FindTeamKeyToken`] for no member. No handle is as short.
pub const NO_MEMBER: &str = "-";
/// The longest name of a member: an id.
const MAX_MEMBER_BYTES: usize = 36;

/// Asks accounts for an access token of the key of the team with this hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindTeamKeyToken {
    /// The hash of the key: see [`hash_api_key`].
    pub hash: String,
    /// The handle or the id of the member to act for: letters, digits, `_`, `.` and `-`.
    pub member: Option<String>,
}

impl Query for FindTeamKeyToken {
    const ROLE: &'static str = "accounts";
    const PATH: &'static str = "/internal/team-keys/{hash}/{member}";
    type Response = ApiKeyToken;

    fn path(&self) -> String {
        format!("/internal/team-keys/{}/{}", self.hash, self.member.as_deref().unwrap_or(NO_MEMBER))
    }
}

impl Verifier {
    /// Whether the key of the team in these headers was exchanged a moment ago, for the member that they name.
    pub(super) fn has_exchanged_team_key(&self, headers: &HeaderMap, key: &str) -> bool {
        let (hash, member) = (hash_api_key(key), headers.get(ON_BEHALF_OF).and_then(member_name));
        self.0.exchanged.find(&FindTeamKeyToken { hash, member }.path()).is_some()
    }

    /// Takes a key of the team out of these headers, and returns what it may do. If they name a member, a token of that
    /// member takes its place. Returns `None`, and leaves the token, if it is another one. An unknown key is refused
    /// with 401, and a member for whom it can't act with 403.
    pub async fn exchange_team_key(&self, headers: &mut HeaderMap) -> Result<Option<Claims>, Problem> {
        if headers.get_all(ON_BEHALF_OF).iter().count() > 1 {
            return Err(refused("A request is for one member: send `Tutti-On-Behalf-Of` once."));
        }
        let on_behalf_of = headers.remove(ON_BEHALF_OF);
        let Some(key) = bearer(headers).filter(|token| token.starts_with(TEAM_KEY_PREFIX)) else {
            return if on_behalf_of.is_some() { Err(refused(NOT_OF_THE_TEAM)) } else { Ok(None) };
        };
        if key.len() > MAX_KEY_BYTES {
            return Err(unknown_key());
        }
        let hash = hash_api_key(key);
        let token = self.find_team_token(FindTeamKeyToken { hash: hash.clone(), member: None }).await?;
        let token = token.ok_or_else(unknown_key)?;
        // It leaves the headers before anything can go wrong: no role gets it.
        headers.remove(header::AUTHORIZATION);
        let claims = self.verify(token.to_str().map_err(|_| unknown_key())?.trim_start_matches(BEARER)).await?;
        if !is_of_team(&claims) {
            return Err(unknown_key());
        }
        if let Some(name) = on_behalf_of {
            if !claims.scope.iter().any(|scope| scope == ACT_FOR_MEMBERS) {
                return Err(refused("This key can't act for members: it needs the scope `members:act`."));
            }
            let member = Some(member_name(&name).ok_or_else(|| refused(NO_SUCH_MEMBER))?);
            let token = self.find_team_token(FindTeamKeyToken { hash, member }).await?;
            headers.insert(header::AUTHORIZATION, token.ok_or_else(|| refused(NO_SUCH_MEMBER))?);
        }
        Ok(Some(claims))
    }

    /// Returns the `Authorization` with a token; `None` if there is no such key, or no such member.
    async fn find_team_token(&self, query: FindTeamKeyToken) -> Result<Option<HeaderValue>, Problem> {
        let path = query.path();
        if let Some(value) = self.0.exchanged.find(&path) {
            return Ok(Some(value));
        }
        let Some(source) = self.source() else { return Ok(None) };
        let Some(found) = source.team_key_token(query).await.map_err(|error| away(&error))? else { return Ok(None) };
        let mut value =
            HeaderValue::try_from(format!("{BEARER}{}", found.access_token)).map_err(|error| Problem::fault(&error))?;
        value.set_sensitive(true);
        self.0.exchanged.insert(path, value.clone());
        Ok(Some(value))
    }
}

const BEARER: &str = "Bearer ";
const NOT_OF_THE_TEAM: &str =
    "Only a key of the team acts for others. Leave `Tutti-On-Behalf-Of` out, or send such a key.";
const NO_SUCH_MEMBER: &str = "`Tutti-On-Behalf-Of` must name a member whose account can be used, by handle or id.";

/// Whether these are the claims of a key of the team that acts for no member.
pub(super) fn is_of_team(claims: &Claims) -> bool {
    claims.roles.iter().any(|role| role == TEAM_ROLE)
}

/// Returns the name of a member in a header, as far as it can be one.
fn member_name(value: &HeaderValue) -> Option<String> {
    let name = value.to_str().ok()?.trim();
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let fits = (NO_MEMBER.len() + 1..=MAX_MEMBER_BYTES).contains(&name.len()) && name.bytes().all(is_allowed);
    // As a segment of a path, dots would lead elsewhere.
    (fits && name.bytes().any(|byte| byte.is_ascii_alphanumeric())).then(|| name.to_ascii_lowercase())
}

fn refused(detail: &'static str) -> Problem {
    Problem::of(every_role::AUTH_ON_BEHALF_OF, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_hash_of_the_key_and_the_member() {
        let query = FindTeamKeyToken { hash: hash_api_key("tutti-team_abc"), member: None };
        assert_eq!(query.path(), FindTeamKeyToken::PATH.replace("{hash}", &query.hash).replace("{member}", NO_MEMBER));
        let query = FindTeamKeyToken { member: Some("ada".into()), ..query };
        assert!(query.path().ends_with("/ada") && !query.path().contains(TEAM_KEY_PREFIX));
    }

    #[test]
    fn a_name_that_is_none_never_reaches_a_path() {
        let name = |text: &str| member_name(&HeaderValue::from_bytes(text.as_bytes()).unwrap());
        assert_eq!(name(" Ada.L_1-2 ").as_deref(), Some("ada.l_1-2"));
        assert!(name("0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10").is_some());
        for wrong in ["", "-", "..", "a/b", "a?b", "a%2f", "ad\u{e4}", "a b", &"a".repeat(37)] {
            assert_eq!(name(wrong), None, "{wrong:?}");
        }
    }
}
