//! Known pictures: the verdict about an item that is like one, and lists of hashes as text.
//!
//! Does not own the comparison, which is `screening`'s, nor what a verdict does to an item ([`super::withheld`]).
//! Invariant: a list of hashes is read as a whole or not at all.

use chrono::{DateTime, Utc};
use contract::MediaId;
use contract::moderation::{Evidence, Screened, Thing};
use contract::transcode::{MAX_PICTURES, PictureHashes};
use screening::pdq::{MIN_QUALITY, Pdq, Variants};
use uuid::Uuid;

use super::Item;
use super::withheld::CHECK;

/// What items are called in moderation: the role and the kind.
const ROLE: &str = "media";
const KIND: &str = "item";
/// The longest note about a list, in characters.
const MAX_NOTE_CHARS: usize = 200;

impl Item {
    /// Returns the verdict that withholds it, for moderation.
    pub(crate) fn screened(&self, verdict: Uuid, now: DateTime<Utc>) -> Screened {
        Screened {
            id: verdict,
            thing: Thing { role: ROLE.to_owned(), kind: KIND.to_owned(), id: self.id.to_string() },
            owner: self.owner,
            check: CHECK.code().to_owned(),
            statement: CHECK.sentence().to_owned(),
            evidence: Evidence::of(&self.name, [self.id.clone()], None),
            is_held: true,
            at: now,
        }
    }
}

/// Returns the item that moderation names; `None` for a thing of another role.
pub(crate) fn item_of(thing: &Thing) -> Option<MediaId> {
    if (thing.role.as_str(), thing.kind.as_str()) == (ROLE, KIND) { thing.id.parse().ok() } else { None }
}

/// Returns the pictures of an item that can be compared: those with enough detail, and with hashes that can be read.
pub(crate) fn comparable(pictures: &[PictureHashes]) -> Vec<Variants> {
    let read = |picture: &PictureHashes| {
        let hashes: Vec<Pdq> = picture.hashes.iter().map(|hash| hash.parse().ok()).collect::<Option<_>>()?;
        Some(Variants { hashes: hashes.try_into().ok()?, quality: picture.quality })
    };
    let read = pictures.iter().take(MAX_PICTURES).filter_map(read);
    read.filter(|picture| picture.quality >= MIN_QUALITY).collect()
}

/// Returns the hashes of a list: one of 64 hexadecimal digits a line. Empty lines and those that begin with `#` say
/// nothing. Refuses a list with any other line by its number, from 1.
pub(crate) fn parse_hash_list(text: &str) -> Result<Vec<Pdq>, usize> {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).zip(1..);
    let lines = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(line, number)| line.parse::<Pdq>().map_err(|_| number)).collect()
}

/// Returns a note about a list, on one line.
pub(crate) fn parse_note(note: Option<&str>) -> Result<String, String> {
    let note = codec::filename::lines(note.unwrap_or_default()).split_whitespace().collect::<Vec<_>>().join(" ");
    if note.chars().count() <= MAX_NOTE_CHARS {
        return Ok(note);
    }
    Err(format!("`note` has at most {MAX_NOTE_CHARS} characters."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_or_refused_with_the_number_of_a_line() {
        let (one, two) = ("0f".repeat(32), "A1".repeat(32));
        let hashes = parse_hash_list(&format!("\u{feff}# a list\r\n{one}\r\n\r\n  {two}\n")).unwrap();
        assert_eq!(hashes.iter().map(ToString::to_string).collect::<Vec<_>>(), [one.clone(), two.to_lowercase()]);
        for refused in [&one[..63], "none", &format!("{one}0"), &format!("{one},85,cat.jpeg")] {
            assert_eq!(parse_hash_list(&format!("{one}\n\n{refused}\n{two}")), Err(3), "{refused}");
        }
        assert_eq!(parse_hash_list(" \n# nothing\n"), Ok(Vec::new()));
    }

    #[test]
    fn only_pictures_with_detail_are_compared() {
        let picture =
            |count: usize, quality: u8, digit: &str| PictureHashes { hashes: vec![digit.repeat(64); count], quality };
        let pictures = [picture(8, 50, "0"), picture(8, 49, "0"), picture(7, 90, "0"), picture(8, 90, "x")];
        assert_eq!(comparable(&pictures).len(), 1);
        assert_eq!(comparable(&vec![picture(8, 50, "0"); 40]).len(), MAX_PICTURES);
    }

    #[test]
    fn a_thing_of_another_role_is_no_item() {
        let id = MediaId::random();
        let thing = |role: &str, kind: &str| Thing { role: role.into(), kind: kind.into(), id: id.to_string() };
        assert_eq!(item_of(&thing("media", "item")), Some(id.clone()));
        assert_eq!((item_of(&thing("social", "item")), item_of(&thing("media", "album"))), (None, None));
        assert_eq!(parse_note(Some(" from\nthe team ")).as_deref(), Ok("from the team"));
        assert!(parse_note(Some(&"x".repeat(201))).is_err());
    }
}
