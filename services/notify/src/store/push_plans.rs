//! The query plans of devices and pushes on both databases: none reads a whole table.

use contract::AccountId;
use testkit::{World, plans};
use uuid::Uuid;

use super::{devices, ended_sessions, history, provider_tokens, pushes};
use crate::model::DeviceKind;

#[tokio::test]
async fn every_query_of_pushes_has_an_index() {
    let world = World::of(&[crate::service()]).await;
    let query_plans = plans(&world.context("notify").db, move |sql| {
        Box::pin(async move {
            let id = Uuid::nil();
            pushes::count_waiting(sql, DeviceKind::Fcm, 100).await?;
            pushes::list_shown(sql, &[AccountId(id), AccountId(Uuid::max())], 100).await?;
            pushes::list_shown_after(sql, (AccountId(id), id), 100).await?;
            devices::list(sql, AccountId(id), 20).await?;
            devices::list_of_each(sql, &[AccountId(id), AccountId(Uuid::max())]).await?;
            devices::find_each(sql, &[id, Uuid::max()]).await?;
            history::find_each(sql, &[(AccountId(id), id)]).await?;
            history::counts_of_each(sql, &[AccountId(id), AccountId(Uuid::max())]).await?;
            ended_sessions::contains(sql, id).await?;
            provider_tokens::find(sql, "apns", "key").await?;
            Ok(())
        })
    })
    .await;
    assert!(query_plans.first().is_some_and(|plan| plan.uses("push_due")), "{query_plans:#?}");
    world.end().await;
}
