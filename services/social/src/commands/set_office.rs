//! Inviting members to a thread, appointing its moderators, and ending both.
//!
//! Invariant: only the opener appoints moderators; the opener and the moderators invite; a thread has a bounded number
//! of both, and none beside a block between them and the opener.

use db::Lane;
use uuid::Uuid;

use crate::error::Error;
use crate::model::Person;
use crate::model::thread::MAX_MODERATORS;
use crate::queries::openings;
use crate::state::Social;
use crate::store::threads::Office;
use crate::store::{people, posts, relations, threads};

/// The most invitations to a thread.
const MAX_INVITATIONS: u64 = 500;

/// What a person is, or is not any more, to a thread.
#[derive(Debug, Clone)]
pub(crate) struct NamedOffice {
    /// The thread.
    pub thread: Uuid,
    /// Who.
    pub person: Person,
    /// What they are to it.
    pub office: Office,
    /// The token of the thread's link, if the request has one.
    pub token: Option<String>,
}

/// Gives a person an office in a thread, or ends it. Does nothing if it is so already, for the opener, who needs none,
/// and beside a block between the person and the opener.
pub(crate) async fn set_office(
    social: &Social,
    actor: Person,
    named: NamedOffice,
    is_given: bool,
) -> Result<(), Error> {
    let NamedOffice { thread, person, office, token } = named;
    let now = social.context.clock.now();
    let max = if office == Office::Moderator { MAX_MODERATORS as u64 } else { MAX_INVITATIONS };
    social
        .context
        .db
        .write(Lane::of(&thread).and(&person.account), async move |tx| {
            let opening = openings::find(tx, actor.number, thread, token.as_deref(), now).await?;
            if !opening.moderates || office == Office::Moderator && !opening.relation.is_self {
                return Err(Error::NotModerator);
            }
            if !is_given {
                return Ok(threads::remove_office(tx, office, thread, person.number).await?);
            }
            if person.number == opening.post.author {
                return Ok(());
            }
            // A block has ended it for good, and who invites learns nothing of that.
            if relations::find(tx, person.number, opening.post.author, now).await?.is_blocked() {
                return Ok(());
            }
            if !posts::hold(tx, thread).await? {
                return Err(Error::NotFound);
            }
            let Some(person) = people::retain_known(tx, vec![person]).await?.pop() else {
                return Err(Error::NoSuchPerson);
            };
            threads::insert_office(tx, office, thread, person.number).await?;
            if threads::count_office(tx, office, thread).await? > max {
                return Err(Error::TooManyInThread(max));
            }
            Ok(())
        })
        .await
}
