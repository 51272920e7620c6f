//! Bringing people into a group: the part that creating one and adding members have in common.
//!
//! Invariant: a member who does not follow the inviter takes part when they accept; an invitation that is held or
//! refused brings no member in.

use contract::AccountId;
use contract::social::Contact;
use db::Tx;
use screening::facts::Relation;
use uuid::Uuid;

use super::append::{About, append};
use super::screen::{Draft, NotStored, Reach};
use crate::error::Error;
use crate::model::{ChangeKind, ConversationMember, MemberState};
use crate::store::{conversations, members, people, settings};

/// Decides about an invitation of these people.
pub(super) async fn screen(tx: &Tx, draft: &Draft, invited: &[Contact]) -> Result<Option<NotStored>, Error> {
    let strangers: Vec<&Contact> = invited.iter().filter(|contact| !contact.follows_member).collect();
    let reach = if strangers.is_empty() {
        Reach::connected()
    } else {
        let accounts: Vec<AccountId> = strangers.iter().map(|contact| contact.person.id).collect();
        let wanted = settings::list(tx, &accounts).await?;
        let count = u32::try_from(strangers.len()).unwrap_or(u32::MAX);
        let is_acquainted = strangers.iter().all(|contact| contact.friends_in_common > 0);
        Reach {
            relation: if is_acquainted { Relation::Acquainted } else { Relation::Stranger },
            recipients: count,
            new_recipients: count,
            unanswered: 0,
            refuses_strangers: wanted.values().any(|settings| !settings.allows_strangers),
        }
    };
    let decision = draft.screen(tx, reach).await?;
    Ok(draft.not_stored(tx, &decision).await?)
}

/// Brings people into a group: those who follow the inviter at once, the others with a request.
pub(super) async fn bring_in(tx: &Tx, draft: &Draft, conversation: Uuid, invited: &[Contact]) -> Result<(), db::Error> {
    let (inviter, now) = (draft.author.account, draft.now);
    for contact in invited {
        let account = contact.person.id;
        people::put(tx, &contact.person, now).await?;
        let before = members::find(tx, conversation, account).await?;
        let is_there = before.as_ref().is_some_and(|member| member.is_joined() || member.is_requested());
        // Who has declined is not asked again.
        if is_there || before.is_some_and(|member| member.state == MemberState::Declined) {
            continue;
        }
        let joins = contact.follows_member;
        let from_seq = last_seq(tx, conversation).await?;
        let state = if joins { MemberState::Joined } else { MemberState::Requested };
        let mut member = ConversationMember::new(conversation, account, state, from_seq, now);
        member.inviter = Some(inviter);
        member.position = now.timestamp_micros();
        members::put(tx, &member).await?;
        if joins {
            append(tx, conversation, ChangeKind::Joined, Some(account), About::default(), now).await?;
        }
    }
    Ok(())
}

/// Returns the place of the newest change.
pub(super) async fn last_seq(tx: &Tx, conversation: Uuid) -> Result<i64, db::Error> {
    Ok(conversations::find(tx, conversation).await?.map_or(0, |found| found.last_seq))
}
