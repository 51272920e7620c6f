//! The query plans of this role's queries on both databases: none reads a whole table.

use chrono::Utc;
use contract::AccountId;
use screening_store::{senders, texts, verdicts};
use testkit::{Plans, World, plans};
use uuid::Uuid;

use super::{
    VERDICTS, blocks, changes, conversations, last_seen, media, members, messages, people, reactions, reports, sending,
    settings,
};
use crate::model::{ConversationMember, InboxCursor, MemberState};

const MEMBER: AccountId = AccountId(Uuid::from_u128(7));
const OTHER: AccountId = AccountId(Uuid::from_u128(8));

async fn read_conversations(sql: &Plans<'_>) -> Result<(), db::Error> {
    let id = Uuid::nil();
    conversations::list(sql, &[id, id]).await?;
    conversations::find_pair(sql, "a b").await?;
    conversations::find_invite(sql, "a").await?;
    members::find(sql, id, MEMBER).await?;
    members::list_each(sql, &[id, id]).await?;
    members::list_box(sql, MEMBER, MemberState::Joined, InboxCursor::START, 50).await?;
    members::list_of(sql, MEMBER, id, 50).await?;
    members::list_partners(sql, MEMBER, 50, 50).await?;
    members::list_requests_between(sql, MEMBER, OTHER, 50).await?;
    changes::list(sql, id, 0, 50).await?;
    people::list(sql, &[MEMBER, OTHER]).await?;
    people::find_state(sql, MEMBER, Utc::now()).await?;
    people::list_hidden(sql, &[MEMBER, OTHER], Utc::now()).await?;
    people::list_erased(sql, &[MEMBER, OTHER]).await?;
    settings::list(sql, &[MEMBER, OTHER]).await?;
    last_seen::list(sql, &[MEMBER, OTHER]).await?;
    blocks::between(sql, MEMBER, OTHER).await?;
    blocks::list_between(sql, MEMBER, &[OTHER, MEMBER]).await?;
    Ok(())
}

async fn read_messages(sql: &Plans<'_>) -> Result<(), db::Error> {
    let id = Uuid::nil();
    let member = ConversationMember::new(id, MEMBER, MemberState::Joined, 0, Utc::now());
    messages::find(sql, id).await?;
    messages::find_by_client(sql, id, MEMBER, "a").await?;
    messages::list_visible(sql, &member, &[id, id]).await?;
    messages::list(sql, id, &[id, id]).await?;
    messages::list_hidden(sql, &[id, id]).await?;
    messages::list_before(sql, &member, 50, 50).await?;
    messages::list_after(sql, &member, 50, 50).await?;
    messages::count_unread(sql, &member).await?;
    messages::find_newest_of_others(sql, &member, 50).await?;
    messages::count_of_author(sql, id, MEMBER).await?;
    sending::find(sql, id, MEMBER, "a", Utc::now()).await?;
    messages::list_of_author(sql, MEMBER, Uuid::max(), 50).await?;
    media::list(sql, &[id, id]).await?;
    reactions::list(sql, MEMBER, &[id, id]).await?;
    reactions::list_all(sql, &[id, id]).await?;
    senders::find(sql, &VERDICTS, MEMBER.0).await?;
    texts::count_known_domains(sql, &VERDICTS, &["a".to_owned()], Utc::now()).await?;
    verdicts::list(sql, &VERDICTS, MEMBER.0, Uuid::max(), 50).await?;
    verdicts::list_refusal_times(sql, &VERDICTS, MEMBER.0, 50).await?;
    reports::list(sql, MEMBER, Uuid::max(), 50).await?;
    reports::list_times(sql, MEMBER, 50).await?;
    Ok(())
}

#[tokio::test]
async fn every_query_has_an_index() {
    let world = World::of(&[crate::service()]).await;
    let query_plans = plans(&world.context("chat").db, move |sql| {
        Box::pin(async move {
            read_conversations(sql).await?;
            read_messages(sql).await
        })
    })
    .await;
    let of_box = query_plans.iter().find(|plan| plan.query.contains("position > 0"));
    assert!(of_box.is_some_and(|plan| plan.uses("conversation_member_account")), "{of_box:#?}");
    world.end().await;
}
