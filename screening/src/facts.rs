//! What a verdict is made of: everything that a rule can ask about, as plain values.
//!
//! Facts have no text and no ids, only counts, so they can be kept for a replay longer than the words they came from.
//! Owns no rule. Invariant: two equal facts have the same verdict under the same rules.

use serde::{Deserialize, Serialize};

use crate::classifier::Opinion;
use crate::fingerprint::Fingerprint;
use crate::links;
use crate::rate::Exhausted;
use crate::standing::Standing;
use crate::text::Normalised;

/// Where one member reaches another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// A message of a conversation.
    Message,
    /// An invitation to a group.
    GroupInvite,
    /// A comment on a post.
    Comment,
    /// A mention in a post or a comment.
    Mention,
    /// A new follower.
    Follow,
    /// A part that joins a thread.
    Join,
    /// A display name.
    DisplayName,
    /// The text of a profile.
    Bio,
    /// A picture or a video that is shown to strangers.
    Media,
}

impl Surface {
    /// Whether it is a message to chosen people. Other things are read by many, or are of a profile.
    pub const fn is_private(self) -> bool {
        matches!(self, Self::Message | Self::GroupInvite)
    }
}

/// How the recipient stands to the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// The recipient follows the sender, or has written to the sender, or has accepted a request.
    Connected,
    /// They have friends in common, and nothing else.
    Acquainted,
    /// They have nothing in common. What everybody may read counts as sent to strangers.
    Stranger,
}

/// What a rule can ask about an attempt. Facts are stored for replays: a field that is added needs a default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Where it is sent.
    pub surface: Surface,
    /// How the recipient stands to the sender.
    pub relation: Relation,
    /// The sender's standing.
    pub standing: Standing,
    /// How many members it reaches at once: those who are mentioned or invited; otherwise 1.
    pub recipients: u32,
    /// Whether the recipient receives nothing from strangers.
    pub refuses_strangers: bool,
    /// How many messages of the sender the recipient has since the recipient last wrote or accepted, without this one.
    pub unanswered: u32,
    /// What its text has.
    pub text: TextFacts,
    /// How many recipients an alike text of this sender has reached lately, this one included.
    pub alike_recipients: u32,
    /// How many senders an alike first message came from lately, this one included.
    pub alike_senders: u32,
    /// Its pictures, and the key frames of its videos.
    pub media: Vec<MediaFacts>,
    /// What the classifier of texts says.
    pub spam: Opinion,
    /// Set if the rate of messages is exhausted.
    pub rate: Option<Exhausted>,
    /// Set if the budget for new recipients is exhausted.
    pub budget: Option<Exhausted>,
}

/// What a text has, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TextFacts {
    /// Disguises of all kinds.
    pub disguises: u32,
    /// Links to different hosts.
    pub links: u32,
    /// Links through shorteners.
    pub shorteners: u32,
    /// Links that lead elsewhere than they seem.
    pub disguised_links: u32,
    /// Domains that were first named here lately. The caller looks [`Content::domains`] up.
    pub new_domains: u32,
    /// Domains that are listed as bad. The caller looks them up, too.
    pub listed_domains: u32,
}

/// What is known about a picture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MediaFacts {
    /// Whether it is a known bad one (see [`crate::media_list`]).
    pub is_listed: bool,
    /// What the classifier of pictures says.
    pub nudity: Opinion,
}

/// What one reading of a text finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The numbers for the rules, without those that only the caller knows.
    pub text: TextFacts,
    /// The fingerprint of the text without its links, if it is long enough.
    pub fingerprint: Option<Fingerprint>,
    /// The domains that it links to, each once.
    pub domains: Vec<String>,
}

impl Content {
    /// Reads a text.
    pub fn of(text: &str) -> Self {
        let links = links::find(text);
        let count = |is_counted: fn(&links::Link) -> bool| {
            u32::try_from(links.iter().filter(|link| is_counted(link)).count()).unwrap_or(u32::MAX)
        };
        let whole = Normalised::of(text);
        let facts = TextFacts {
            disguises: whole.disguises().count(),
            links: count(|_| true),
            shorteners: count(|link| link.is_shortener),
            disguised_links: count(|link| link.is_disguised),
            ..TextFacts::default()
        };
        let words = if links.is_empty() { whole } else { Normalised::of(&links::without(text)) };
        let mut domains: Vec<String> = links.into_iter().map(|link| link.domain).collect();
        domains.sort_unstable();
        domains.dedup();
        Self { text: facts, fingerprint: Fingerprint::of(&words), domains }
    }
}

impl Facts {
    /// Returns the facts of an attempt about which nothing else is known: a text for one recipient.
    pub fn new(surface: Surface, relation: Relation, standing: Standing) -> Self {
        Self {
            surface,
            relation,
            standing,
            recipients: 1,
            refuses_strangers: false,
            unanswered: 0,
            text: TextFacts::default(),
            alike_recipients: 1,
            alike_senders: 1,
            media: Vec::new(),
            spam: Opinion::NotAsked,
            rate: None,
            budget: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_read_once_for_all_rules() {
        let content =
            Content::of("Wіn a free iPhone nоw at bit.ly/x, www.example.com and http://a.example.com: hurry up!");
        let expected = TextFacts { disguises: 0, links: 3, shorteners: 1, ..TextFacts::default() };
        assert_eq!(content.text, expected, "words of three letters are too short to be disguised");
        assert_eq!(content.domains, ["bit.ly", "example.com"]);
        let other = Content::of("Win a free iPhone now at evil.example/y, and http://b.example hurry up!");
        let distance = content.fingerprint.unwrap().distance(other.fingerprint.unwrap());
        assert!(distance <= 12, "texts are compared without their links: {distance}");
        assert_eq!(Content::of("").fingerprint, None);
    }
}
