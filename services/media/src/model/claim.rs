//! Claims: files that were staged become part of what a form creates.
//!
//! Invariant: an item has one subject for good; claiming it again for the same subject only adds tags. What is in the
//! library is not claimed for an avatar: an avatar is in no library and no album, and does not go to the trash.

use contract::MediaId;
use contract::accounts::AVATAR_SUBJECT;

use super::{Item, tags};

/// The largest number of items in one claim.
const MAX_ITEMS: usize = 100;
/// The longest subject, in characters.
const MAX_SUBJECT_CHARS: usize = 120;

/// A claim, normalized.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// The items, each once, in the order of the request.
    pub ids: Vec<MediaId>,
    pub subject: String,
    tags: Vec<String>,
}

/// What a claim does to one item.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ClaimEffect {
    /// It is claimed, and has these tags then.
    Claims(Vec<String>),
    /// It was claimed like this before.
    Nothing,
    /// It was claimed for another subject.
    Refused,
}

impl Claim {
    /// Returns the claim, or a sentence that says why it is refused.
    pub(crate) fn parse(ids: Vec<MediaId>, subject: &str, tags: &[String]) -> Result<Self, String> {
        let subject = subject.trim().to_owned();
        if subject.is_empty() || subject.chars().count() > MAX_SUBJECT_CHARS || subject.chars().any(char::is_control) {
            return Err(format!("`subject` has 1 to {MAX_SUBJECT_CHARS} characters."));
        }
        let mut unique = Vec::new();
        for id in ids {
            if !unique.contains(&id) {
                unique.push(id);
            }
        }
        if unique.is_empty() || unique.len() > MAX_ITEMS {
            return Err(format!("`ids` names 1 to {MAX_ITEMS} items."));
        }
        let tags = tags::normalize(&tags.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(Self { ids: unique, subject, tags })
    }

    /// Returns what the claim does to `item`, or a sentence that says why it cannot.
    pub(crate) fn effect_on(&self, item: &Item) -> Result<ClaimEffect, String> {
        if item.subject.as_ref().is_some_and(|other| *other != self.subject) {
            return Ok(ClaimEffect::Refused);
        }
        if item.claimed && item.subject.is_none() && self.subject == AVATAR_SUBJECT {
            return Err(format!(
                "{} is in your library already. Set it as your avatar without a claim; nothing was claimed.",
                item.id
            ));
        }
        let all = tags::merge(&item.tags, &self.tags)?;
        let is_done = item.claimed && item.subject.is_some() && all == item.tags;
        Ok(if is_done { ClaimEffect::Nothing } else { ClaimEffect::Claims(all) })
    }
}
