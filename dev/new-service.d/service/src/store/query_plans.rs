//! The query plans of this role's queries on both databases: none reads a whole table.

use contract::AccountId;
use testkit::{World, plans};
use uuid::Uuid;

use super::entries;

#[tokio::test]
async fn every_query_has_an_index() {
    let world = World::of(&[crate::service()]).await;
    let query_plans = plans(&world.context("newservice").db, move |sql| {
        Box::pin(async move {
            let owner = AccountId(Uuid::nil());
            entries::list(sql, owner, Uuid::max(), 50).await?;
            entries::find(sql, owner, Uuid::nil()).await?;
            entries::count(sql, owner).await?;
            Ok(())
        })
    })
    .await;
    assert!(query_plans.first().is_some_and(|plan| plan.uses("entry_owner")), "{query_plans:#?}");
    world.end().await;
}
