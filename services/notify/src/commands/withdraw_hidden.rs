//! Withdrawing what a member may not see any more, because they or an author follow each other no longer.
//!
//! A notice does not say who may see the post that it is about, so social is asked, which has ended the relation before
//! its event arrives. Invariant: the end of the relation is stored before this runs, so that what is told meanwhile is
//! withdrawn by the command that tells it.

use contract::AccountId;
use contract::notify::NoticeKind;
use contract::social::{FindHiddenPosts, MAX_IDS_PER_QUERY};
use uuid::Uuid;

use super::withdraw::withdraw;
use crate::error::Error;
use crate::history::{Filter, Withdrawn};
use crate::state::Notify;

/// What members are told because they are in the audience of a post ([`crate::model::is_of_audience`]).
const KINDS: [NoticeKind; 3] = [NoticeKind::Answered, NoticeKind::Mentioned, NoticeKind::Posted];

/// Withdraws those notices of a member that are about posts which the member may not see.
pub(super) async fn withdraw_hidden(notify: &Notify, member: AccountId) -> Result<(), Error> {
    for kind in KINDS {
        for is_filtered in [false, true] {
            withdraw_of_list(notify, member, Filter { kind: Some(kind), is_unread: false, is_filtered }).await?;
        }
    }
    Ok(())
}

async fn withdraw_of_list(notify: &Notify, member: AccountId, filter: Filter) -> Result<(), Error> {
    let mut before = Uuid::max();
    loop {
        let page = notify.history.list(member, filter, before, MAX_IDS_PER_QUERY).await?;
        let Some(last) = page.last() else { return Ok(()) };
        before = last.id;
        let subjects = page.iter().filter_map(|notice| notice.subject.as_ref());
        let ids: Vec<Uuid> = subjects.filter_map(|subject| subject.parse().ok()).collect();
        if ids.is_empty() {
            continue;
        }
        let hidden = notify.context.peers.ask(&FindHiddenPosts { reader: member, ids }).await?;
        for post in hidden.unwrap_or_default() {
            let (subject, members) = (post.to_string(), vec![member]);
            withdraw(notify, &Withdrawn::About { subject, members }).await?;
        }
    }
}
