//! Who has reacted to a post, and who has reposted it, as a reader sees it.
//!
//! Invariant: a list is of a post that the reader may see, and has nobody who is not shown to the reader.

use contract::social::talk::TalkState;
use contract::social::talk_views::{ReactionView, RepostView};
use uuid::Uuid;

use super::posts;
use crate::error::Error;
use crate::model::PersonNumber;
use crate::state::Social;
use crate::store;

/// Returns a page of the reactions to a post, and the cursor of the next one.
pub(crate) async fn list(
    social: &Social,
    reader: PersonNumber,
    (post, token): (Uuid, Option<&str>),
    before: PersonNumber,
    size: usize,
) -> Result<(Vec<ReactionView>, Option<String>), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let post = posts::find_visible(social, reader, post, token).await?;
    let mut reactions = store::reactions::list(sql, post.id, reader, now, before, size + 1).await?;
    let has_more = reactions.len() > size;
    reactions.truncate(size);
    let next = reactions.last().filter(|_| has_more).map(|last| last.person.number.0.to_string());
    let views = reactions.iter().map(|one| ReactionView { person: one.person.view(), kind: one.kind, at: one.at });
    Ok((views.collect(), next))
}

/// Returns a page of the reposts of a post, and the cursor of the next one.
pub(crate) async fn list_reposts(
    social: &Social,
    reader: PersonNumber,
    post: Uuid,
    before: PersonNumber,
    size: usize,
) -> Result<(Vec<RepostView>, Option<String>), Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let post = posts::find_visible(social, reader, post, None).await?;
    let mut reposts = store::reposts::list(sql, (post.id, post.author), reader, now, before, size + 1).await?;
    let has_more = reposts.len() > size;
    reposts.truncate(size);
    let next = reposts.last().filter(|_| has_more).map(|last| last.person.number.0.to_string());
    let views =
        reposts.iter().map(|one| RepostView { person: one.person.view(), state: TalkState::of(one.is_pending) });
    Ok((views.collect(), next))
}
