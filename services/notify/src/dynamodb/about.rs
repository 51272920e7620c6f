//! The notices about a post: who has some, and withdrawing those of members who are in its audience no more.
//!
//! Invariant: members are walked by the partitions that a subject is divided into, and by their ids within one.

use contract::AccountId;
use db::Error;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::add::CONCURRENT_MEMBERS;
use super::history::DynamoHistory;
use super::items::{Item, parsed};
use super::keys::{self, SHARDS};
use super::table::{Places, Query};
use super::withdraw::SubjectReference;
use crate::history::WithdrawnStep;
use crate::model::is_of_audience;

/// Notices of a member about one post that are looked at: far more than there are.
const MAX_OF_MEMBER: usize = 500;

impl DynamoHistory {
    /// Returns members who have notices about a subject, after one, at most `limit`.
    pub(super) async fn list_members_about(
        &self,
        subject: &str,
        after: Option<AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, Error> {
        let mut members: Vec<AccountId> = Vec::new();
        for shard in after.map_or(0, keys::shard)..SHARDS {
            let places = match after.filter(|member| keys::shard(*member) == shard) {
                // Behind all of the member: their places go on with the digits of a group.
                Some(member) => Places::After(format!("{member}#~")),
                None => Places::All,
            };
            let query = Query { pk: keys::by_subject(subject, shard), places, is_descending: false, limit };
            let found = self.table.list(&query).await?;
            for item in &found {
                let member = AccountId(parsed(item, "member")?);
                if members.last() != Some(&member) {
                    members.push(member);
                }
            }
            // This partition may have more.
            if found.len() >= limit || members.len() >= limit {
                break;
            }
        }
        members.truncate(limit);
        Ok(members)
    }

    /// Withdraws what members were told of a post because they were in its audience: all of it at once.
    pub(super) async fn withdraw_about(&self, subject: &str, members: &[AccountId]) -> Result<WithdrawnStep, Error> {
        let found: Vec<Vec<Item>> = stream::iter(members.to_vec())
            .map(|member| async move { self.list_of_audience(subject, member).await })
            .buffer_unordered(CONCURRENT_MEMBERS)
            .try_collect()
            .await?;
        let found: Vec<Item> = found.into_iter().flatten().collect();
        let step = self.withdraw_notices(&found).await?;
        Ok(WithdrawnStep { has_more: false, ..step })
    }

    /// Returns what names such notices of a member.
    async fn list_of_audience(&self, subject: &str, member: AccountId) -> Result<Vec<Item>, Error> {
        let (pk, places) =
            (keys::by_subject(subject, keys::shard(member)), Places::BeginningWith(format!("{member}#")));
        let query = Query { pk, places, is_descending: false, limit: MAX_OF_MEMBER };
        let mut found = Vec::new();
        for item in self.table.list(&query).await? {
            let (_, SubjectReference { group, is_filtered, open, .. }) = SubjectReference::read(&item)?;
            let notice = self.find_of_group(member, group, is_filtered, open).await?;
            if notice.and_then(|notice| notice.kind.known()).is_some_and(is_of_audience) {
                found.push(item);
            }
        }
        Ok(found)
    }
}
