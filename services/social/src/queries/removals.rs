//! What moderators of the site have removed of a member's, as the member reads it.
//!
//! Invariant: a list is its member's own, and names nobody.

use contract::social::own_list_views::RemovalView;

use crate::error::Error;
use crate::model::{NumberedList, PersonNumber, Position, Removal};
use crate::state::Social;
use crate::store;

/// Returns a page of what was removed of a member's, the last first, and the cursor of the next one.
pub(crate) async fn list(
    social: &Social,
    member: PersonNumber,
    after: Option<&str>,
    size: usize,
) -> Result<(Vec<RemovalView>, Option<String>), Error> {
    let parse = |text| NumberedList::Removals.parse(text).map(Position).ok_or(Error::WrongCursor);
    let before = after.map_or(Ok(Position::END), parse)?;
    let mut found = store::removals::list(social.context.db.read(), member, before, size + 1).await?;
    let has_more = found.len() > size;
    found.truncate(size);
    let next = found.last().filter(|_| has_more).map(|last| NumberedList::Removals.cursor(last.notice.position.0));
    Ok((found.into_iter().filter_map(view).collect(), next))
}

fn view(removal: Removal) -> Option<RemovalView> {
    Some(RemovalView {
        kind: removal.kind,
        id: removal.object,
        excerpt: removal.excerpt,
        reason: removal.notice.reason,
        message: removal.notice.message,
        removed_at: removal.notice.position.moment()?,
    })
}
