//! Codes that are mailed: what they are for, how long they can be used, and their two forms.
//!
//! A mail has a link with a secret of 256 bits, which finds its row alone, and a short code of 40 bits for those who
//! read the mail on another device. A short code is read only together with its account, and guesses of it are counted.
//! Invariant: no text is both a link's secret and a short code.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use uuid::Uuid;

/// The bytes of a link's secret.
pub(crate) const LINK_BYTES: usize = 32;
/// The characters of a short code.
pub(crate) const SHORT_CODE_CHARS: usize = 8;
/// The letters of short codes: none that is read as another (`I`, `O`, `0`, `1`).
pub(crate) const SHORT_CODE_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// The window in which mails of one purpose are counted.
pub(crate) const MAIL_WINDOW: TimeDelta = TimeDelta::hours(1);
/// So many mails in a window are sent at once.
pub(crate) const MAX_PROMPT_MAILS: usize = 3;
/// After them, a mail is sent once the newest one has this age. Far less than any code's lifetime, so a member whose
/// requests are refused because a stranger sent many has a mail with a code that can be used.
const MAIL_INTERVAL: TimeDelta = TimeDelta::minutes(10);

/// What a mailed code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Confirming the address of the account.
    ConfirmEmail,
    /// Confirming a new address, which then replaces the one of the account.
    ChangeEmail,
    /// Choosing a new password.
    ResetPassword,
    /// Choosing a new password and taking back the address that the account had before a change.
    RestoreEmail,
}

/// The purposes with their names in rows and their lifetimes.
const PURPOSES: [(Purpose, &str, TimeDelta); 4] = [
    (Purpose::ConfirmEmail, "confirm_email", TimeDelta::hours(24)),
    (Purpose::ChangeEmail, "change_email", TimeDelta::hours(24)),
    (Purpose::ResetPassword, "reset_password", TimeDelta::minutes(30)),
    (Purpose::RestoreEmail, "restore_email", TimeDelta::hours(72)),
];

impl Purpose {
    /// Returns the purpose with this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        PURPOSES.iter().find(|(_, known, _)| *known == name).map(|(purpose, ..)| *purpose)
    }

    /// Returns the name in rows.
    pub(crate) fn name(self) -> &'static str {
        PURPOSES.iter().find(|(purpose, ..)| *purpose == self).map_or("", |(_, name, _)| name)
    }

    /// Returns how long a code can be used.
    pub(crate) fn lifetime(self) -> TimeDelta {
        PURPOSES.iter().find(|(purpose, ..)| *purpose == self).map_or(TimeDelta::zero(), |(.., lifetime)| *lifetime)
    }

    /// Whether a short code is mailed beside the link. One that is valid for days would have to be longer.
    pub(crate) fn has_short_code(self) -> bool {
        self != Self::RestoreEmail
    }
}

/// A code that can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MailedCode {
    /// The id of its row.
    pub id: Uuid,
    /// Its account.
    pub account: AccountId,
    /// What it is for.
    pub purpose: Purpose,
    /// The address that it is about: where it was mailed to, or the former address that it restores.
    pub email: String,
}

/// A code as a client presents it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum PresentedCode {
    /// The secret of a link.
    Link([u8; LINK_BYTES]),
    /// A short code.
    Short(String),
}

impl PresentedCode {
    /// Parses the code of a link or a short code, with or without its hyphen and in any case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(secret) = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok()) {
            return Some(Self::Link(secret));
        }
        let code: String =
            text.chars().filter(|char| !matches!(char, '-' | ' ')).map(|char| char.to_ascii_uppercase()).collect();
        let is_code = code.len() == SHORT_CODE_CHARS && code.bytes().all(|byte| SHORT_CODE_ALPHABET.contains(&byte));
        is_code.then_some(Self::Short(code))
    }
}

/// Returns the text of a link's secret.
pub(crate) fn encode_link(secret: &[u8; LINK_BYTES]) -> String {
    URL_SAFE_NO_PAD.encode(secret)
}

/// Returns a short code as it is shown: two groups of four.
pub(crate) fn show_short_code(code: &str) -> String {
    match code.split_at_checked(SHORT_CODE_CHARS / 2) {
        Some((first, second)) => format!("{first}-{second}"),
        None => code.to_owned(),
    }
}

/// Returns how long to wait until another mail may be sent; `None` if it may be sent now. `sent` are the times of the
/// mails of the last [`MAIL_WINDOW`], newest first.
pub(crate) fn next_mail_in(sent: &[DateTime<Utc>], now: DateTime<Utc>) -> Option<TimeDelta> {
    let newest = sent.first().filter(|_| sent.len() >= MAX_PROMPT_MAILS)?;
    Some(*newest + MAIL_INTERVAL - now).filter(|wait| *wait > TimeDelta::zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_link_or_short_and_nothing_else() {
        let link = encode_link(&[7; LINK_BYTES]);
        assert_eq!(link.len(), 43);
        assert!(PresentedCode::parse(&format!(" {link}\n")) == Some(PresentedCode::Link([7; LINK_BYTES])));
        for text in ["ABCD2345", "abcd-2345", " abcd 2345 ", "A-B-C-D-2-3-4-5"] {
            assert!(PresentedCode::parse(text) == Some(PresentedCode::Short("ABCD2345".to_owned())), "{text}");
        }
        let truncated = &link[..42];
        let longer = format!("{link}A");
        for text in ["", "ABCD234", "ABCD23456", "ABCD2340", "ABCD234I", "äBCD2345", "%00", truncated, &longer] {
            assert!(PresentedCode::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn a_short_code_is_shown_as_it_is_read() {
        assert_eq!(show_short_code("ABCD2345"), "ABCD-2345");
        assert!(PresentedCode::parse(&show_short_code("ABCD2345")) == Some(PresentedCode::Short("ABCD2345".into())));
    }

    #[test]
    fn a_flood_of_requests_leaves_a_fresh_mail_at_any_time() {
        let start = Utc::now();
        let mut sent: Vec<DateTime<Utc>> = Vec::new();
        for second in 0..7200 {
            let now = start + TimeDelta::seconds(second);
            let recent: Vec<DateTime<Utc>> = sent.iter().copied().rev().filter(|at| now - *at < MAIL_WINDOW).collect();
            if next_mail_in(&recent, now).is_none() {
                sent.push(now);
            }
            let age = now - *sent.last().unwrap();
            assert!(age < Purpose::ResetPassword.lifetime() / 2, "after {second} s the newest mail has the age {age}");
        }
        assert!(sent.len() < 20, "{} mails in two hours", sent.len());
    }

    #[test]
    fn every_purpose_has_a_name_of_its_own() {
        for (purpose, name, lifetime) in PURPOSES {
            assert_eq!((Purpose::from_name(name), purpose.name()), (Some(purpose), name));
            assert_eq!(purpose.lifetime(), lifetime);
        }
        assert_eq!(Purpose::from_name("other"), None);
    }
}
