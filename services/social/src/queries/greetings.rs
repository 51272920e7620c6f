//! Greetings as their sender, and as those who have the link see them.
//!
//! Invariant: a link that has ended, was revoked or never was, one of a sender who is not shown to the reader, and one
//! whose clip can't be shown are the same error.

use contract::social::talk_views::{GreetingOpeningsView, GreetingView};
use uuid::Uuid;

use crate::error::Error;
use crate::model::{Greeting, GreetingToken, Person, PersonNumber, PostMedia, Relation};
use crate::state::Social;
use crate::store;

/// A greeting that somebody has opened by its link.
pub(crate) struct OpenedGreeting {
    /// The greeting.
    pub greeting: Greeting,
    /// Who sent it.
    pub sender: Person,
    /// As the reader sees it.
    pub view: GreetingView,
}

/// Returns the greeting of a link.
pub(crate) async fn open(
    social: &Social,
    reader: PersonNumber,
    token: &GreetingToken,
) -> Result<OpenedGreeting, Error> {
    let (sql, now) = (social.context.db.read(), social.context.clock.now());
    let found = store::greetings::find_by_token(sql, &token.hash(), now).await?;
    let greeting = found.ok_or(Error::NoSuchGreeting)?;
    let sender = store::people::find(sql, greeting.sender).await?.ok_or(Error::NoSuchGreeting)?;
    let relation = store::relations::find(sql, reader, sender.number, now).await?;
    let is_shown = relation.is_self || !sender.standing.is_hidden(now) && !relation.is_blocked();
    let media = find_media(social, greeting.id).await?.filter(PostMedia::is_viewable);
    let media = media.filter(|_| is_shown).ok_or(Error::NoSuchGreeting)?;
    let view = view(social, &greeting, &sender, &media, &relation);
    Ok(OpenedGreeting { greeting, sender, view })
}

/// Returns a greeting of the sender's.
pub(crate) async fn get_own(social: &Social, sender: &Person, id: Uuid) -> Result<GreetingView, Error> {
    let found = store::greetings::find(social.context.db.read(), id, sender.number).await?;
    let greeting = found.ok_or(Error::NoSuchGreeting)?;
    let media = find_media(social, id).await?.ok_or(Error::NoSuchGreeting)?;
    Ok(view(social, &greeting, sender, &media, &Relation::of_self()))
}

/// Returns a page of the greetings of a sender, the newest first, and the cursor of the next one.
pub(crate) async fn list(
    social: &Social,
    sender: &Person,
    before: Uuid,
    size: usize,
) -> Result<(Vec<GreetingView>, Option<String>), Error> {
    let sql = social.context.db.read();
    let mut greetings = store::greetings::list(sql, sender.number, before, size + 1).await?;
    let has_more = greetings.len() > size;
    greetings.truncate(size);
    let next = greetings.last().filter(|_| has_more).map(|last| last.id.to_string());
    let ids: Vec<Uuid> = greetings.iter().map(|greeting| greeting.id).collect();
    let mut media = store::post_media::list(sql, &ids).await?;
    let own = Relation::of_self();
    let views = greetings.iter().filter_map(|greeting| {
        // The clip was removed in between.
        let item = media.remove(&greeting.id)?.into_iter().next()?;
        Some(view(social, greeting, sender, &item, &own))
    });
    Ok((views.collect(), next))
}

async fn find_media(social: &Social, id: Uuid) -> Result<Option<PostMedia>, Error> {
    let mut media = store::post_media::list(social.context.db.read(), &[id]).await?;
    Ok(media.remove(&id).and_then(|items| items.into_iter().next()))
}

/// Returns the view of a reader who stands so to the sender.
fn view(social: &Social, greeting: &Greeting, sender: &Person, media: &PostMedia, relation: &Relation) -> GreetingView {
    let openings = GreetingOpeningsView { first_at: greeting.opened_at, count: greeting.open_count };
    GreetingView {
        id: greeting.id,
        from: sender.view(),
        to_name: greeting.to_name.clone(),
        text: greeting.text.clone(),
        media: media.view(relation, &social.context.url_signer, social.context.clock.now()),
        created_at: greeting.created_at,
        expires_at: greeting.expires_at,
        url: None,
        openings: relation.is_self.then_some(openings),
    }
}
