//! Reads together what is known about the members, actors and subjects of proposals.
//!
//! Invariant: a fixed number of queries, however many proposals there are.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::social::{Audience, Posted};
use db::{Error, FromQueryResult, Sql, Value};
use uuid::Uuid;

use super::values::names_after;
use super::{people, post_audiences, relations, removed, settings};
use crate::model::{Access, Known, PostAudience, Preferences, Proposal, Relation, RelationKind};

/// Returns what is known about proposals.
pub(crate) async fn read(sql: &impl Sql, proposals: &[Proposal], now: DateTime<Utc>) -> Result<Known, Error> {
    let author = |proposal: &Proposal| match proposal.access {
        Access::Post { author, .. } => Some(author),
        Access::Own => None,
    };
    let members = unique(proposals.iter().map(|proposal| proposal.member));
    let audiences = read_audiences(sql, proposals).await?;
    let others = proposals.iter().flat_map(|proposal| proposal.actor.into_iter().chain(author(proposal)));
    let others = unique(others.chain(audiences.values().map(|audience| audience.author)));
    let accounts = unique(members.iter().chain(&others).copied());
    let subjects = unique(proposals.iter().filter_map(|proposal| proposal.subject.clone()));
    let threads = proposals.iter().filter_map(|proposal| proposal.thread.clone());
    let mutable = unique(threads.chain(subjects.iter().cloned()));
    let objects = unique(proposals.iter().map(|proposal| proposal.entry.clone()).chain(subjects.iter().cloned()));
    Ok(Known {
        relations: relations::list(sql, &members, &others, now).await?.into_iter().collect(),
        // What has ended matters for what was told before it ended.
        parted: HashSet::new(),
        // Who somebody is matters of those who act only, and of those whose posts they are.
        people: people::list(sql, &others).await?.into_iter().map(|person| (person.account, person)).collect(),
        preferences: settings::list(sql, &members).await?.into_iter().collect(),
        audiences,
        muted: settings::list_mutes(sql, &members, &mutable).await?.into_iter().collect(),
        removed: removed::list(sql, &objects).await?.into_iter().collect(),
        erased: people::list_erased(sql, &accounts).await?.into_iter().collect(),
    })
}

/// Returns who may read the posts and threads of proposals, as far as they were changed.
async fn read_audiences(sql: &impl Sql, proposals: &[Proposal]) -> Result<HashMap<String, PostAudience>, Error> {
    let limited = proposals.iter().filter(|proposal| proposal.access != Access::Own);
    let subjects = unique(limited.flat_map(|proposal| proposal.subject.iter().chain(&proposal.thread).cloned()));
    Ok(post_audiences::list(sql, &subjects).await?.into_iter().collect())
}

/// Returns what may have forbidden proposals since they were told: blocks, mutes, follows that have ended, removals,
/// erasures, changes of who may read a post, and the standings of those who have acted.
pub(crate) async fn read_forbidding(
    sql: &impl Sql,
    proposals: &[Proposal],
    now: DateTime<Utc>,
) -> Result<Known, Error> {
    let members = unique(proposals.iter().map(|proposal| proposal.member));
    let audiences = read_audiences(sql, proposals).await?;
    let parted = list_parted(sql, proposals, now).await?;
    let parted_authors = parted.iter().map(|(_, author)| *author);
    let authors = unique(audiences.values().map(|audience| audience.author).chain(parted_authors));
    let actors = unique(proposals.iter().filter_map(|proposal| proposal.actor));
    let people = unique(actors.iter().chain(&authors).copied());
    let accounts = unique(members.iter().chain(&actors).copied());
    let subjects = proposals.iter().filter_map(|proposal| proposal.subject.clone());
    let objects = unique(proposals.iter().map(|proposal| proposal.entry.clone()).chain(subjects));
    Ok(Known {
        relations: relations::list_silencing(sql, &members, &actors, now)
            .await?
            .into_iter()
            // As a rule no post was changed, no follow has ended, and nothing is read.
            .chain(relations::list(sql, &members, &authors, now).await?)
            .collect(),
        parted,
        people: people::list(sql, &people).await?.into_iter().map(|person| (person.account, person)).collect(),
        audiences,
        removed: removed::list(sql, &objects).await?.into_iter().collect(),
        erased: people::list_erased(sql, &accounts).await?.into_iter().collect(),
        ..Known::default()
    })
}

/// Returns the members and the authors of proposals of whom one follows the other no longer.
async fn list_parted(
    sql: &impl Sql,
    proposals: &[Proposal],
    now: DateTime<Utc>,
) -> Result<HashSet<(AccountId, AccountId)>, Error> {
    let pair = |proposal: &Proposal| match proposal.access {
        Access::Post { author, .. } => Some((proposal.member, author)),
        Access::Own => None,
    };
    let (members, authors) = (
        unique(proposals.iter().filter_map(pair).map(|(member, _)| member)),
        unique(proposals.iter().filter_map(pair).map(|(_, author)| author)),
    );
    let ended = relations::list_ended(sql, &members, &authors, now).await?;
    // In either direction: what is for friends needs both.
    Ok(ended.into_iter().flat_map(|ended| [(ended.member, ended.other), (ended.other, ended.member)]).collect())
}

/// A post that many are told of, and what is known about it no matter who is told.
#[derive(Debug, Clone)]
pub(crate) struct KnownPost {
    author: AccountId,
    audience: Audience,
    id: String,
    /// Its author, its changes and its end.
    pub known: Known,
}

impl KnownPost {
    /// Whether it was removed, or its author was erased.
    pub(crate) fn is_gone(&self) -> bool {
        !self.known.removed.is_empty() || !self.known.erased.is_empty()
    }

    /// Whether the post or its author may forbid now what was decided by what was known `before`.
    pub(crate) fn may_be_forbidden(&self, before: &Self, now: DateTime<Utc>) -> bool {
        let Known { audiences, removed, erased, people, .. } = &self.known;
        let is_changed = !audiences.is_empty() || !removed.is_empty() || !erased.is_empty();
        is_changed || *people != before.known.people || people.values().any(|person| person.is_hidden(now))
    }
}

/// Returns what is known about a post.
pub(crate) async fn read_post(sql: &impl Sql, posted: &Posted) -> Result<KnownPost, Error> {
    let (author, id) = (posted.author, posted.id.to_string());
    let (authors, ids) = ([author], [id.clone()]);
    let (audiences, people, removed, erased) = tokio::try_join!(
        post_audiences::list(sql, &ids),
        people::list(sql, &authors),
        removed::list(sql, &ids),
        people::list_erased(sql, &authors),
    )?;
    let known = Known {
        audiences: audiences.into_iter().collect(),
        people: people.into_iter().map(|person| (person.account, person)).collect(),
        removed: removed.into_iter().collect(),
        erased: erased.into_iter().collect(),
        ..Known::default()
    };
    Ok(KnownPost { author, audience: posted.audience, id, known })
}

/// Returns what [`read`] does about members who were listed as the audience of a post that was not changed, with two
/// queries.
pub(crate) async fn read_told(
    sql: &impl Sql,
    post: &KnownPost,
    members: &[AccountId],
    now: DateTime<Utc>,
) -> Result<Known, Error> {
    let (author, mut known) = (post.author, post.known.clone());
    known.relations = if matches!(post.audience, Audience::Public | Audience::Followers) {
        // They were listed because they follow the author, so only what may forbid it is read.
        let silencing = relations::list_silencing(sql, members, &[author], now).await?;
        let follow = |member: &AccountId| Relation { member: *member, other: author, kind: RelationKind::Follow };
        silencing.into_iter().chain(members.iter().map(follow)).collect()
    } else {
        relations::list(sql, members, &[author], now).await?.into_iter().collect()
    };
    for row in list_particular(sql, &post.id, members).await? {
        let member = AccountId(row.member);
        match (row.is_erased, row.document) {
            (true, _) => {
                known.erased.insert(member);
            }
            (false, None) => {
                known.muted.insert((member, post.id.clone()));
            }
            (false, Some(document)) => {
                let preferences = Preferences::of_stored(&document).ok_or(Error::Corrupt("preferences"))?;
                known.preferences.insert(member, preferences);
            }
        }
    }
    Ok(known)
}

/// That a member was erased, or has set preferences, or else has muted a subject.
#[derive(FromQueryResult)]
struct ParticularRow {
    member: Uuid,
    is_erased: bool,
    document: Option<String>,
}

/// Returns what sets members apart from one of whom nothing is known; as a rule there are few such rows.
async fn list_particular(sql: &impl Sql, subject: &str, members: &[AccountId]) -> Result<Vec<ParticularRow>, Error> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let names = names_after(1, members.len());
    let text = format!(
        "select member, false as is_erased, document
           from settings
          where member in {names}
          union all
         select member, false, null
           from subject_mute
          where member in {names}
            and subject = $1
          union all
         select account, true, null
           from erased_account
          where account in {names}"
    );
    let values: Vec<Value> =
        std::iter::once(subject.into()).chain(members.iter().map(|member| member.0.into())).collect();
    sql.rows(&text, values).await
}

/// Returns how members stand to an author.
pub(crate) async fn read_relations(
    sql: &impl Sql,
    members: &[AccountId],
    author: AccountId,
    now: DateTime<Utc>,
) -> Result<Known, Error> {
    Ok(Known {
        relations: relations::list(sql, members, &[author], now).await?.into_iter().collect(),
        people: people::list(sql, &[author]).await?.into_iter().map(|person| (person.account, person)).collect(),
        ..Known::default()
    })
}

/// Returns each value once. `Ord`, so that statements have their values in one order.
fn unique<T: Ord>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.collect::<BTreeSet<T>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_account_is_asked_for_once() {
        let account = |number| AccountId(Uuid::from_u128(number));
        assert_eq!(unique([account(2), account(1), account(2)].into_iter()), [account(1), account(2)]);
    }
}
