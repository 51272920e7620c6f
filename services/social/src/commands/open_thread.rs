//! Opening a thread.
//!
//! Invariant: the opening, which is a post, and the thread are written in one transaction.

use contract::social::threads::ThreadOpened;
use db::Lane;
use http_server::Effect;
use uuid::Uuid;

use super::create_post::{finish, prepare, read_author, screen_mentions, write};
use super::join_thread::check_clip;
use super::screen::into_error;
use crate::error::Error;
use crate::model::{NewThread, Sender, Thread};
use crate::state::Social;
use crate::store::threads;

/// Opens a thread and returns its id.
pub(crate) async fn open_thread(
    social: &Social,
    sender: Sender,
    new: NewThread,
    effect: Effect,
) -> Result<Uuid, Error> {
    let NewThread { post, rule, cap } = new;
    let draft = prepare(social, &sender, post).await?;
    check_clip(&draft.media)?;
    let opener = sender.person;
    let now = social.context.clock.now();
    let (id, audience) = (draft.post.id, draft.post.audience);
    let stopped = social
        .context
        .db
        .write(Lane::of(&opener.account).and(&id), async move |tx| {
            let opener = read_author(tx, &opener, now).await?;
            if let Some(what) = screen_mentions(tx, &opener, &draft).await? {
                return Ok(Some(what));
            }
            write(tx, &opener, draft).await?;
            threads::insert(tx, &Thread { id, rule, cap, part_count: 0, last_number: 0, created_at: now }).await?;
            tx.publish(&ThreadOpened { thread: id, opener: opener.account, rule, audience, at: now }, now)?;
            effect.created(tx, format!("/v1/threads/{id}")).await?;
            Ok::<_, Error>(None)
        })
        .await?;
    if let Some(what) = stopped {
        return Err(into_error(what, social));
    }
    finish(social, id, true).await;
    Ok(id)
}
