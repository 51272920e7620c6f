//! Why a verdict is what it is: a code and a sentence for each reason.
//!
//! Owns the table. Sentences are for the sender; they say what was seen and what can be done, and name no number of a
//! rule, so that they are of little use for finding its edge. Invariant: a code never changes its meaning, because
//! verdicts are stored.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident, $code:literal, $can_appeal:literal, $sentence:literal;)+) => {
        /// The reason of a verdict.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[doc = $doc])+ $variant,)+ }

        impl Reason {
            /// All reasons, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the code, such as `screening.alike_texts`.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// Returns the sentence for the sender.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence),+ }
            }

            /// Whether the sender can appeal. What ends by itself, or by what the sender does, has no appeal.
            pub const fn can_appeal(self) -> bool {
                // One for each variant, in their order.
                const APPEALS: &[bool] = &[$($can_appeal),+];
                APPEALS[self as usize]
            }
        }
    };
}

reasons! {
    /// The recipient receives first messages of strangers in the box of requests.
    Stranger, "screening.stranger", false,
        "You are not connected yet, so this waits among the requests until it is accepted.";
    /// The recipient receives nothing from strangers.
    StrangersRefused, "screening.strangers_refused", false,
        "This member receives nothing from people whom they don't follow.";
    /// Several messages to a member who has not answered.
    Unanswered, "screening.unanswered", false,
        "You have written several times without an answer. You can write again when you are answered.";
    /// More at once than the rate allows.
    TooFast, "screening.too_fast", false,
        "You are sending very quickly. Wait a little, then try again.";
    /// The budget for new recipients is spent.
    NewRecipients, "screening.new_recipients", false,
        "You have reached many new people. You can reach more later, and sooner when people answer you.";
    /// Almost the same text has gone to many strangers.
    AlikeTexts, "screening.alike_texts", true,
        "You have sent almost the same text to many people, so a moderator reads it first.";
    /// Almost the same text comes from many accounts.
    AlikeSenders, "screening.alike_senders", true,
        "Many accounts are sending almost this text, so a moderator reads it first.";
    /// More people are mentioned or invited at once than a sender of this standing may.
    ManyRecipients, "screening.many_recipients", true,
        "This names many people at once. Name fewer, or appeal.";
    /// More links than a text to strangers may have.
    ManyLinks, "screening.many_links", true,
        "This has many links for a first contact, so a moderator reads it first.";
    /// A link to a domain that no member has named before.
    NewDomain, "screening.new_domain", true,
        "This links to a site that is new here, so a moderator reads it first.";
    /// A link to a domain that is listed as bad.
    ListedDomain, "screening.listed_domain", true,
        "This links to a site that is known for fraud or abuse. Remove the link, or appeal.";
    /// A link through a shortener, which hides where it leads.
    Shortener, "screening.shortener", true,
        "This has a shortened link. Write where it leads, or appeal.";
    /// A link that leads elsewhere than it seems.
    DisguisedLink, "screening.disguised_link", true,
        "This has a link that leads elsewhere than it seems. Write it plainly, or appeal.";
    /// Letters that look like others, invisible characters, or spaced letters.
    DisguisedText, "screening.disguised_text", true,
        "This has unusual letters or invisible characters. Write it plainly, or appeal.";
    /// A link in a name.
    LinkInName, "screening.link_in_name", true,
        "A name can't have a link. Put it into your profile instead.";
    /// A link of an account whose mail address is not confirmed.
    Unconfirmed, "screening.unconfirmed", false,
        "Confirm your e-mail address first: until then you can't send links to people you don't know.";
    /// Reports about the sender were upheld.
    ReportsUpheld, "screening.reports_upheld", true,
        "Reports about your account were upheld, so a moderator reads first what you send to new people.";
    /// A picture that is known as bad.
    ListedMedia, "screening.listed_media", true,
        "This picture is known as one that may not be shared here.";
    /// A picture from a stranger.
    StrangerMedia, "screening.stranger_media", false,
        "Pictures to people who don't know you stay blurred until they are opened.";
    /// A picture that the classifier takes for nudity.
    Nudity, "screening.nudity", true,
        "This picture may show nudity, so it stays blurred or waits for a moderator.";
    /// No classifier has seen a picture in time.
    NudityUnknown, "screening.nudity_unknown", false,
        "This picture could not be checked yet, so it stays blurred.";
    /// A text that the classifier takes for spam.
    Spam, "screening.spam", true,
        "This resembles unwanted advertising, so a moderator reads it first.";
    /// No classifier has seen a text in time.
    SpamUnknown, "screening.spam_unknown", false,
        "This could not be checked yet, so it waits among the requests.";
}

/// A text is no code of a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such reason of a verdict")]
pub struct UnknownReason;

impl std::str::FromStr for Reason {
    type Err = UnknownReason;

    fn from_str(code: &str) -> Result<Self, UnknownReason> {
        Self::ALL.iter().find(|reason| reason.code() == code).copied().ok_or(UnknownReason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.code())
    }
}

impl Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Reason {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_guide_lists_each_reason() {
        let guide = include_str!("../../docs/guides/protection.md");
        for reason in Reason::ALL {
            let appeal = if reason.can_appeal() { "yes" } else { "no" };
            let row = format!("| `{reason}` | {} | {appeal} |", reason.sentence());
            assert!(guide.contains(&row), "docs/guides/protection.md lacks {row}");
        }
    }

    #[test]
    fn each_reason_has_a_code_and_a_sentence_of_its_own() {
        let codes: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        let sentences: BTreeSet<&str> = Reason::ALL.iter().map(|reason| reason.sentence()).collect();
        assert_eq!((codes.len(), sentences.len()), (Reason::ALL.len(), Reason::ALL.len()));
        for reason in Reason::ALL {
            assert!(reason.code().starts_with("screening.") && reason.sentence().ends_with('.'), "{reason}");
            assert!(!reason.sentence().bytes().any(|byte| byte.is_ascii_digit()), "{reason} tells a rule's number");
            assert_eq!(serde_json::from_value::<Reason>(serde_json::json!(reason)).unwrap(), *reason);
        }
        assert_eq!("screening.none".parse::<Reason>(), Err(UnknownReason));
    }
}
