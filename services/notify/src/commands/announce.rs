//! Announcing something to members, and cancelling it.
//!
//! Invariant: an announcement is one row, however many members it is for; the number of those that begin within seven
//! days, and of all that are kept, is bounded; the act is in the audit trail.

use db::Lane;
use http_server::Effect;
use http_server::operators::{Act, Actor};
use serde_json::json;
use uuid::Uuid;

use crate::error::Error;
use crate::live;
use crate::model::{Announcement, COUNTED_FOR, NewAnnouncement, WEEK};
use crate::state::Notify;
use crate::store::announcements;

/// The lane of new announcements.
const LANE: &str = "announcements";
/// Announcements that are not over, or not for longer than [`COUNTED_FOR`].
const MAX_CURRENT: u64 = 100;

/// Makes an announcement, which is shown from its beginning on.
pub(crate) async fn create_announcement(
    notify: &Notify,
    actor: Actor,
    new: NewAnnouncement,
    effect: Effect,
) -> Result<Announcement, Error> {
    let now = notify.context.clock.now();
    let (starts_at, ends_at) = new.check(now).map_err(Error::InvalidAnnouncement)?;
    let max = u64::from(notify.config.announcements_per_week);
    let announcement = Announcement {
        id: notify.context.random.uuid_v7(starts_at),
        category: new.category,
        role: new.role,
        language: new.language,
        texts: new.texts,
        url: new.url,
        starts_at,
        ends_at,
        cancelled_at: None,
        seen_count: 0,
    };
    let made = announcement.clone();
    let written = notify.context.db.write(Lane::of(LANE), async move |tx| {
        let near = announcements::count_between(tx, starts_at - WEEK, starts_at + WEEK).await?;
        if near >= max || announcements::count_current(tx, now - COUNTED_FOR).await? >= MAX_CURRENT {
            return Err(Error::TooManyAnnouncements(max));
        }
        announcements::insert(tx, &made).await?;
        effect.done(tx).await?;
        let after = json!({
            "category": made.category,
            "role": made.role,
            "language": made.language,
            "texts": made.texts,
            "starts_at": made.starts_at,
            "ends_at": made.ends_at,
        });
        let act = Act::new(actor, "notify.announced", now).on("announcement", made.id);
        act.change(json!(null), after).record(tx)?;
        Ok(())
    });
    written.await?;
    live::publish_all(&notify.context.bus);
    Ok(announcement)
}

/// Cancels an announcement: it is not shown any more, or not at all. Does nothing if it is cancelled already.
pub(crate) async fn cancel_announcement(notify: &Notify, actor: Actor, id: Uuid) -> Result<(), Error> {
    let now = notify.context.clock.now();
    let written = notify.context.db.write(Lane::of(LANE), async move |tx| {
        if announcements::list_each(tx, &[id]).await?.is_empty() {
            return Err(Error::NoSuchAnnouncement);
        }
        if announcements::cancel(tx, id, now).await? {
            let act = Act::new(actor, "notify.announcement_cancelled", now).on("announcement", id);
            act.change(json!({"cancelled": false}), json!({"cancelled": true})).record(tx)?;
        }
        Ok(())
    });
    written.await?;
    live::publish_all(&notify.context.bus);
    Ok(())
}
