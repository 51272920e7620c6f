//! Whose presence a member sees.
//!
//! Two members see each other if both take part in a conversation, both want to be seen by the other, neither has
//! blocked the other, and neither is suspended. Invariant: what is not known, because social does not respond, is not
//! shown; the relation is the same from both sides, so those who see a member are those whom the member sees.

use std::collections::{BTreeMap, HashMap};

use contract::AccountId;

use crate::contacts::{Follows, find_follows};
use crate::error::Error;
use crate::model::{Presence, PresencePair};
use crate::presence::messages::PresenceChange;
use crate::state::Chat;
use crate::store::{blocks, last_seen, members, people, settings};

/// The most conversations whose members are told of each other's changes: those with the newest messages.
const MAX_CONVERSATIONS: usize = 100;
/// The most others who are told of a member's change, and whom a member is told of.
const MAX_PARTNERS: usize = 500;

/// Returns those who take part in a conversation with a member, who may see the member or not.
pub(crate) async fn list_partners(chat: &Chat, member: AccountId) -> Result<Vec<AccountId>, Error> {
    Ok(members::list_partners(chat.context.db.read(), member, MAX_CONVERSATIONS, MAX_PARTNERS).await?)
}

/// Returns those who see the presence of a member, and whose presence the member sees.
pub(crate) async fn list_viewers(chat: &Chat, member: AccountId) -> Result<Vec<AccountId>, Error> {
    list_mutual(chat, member, list_partners(chat, member).await?).await
}

/// Returns those of a member's viewers who do not see the member any more.
pub(crate) async fn list_lost(
    chat: &Chat,
    member: AccountId,
    viewers: Vec<AccountId>,
) -> Result<Vec<AccountId>, Error> {
    let seen = list_mutual(chat, member, viewers.clone()).await?;
    Ok(viewers.into_iter().filter(|viewer| !seen.contains(viewer)).collect())
}

/// Returns the presence of those of these members whom a reader sees. Each takes part in a conversation with the
/// reader.
pub(crate) async fn list(
    chat: &Chat,
    reader: AccountId,
    others: Vec<AccountId>,
) -> Result<HashMap<AccountId, Presence>, Error> {
    let seen = list_mutual(chat, reader, others).await?;
    let now = chat.context.clock.now();
    let (online, away): (Vec<_>, Vec<_>) = seen.into_iter().partition(|other| chat.presence.is_online(*other, now));
    let last_seen = last_seen::list(chat.context.db.read(), &away).await?;
    let away = away.into_iter().map(|other| (other, Presence::away(last_seen.get(&other).copied(), now)));
    Ok(online.into_iter().map(|other| (other, Presence::ONLINE)).chain(away).collect())
}

/// Returns those whom a reader sees online: what a stream begins with.
pub(crate) async fn list_online(chat: &Chat, reader: AccountId) -> Result<Vec<(AccountId, Option<Presence>)>, Error> {
    let (mut partners, now) = (list_partners(chat, reader).await?, chat.context.clock.now());
    partners.retain(|other| chat.presence.is_online(*other, now));
    let online = list_mutual(chat, reader, partners).await?;
    Ok(online.into_iter().map(|other| (other, Some(Presence::ONLINE))).collect())
}

/// Returns the presence of all with whom a reader has a conversation; `None` of those whom the reader does not see.
pub(crate) async fn list_all(chat: &Chat, reader: AccountId) -> Result<Vec<(AccountId, Option<Presence>)>, Error> {
    let partners = list_partners(chat, reader).await?;
    let seen = list(chat, reader, partners.clone()).await?;
    Ok(partners.into_iter().map(|other| (other, seen.get(&other).copied())).collect())
}

/// Returns what has become of the presence of others, as a reader sees it. Those who are online or away were found to
/// be seen by the reader when that was published; what is unknown is read.
pub(crate) async fn list_changed(
    chat: &Chat,
    reader: AccountId,
    changes: BTreeMap<AccountId, PresenceChange>,
) -> Result<Vec<(AccountId, Option<Presence>)>, Error> {
    let now = chat.context.clock.now();
    let mut unknown = Vec::new();
    let mut changed = Vec::with_capacity(changes.len());
    for (other, change) in changes {
        match change {
            PresenceChange::Online => changed.push((other, Some(Presence::ONLINE))),
            PresenceChange::Away => changed.push((other, Some(Presence::away(Some(now), now)))),
            PresenceChange::Unknown => unknown.push(other),
        }
    }
    if !unknown.is_empty() {
        let partners = list_partners(chat, reader).await?;
        let (together, apart): (Vec<_>, Vec<_>) = unknown.into_iter().partition(|other| partners.contains(other));
        let seen = list(chat, reader, together.clone()).await?;
        changed.extend(together.into_iter().map(|other| (other, seen.get(&other).copied())));
        changed.extend(apart.into_iter().map(|other| (other, None)));
    }
    Ok(changed)
}

/// Returns those of these members whom a member sees, and who see the member.
async fn list_mutual(chat: &Chat, member: AccountId, mut others: Vec<AccountId>) -> Result<Vec<AccountId>, Error> {
    others.retain(|other| *other != member);
    others.sort_unstable();
    others.dedup();
    if others.is_empty() {
        return Ok(others);
    }
    let sql = chat.context.db.read();
    let all: Vec<AccountId> = others.iter().copied().chain([member]).collect();
    let wanted = settings::list(sql, &all).await?;
    let audience = |account: AccountId| wanted.get(&account).copied().unwrap_or_default().presence;
    let pair = |other| (other, PresencePair { own: audience(member), other: audience(other) });
    let mut pairs: Vec<(AccountId, PresencePair)> = others.iter().copied().map(pair).collect();
    // As if they followed each other: who is hidden even then is hidden.
    pairs.retain(|(_, pair)| pair.is_seen(true, true));
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let hidden = people::list_hidden(sql, &all, chat.context.clock.now()).await?;
    let blocked = blocks::list_between(sql, member, &others).await?;
    pairs.retain(|(other, _)| !hidden.contains(other) && !blocked.contains(other));
    if hidden.contains(&member) {
        return Ok(Vec::new());
    }
    let asked: Vec<AccountId> =
        pairs.iter().filter(|(_, pair)| pair.depends_on_follows()).map(|(other, _)| *other).collect();
    let known = match find_follows(chat, member, &asked).await {
        Ok(known) => known,
        Err(Error::Peer(error)) => {
            tracing::warn!(%error, "who follows whom could not be read; presence that depends on it is not shown");
            HashMap::new()
        }
        Err(error) => return Err(error),
    };
    pairs.retain(|(other, pair)| {
        let Follows { follows, is_followed } = known.get(other).copied().unwrap_or_default();
        pair.is_seen(follows, is_followed)
    });
    Ok(pairs.into_iter().map(|(other, _)| other).collect())
}
