//! Verdicts about what a profile says: its display name, its bio and its links.
//!
//! Owns what the rules are told. A profile can't wait for a moderator, so what would be held is refused. Invariant: the
//! caller holds the lane of the account; what is not changed is not decided about.

use contract::moderation::{Evidence, Overturned};
use db::{Lane, Tx};
use screening::classifier::Opinion;
use screening::facts::{Content, Relation, Surface};
use screening::reason::Reason;
use screening_store::{NotStored, Reach, Submission, party, senders};

use crate::error::Error;
use crate::model::{Account, Link, ProfilePatch};
use crate::state::Accounts;
use crate::store::verdicts::HOME;

/// Returns what a change of a profile has to be decided about.
pub(super) fn submissions(accounts: &Accounts, account: &Account, patch: &ProfilePatch) -> Vec<Submission> {
    let name = patch.display_name.as_ref().filter(|name| **name != account.display_name);
    let name = name.map(|name| submission(accounts, account, Surface::DisplayName, Content::of(name), name));
    let bio = patch.bio.as_ref().filter(|bio| **bio != account.bio);
    let links = patch.links.as_ref().filter(|links| **links != account.about.links);
    let profile = (bio.is_some() || links.is_some()).then(|| {
        let (bio, links) = (bio.map_or("", String::as_str), links.map_or(&[][..], Vec::as_slice));
        let links: Vec<&str> = links.iter().map(|Link(url)| url.as_str()).collect();
        let mut content = Content::of(bio);
        // The list of links shows where each leads, so that having some is nothing bad: only what hides it counts.
        content.text.shorteners += Content::of(&links.join(" ")).text.shorteners;
        let text = format!("{bio}\n{}", links.join("\n"));
        submission(accounts, account, Surface::Bio, content, text.trim())
    });
    name.into_iter().chain(profile).collect()
}

fn submission(accounts: &Accounts, account: &Account, surface: Surface, content: Content, text: &str) -> Submission {
    let now = accounts.context.clock.now();
    Submission {
        home: &HOME,
        surface,
        kind: if surface == Surface::DisplayName { "display_name" } else { "bio" },
        account: account.id,
        is_confirmed: account.email_confirmed_at.is_some(),
        recipient: party(account.id.0),
        content,
        evidence: Evidence::of(text, [], Some(account.id.to_string())),
        nudity: Vec::new(),
        spam: Opinion::NotAsked,
        can_wait: false,
        place: account.id.0,
        verdict: accounts.context.random.uuid_v7(now),
        rules: accounts.rules.clone(),
        now,
    }
}

/// Decides about each of these. Returns what stops the change, if anything does.
pub(super) async fn screen(tx: &Tx, submissions: &[Submission]) -> Result<Option<NotStored>, db::Error> {
    for submission in submissions {
        // What all may read counts as sent to strangers.
        let decision = submission.screen(tx, Reach::of(Relation::Stranger)).await?;
        if let Some(what) = submission.not_stored(tx, &decision).await? {
            return Ok(Some(what));
        }
        submission.record(tx).await?;
    }
    Ok(None)
}

/// Returns the error for the member whose change is stopped.
pub(super) fn into_error(what: NotStored) -> Error {
    match what {
        NotStored::Refused(verdict, reason) => Error::ProfileRefused { verdict, reason },
        NotStored::SlowDown(reason, wait) => Error::ProfileSlowed { reason, wait },
    }
}

/// Exempts a member from the check of a verdict about their profile that an appeal has undone. Does nothing about other
/// verdicts and decisions. The member changes the profile again.
pub(crate) async fn follow_won_appeal(accounts: &Accounts, overturned: &Overturned) -> Result<(), Error> {
    let check: Option<Reason> = overturned.check.as_deref().and_then(|code| code.parse().ok());
    let Some(check) = check.filter(|_| overturned.thing.role == HOME.role) else { return Ok(()) };
    let owner = overturned.owner;
    let db = &accounts.context.db;
    Ok(db.write(Lane::of(&owner), async move |tx| senders::add_exempt(tx, &HOME, owner.0, check).await).await?)
}
