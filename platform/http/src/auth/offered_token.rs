//! Access tokens of browsers' WebSockets. A browser can't set headers there, but offer protocols, and a token is one of
//! them: `bearer.TOKEN`. In the URL it would be in logs and histories.
//!
//! Invariant: such a token is treated like one of the `Authorization` header from here on, and no protocol of a
//! forwarded request has it.

use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderMap, HeaderValue};

/// What an offered protocol begins with that is an access token.
const PREFIX: &str = "bearer.";

/// Moves the token of an offered protocol into the `Authorization` header, unless there is one. Only for requests that
/// open a WebSocket.
pub fn take_offered_token(headers: &mut HeaderMap) {
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|line| line.to_str().ok());
    let offered = lines.flat_map(|line| line.split(',')).map(|name| name.trim().to_owned());
    let (tokens, others): (Vec<String>, Vec<String>) = offered.partition(|name| name.starts_with(PREFIX));
    let Some(token) = tokens.first().and_then(|name| name.strip_prefix(PREFIX)) else { return };
    headers.remove(SEC_WEBSOCKET_PROTOCOL);
    if !others.is_empty()
        && let Ok(value) = HeaderValue::try_from(others.join(", "))
    {
        headers.insert(SEC_WEBSOCKET_PROTOCOL, value);
    }
    if !headers.contains_key(AUTHORIZATION)
        && let Ok(value) = HeaderValue::try_from(format!("Bearer {token}"))
    {
        headers.insert(AUTHORIZATION, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(protocols: &[&'static str], authorization: Option<&'static str>) -> (Option<String>, Option<String>) {
        let mut headers = HeaderMap::new();
        for &protocol in protocols {
            headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        }
        headers.extend(authorization.map(|value| (AUTHORIZATION, HeaderValue::from_static(value))));
        take_offered_token(&mut headers);
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        (text(AUTHORIZATION), text(SEC_WEBSOCKET_PROTOCOL))
    }

    #[test]
    fn a_token_among_the_protocols_is_that_of_the_header_unless_there_is_one() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(taken(&["chat.v1, bearer.a.b.c"], None), (some("Bearer a.b.c"), some("chat.v1")));
        assert_eq!(taken(&["bearer.x", "chat.v1"], Some("Bearer y")), (some("Bearer y"), some("chat.v1")));
        assert_eq!(taken(&["bearer.x"], None), (some("Bearer x"), None));
        assert_eq!(taken(&["chat.v1,v2"], None), (None, some("chat.v1,v2")));
        assert_eq!(taken(&[], None), (None, None));
    }
}
