//! Telling members that their files are converted, or can't be.
//!
//! The events of a conversion don't say whose the file is, so that is kept from the upload. Invariant: handling an
//! event again tells nothing again.

use contract::MediaId;
use contract::media::{Deleted, Kind, Received};
use contract::notify::NoticeKind;
use db::Lane;

use super::removed::remove_subject;
use super::tell::tell;
use crate::error::Error;
use crate::model::Proposal;
use crate::state::Notify;
use crate::store::{media, people};

/// Remembers whose a file is. Does nothing if its owner was erased meanwhile.
pub(crate) async fn record_file(notify: &Notify, received: Received) -> Result<(), Error> {
    let (owner, now) = (received.owner, notify.context.clock.now());
    let written = notify.context.db.write(Lane::of(&owner), async move |tx| {
        if people::list_erased(tx, &[owner]).await?.is_empty() {
            media::insert(tx, &received, now).await?;
        }
        Ok::<_, Error>(())
    });
    written.await
}

/// How a conversion has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// It is complete.
    Ready,
    /// It has failed. An operator may have it tried again.
    Failed,
}

/// Tells the owner of a file how its conversion has ended. That of a photo is told only if it has failed: it takes a
/// moment.
pub(crate) async fn tell_of_conversion(notify: &Notify, id: &MediaId, ended: Conversion) -> Result<(), Error> {
    let Some((owner, kind)) = media::find(notify.context.db.read(), id.as_str()).await? else { return Ok(()) };
    let notice = match ended {
        Conversion::Failed => Some(NoticeKind::MediaFailed),
        Conversion::Ready => (kind != Kind::Photo).then_some(NoticeKind::MediaReady),
    };
    if let Some(notice) = notice {
        tell(notify, vec![Proposal::by_entry(notice, owner, None, Some(id), id)]).await?;
    }
    if ended == Conversion::Ready {
        let (lane, id) = (Lane::of(&owner), id.clone());
        notify.context.db.write(lane, async move |tx| media::remove(tx, id.as_str()).await).await?;
    }
    Ok(())
}

/// Forgets a file, and withdraws what was told of it.
pub(crate) async fn remove_file(notify: &Notify, deleted: Deleted) -> Result<(), Error> {
    let (lane, id) = (Lane::of(&deleted.owner), deleted.id.clone());
    notify.context.db.write(lane, async move |tx| media::remove(tx, id.as_str()).await).await?;
    remove_subject(notify, deleted.id.to_string()).await
}
