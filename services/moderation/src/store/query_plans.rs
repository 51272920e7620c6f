//! The query plans of this role's queries on both databases: none reads a whole table.

use chrono::Utc;
use contract::AccountId;
use contract::moderation::Thing;
use testkit::{World, plans};
use uuid::Uuid;

use super::{cases, counts, decisions, erasure, reports};
use crate::model::{CaseState, QueuePlace};

#[tokio::test]
async fn every_query_has_an_index() {
    let world = World::of(&[crate::service()]).await;
    let day = Utc::now().format("%Y-%m-%d").to_string();
    let query_plans = plans(&world.context("moderation").db, move |sql| {
        Box::pin(async move {
            let (id, owner) = (Uuid::nil(), AccountId(Uuid::nil()));
            let thing = Thing { role: "social".into(), kind: "post".into(), id: "7".into() };
            cases::list(sql, CaseState::Open, QueuePlace::START, 50).await?;
            cases::find(sql, id).await?;
            cases::find_open(sql, &thing).await?;
            cases::list_of(sql, &[id, id]).await?;
            cases::list_appeals(sql, &[id, id]).await?;
            cases::count_held(sql, owner, 50).await?;
            cases::count_appeals(sql, owner, 50).await?;
            cases::find_oldest_held(sql, owner, Utc::now()).await?;
            cases::list_candidates(sql, id, 50).await?;
            reports::find_case(sql, id).await?;
            reports::is_closed(sql, id).await?;
            reports::has_reported(sql, owner, (id, id)).await?;
            reports::list(sql, id, 50).await?;
            decisions::find(sql, id).await?;
            decisions::find_of_case(sql, id).await?;
            decisions::list_statements(sql, &[id, id]).await?;
            decisions::list_adverse(sql, owner, Uuid::max(), 50).await?;
            decisions::count_screened(sql, owner, 50).await?;
            counts::list(sql, &day, &day).await?;
            erasure::is_one_erased(sql, owner, owner).await?;
            Ok(())
        })
    })
    .await;
    assert!(query_plans.first().is_some_and(|plan| plan.uses("moderation_case_queue")), "{query_plans:#?}");
    world.end().await;
}
