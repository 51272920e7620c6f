//! A greeting: a clip for one person, behind a link that opens without an account.
//!
//! Invariant: the token of a link is stored nowhere, only its SHA-256; a link ends at most [`MAX_LIFETIME`] after it
//! was made.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use contract::MediaId;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::person::PersonNumber;

/// The life of a link for which the sender names none.
const DEFAULT_LIFETIME: TimeDelta = TimeDelta::days(7);
/// The shortest and the longest life of a link.
const MIN_LIFETIME: TimeDelta = TimeDelta::minutes(1);
const MAX_LIFETIME: TimeDelta = TimeDelta::days(90);
/// The longest text, in characters.
const MAX_TEXT_CHARS: usize = 1_000;
/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 80;
/// What is in the `User-Agent` of programs that fetch a link to show a preview, or to index it.
const PREVIEW_AGENTS: [&str; 14] = [
    "bot",
    "crawl",
    "spider",
    "preview",
    "facebookexternalhit",
    "facebookcatalog",
    "whatsapp",
    "snapchat",
    "skypeuri",
    "slurp",
    "mastodon",
    "embedly",
    "iframely",
    "google-read-aloud",
];

/// A new greeting, normalized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewGreeting {
    /// The clip.
    pub media: MediaId,
    /// Whom it is for: one line.
    pub to_name: String,
    /// What the sender says; may be empty.
    pub text: String,
    /// How long the link lasts.
    pub lifetime: TimeDelta,
}

impl NewGreeting {
    /// Checks and normalizes a greeting; the error is a sentence that names the rule.
    pub(crate) fn parse(
        media: MediaId,
        to_name: &str,
        text: &str,
        expires_in: Option<u32>,
    ) -> Result<Self, &'static str> {
        let to_name = codec::filename::lines(to_name).split_whitespace().collect::<Vec<_>>().join(" ");
        if !(1..=MAX_NAME_CHARS).contains(&to_name.chars().count()) {
            return Err("`to_name` has 1 to 80 characters.");
        }
        let text = codec::filename::lines(text);
        if text.chars().count() > MAX_TEXT_CHARS {
            return Err("The text of a greeting has at most 1,000 characters.");
        }
        let lifetime = expires_in.map_or(DEFAULT_LIFETIME, |seconds| TimeDelta::seconds(seconds.into()));
        if !(MIN_LIFETIME..=MAX_LIFETIME).contains(&lifetime) {
            return Err("A greeting lasts at least a minute and at most 90 days.");
        }
        Ok(Self { media, to_name, text, lifetime })
    }

    /// Returns when the link ends that is made now. Databases keep microseconds, and people whole seconds.
    pub(crate) fn expires_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        (now + self.lifetime).trunc_subsecs(0)
    }
}

/// A greeting as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Greeting {
    /// The id.
    pub id: Uuid,
    /// Who sent it.
    pub sender: PersonNumber,
    /// Whom it is for.
    pub to_name: String,
    /// What the sender says.
    pub text: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When its link ends.
    pub expires_at: DateTime<Utc>,
    /// When it was first opened.
    pub opened_at: Option<DateTime<Utc>>,
    /// How often it was opened.
    pub open_count: u64,
}

/// The token of a link: 128 random bits, in base 62.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct GreetingToken(String);

impl std::fmt::Debug for GreetingToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GreetingToken")
    }
}

impl GreetingToken {
    /// Returns a token made of a random id.
    pub(crate) fn new(random_id: String) -> Self {
        Self(random_id)
    }

    /// Returns the token if the text has the form of one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_token = text.len() == base::random::ID_CHARS && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_token.then(|| Self(text.to_owned()))
    }

    /// Returns the path of the link.
    pub(crate) fn url(&self) -> String {
        format!("/g/{}", self.0)
    }

    /// Returns what is stored of it: its SHA-256, hexadecimal.
    pub(crate) fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }

    /// Returns a name for a visitor that says nothing to one who has only the database: the token is in it.
    pub(crate) fn visitor(&self, features: &str) -> String {
        let digest = Sha256::digest(format!("{} {features}", self.0));
        hex::encode(digest).chars().take(32).collect()
    }
}

/// Whether a request comes from a program that makes previews or fetches ahead, not from a person. `purpose` has what
/// browsers write into the headers that say why they fetch.
pub(crate) fn is_preview(agent: &str, purpose: &str) -> bool {
    let (agent, purpose) = (agent.to_ascii_lowercase(), purpose.to_ascii_lowercase());
    agent.is_empty()
        || PREVIEW_AGENTS.iter().any(|name| agent.contains(name))
        || purpose.contains("prefetch")
        || purpose.contains("preview")
        || purpose.contains("prerender")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_has_bounds() {
        let parse = |name: &str, text: &str, seconds| NewGreeting::parse(MediaId::random(), name, text, seconds);
        let new = parse(" Grand\u{202e}\nma ", "Hi\u{200b}", None).unwrap();
        assert_eq!((new.to_name.as_str(), new.text.as_str(), new.lifetime), ("Grand ma", "Hi", DEFAULT_LIFETIME));
        for (name, text, seconds) in [
            ("", "", None),
            ("\u{200b}", "", None),
            ("a", "", Some(59)),
            ("a", "", Some(u32::MAX)),
            (&*"a".repeat(81), "", None),
            ("a", &*"a".repeat(MAX_TEXT_CHARS + 1), None),
        ] {
            assert!(parse(name, text, seconds).is_err(), "{name:?} {seconds:?}");
        }
    }

    #[test]
    fn a_token_has_one_form_and_nothing_stored_shows_it() {
        let token = GreetingToken::parse("3hW9dKx0Qp7LmT2vBnYc4R").unwrap();
        assert!(!token.hash().contains("3hW9") && !format!("{token:?}").contains("3hW9"));
        assert_ne!(token.visitor("a"), token.visitor("b"));
        assert_ne!(token.visitor("a"), GreetingToken::new("x".repeat(22)).visitor("a"));
        for wrong in ["", "3hW9dKx0Qp7LmT2vBnYc4", "3hW9dKx0Qp7LmT2vBnYc4/", "3hW9dKx0Qp7LmT2vBnYc4Rx"] {
            assert!(GreetingToken::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn programs_are_told_from_people() {
        let safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Safari/604.1";
        assert!(!is_preview(safari, ""));
        assert!(is_preview(safari, "prefetch;prerender") && is_preview("", ""));
        for agent in ["WhatsApp/2.23", "facebookexternalhit/1.1", "Mozilla/5.0 (compatible; Googlebot/2.1)"] {
            assert!(is_preview(agent, ""), "{agent}");
        }
    }
}
