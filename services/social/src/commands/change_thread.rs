//! Changing a thread.
//!
//! Invariant: only its opener changes it; the opening's policy and the thread's rule change together. A cap below the
//! number of parts removes none. A story stays closed.

use contract::social::threads::ThreadRule;
use contract::social::{Audience, Policies};
use db::Lane;
use uuid::Uuid;

use super::change_post::{apply, prepare, screen_change};
use super::screen::into_error;
use crate::error::Error;
use crate::model::thread::policy_of;
use crate::model::{InvalidPost, PostChange, PostText, Sender, Thread};
use crate::state::Social;
use crate::store::{posts, threads};

/// A change of a thread. `None` leaves a part as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct ThreadChange {
    /// The new title.
    pub title: Option<PostText>,
    /// Who may join from now on.
    pub rule: Option<ThreadRule>,
    /// The new cap.
    pub cap: Option<u32>,
    /// Who may see it from now on.
    pub audience: Option<Audience>,
}

/// Changes a thread of the opener's.
pub(crate) async fn change_thread(
    social: &Social,
    sender: Sender,
    id: Uuid,
    change: ThreadChange,
) -> Result<(), Error> {
    let ThreadChange { title, rule, cap, audience } = change;
    let change = PostChange { text: title, audience, policies: None, place: None, song: None };
    let prepared = prepare(social, &sender, id, change).await?;
    let opener = sender.person;
    let stopped = social
        .context
        .db
        .write(Lane::of(&opener.account).and(&id), async move |tx| {
            let post = posts::find(tx, id).await?.filter(|post| post.author == opener.number && post.part.is_none());
            let post = post.ok_or(Error::NotFound)?;
            let thread = threads::find(tx, id).await?.unwrap_or_else(|| Thread::of_post(&post));
            let (rule, cap) = (rule.unwrap_or(thread.rule), cap.unwrap_or(thread.cap));
            if post.is_story && rule != ThreadRule::Closed {
                return Err(InvalidPost("Nobody joins a story: it ends within a day.").into());
            }
            if let Some(what) = screen_change(tx, &opener, id, &prepared).await? {
                return Ok(Some(what));
            }
            let policies = Policies { join: policy_of(rule), ..post.policies };
            apply(tx, &opener, id, prepared.with_policies(policies)).await?;
            threads::insert(tx, &thread).await?;
            threads::update(tx, id, rule, cap).await?;
            Ok::<_, Error>(None)
        })
        .await?;
    match stopped {
        Some(what) => Err(into_error(what, social)),
        None => Ok(()),
    }
}
