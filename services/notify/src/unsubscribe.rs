//! The links in mails by which a member stops mails of some kinds without signing in (RFC 8058).
//!
//! A token is `account~kind~kind~signature`. Invariant: it stops mails about the kinds in it and does nothing else, and
//! only this installation can make one.

use chrono::{DateTime, TimeDelta, Utc};
use contract::AccountId;
use contract::notify::NoticeKind;
use http_server::signed_url::UrlSigner;
use uuid::Uuid;

/// What a signature is for.
const SCOPE: &str = "notify.unsubscribe";
/// How long a link works: people unsubscribe from old mails.
const LIFETIME: TimeDelta = TimeDelta::days(400);

/// Which mails a link stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unsubscription {
    /// Whose.
    pub member: AccountId,
    /// About what.
    pub kinds: Vec<NoticeKind>,
}

impl Unsubscription {
    fn subject(&self) -> String {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.as_str()).collect();
        format!("{}~{}", self.member, kinds.join("~"))
    }

    /// Returns the token of a link.
    pub(crate) fn token(&self, signer: &UrlSigner, now: DateTime<Utc>) -> String {
        let subject = self.subject();
        let signature = signer.sign(SCOPE, &subject, now, LIFETIME);
        format!("{subject}~{signature}")
    }

    /// Reads a token; `None` if it was not made here, or is too old.
    pub(crate) fn read(token: &str, signer: &UrlSigner, now: DateTime<Utc>) -> Option<Self> {
        let (subject, signature) = token.rsplit_once('~')?;
        let mut parts = subject.split('~');
        let member = AccountId(Uuid::parse_str(parts.next()?).ok()?);
        let kinds = parts.map(|kind| kind.parse().ok()).collect::<Option<Vec<NoticeKind>>>()?;
        signer.is_valid(signature, SCOPE, subject, now).then_some(Self { member, kinds })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stops_what_it_was_made_for() {
        let (signer, now) = (UrlSigner::new([7; 32]), DateTime::UNIX_EPOCH + TimeDelta::days(20_000));
        let kinds = vec![NoticeKind::CommentPending, NoticeKind::Mentioned];
        let stop = Unsubscription { member: AccountId(Uuid::from_u128(1)), kinds };
        let token = stop.token(&signer, now);
        assert_eq!(Unsubscription::read(&token, &signer, now + TimeDelta::days(399)), Some(stop));
        assert_eq!(Unsubscription::read(&token, &signer, now + TimeDelta::days(402)), None);
        assert_eq!(Unsubscription::read(&token, &UrlSigner::new([8; 32]), now), None);
        let others = [token.replace("mentioned", "reacted"), token.replace("0001~", "0002~"), token.replace('~', "")];
        for other in others.iter().map(String::as_str).chain(["", "~", "~~", "é~~"]) {
            assert_eq!(Unsubscription::read(other, &signer, now), None, "{other}");
        }
    }
}
