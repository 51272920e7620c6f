//! Tests the query plans of this role's lists on both engines: none reads a whole table.

use contract::{AccountId, MediaId};
use testkit::{World, plans};

use super::{
    find_job, list_assets, list_jobs_by_owner, list_numbers, list_renditions, list_segments, list_started, list_tasks,
    list_tiles, list_unresponsive,
};

#[tokio::test]
async fn every_list_has_an_index() {
    let world = World::of(&[crate::service()]).await;
    let now = world.clock().now();
    let seen = plans(&world.context("transcode").db, move |sql| {
        Box::pin(async move {
            let id = MediaId::random();
            find_job(sql, &id).await?;
            list_jobs_by_owner(sql, AccountId(uuid::Uuid::nil()), "x", 100).await?;
            list_tasks(sql, &id).await?;
            list_unresponsive(sql, now, 100).await?;
            list_renditions(sql, &id).await?;
            list_numbers(sql, &id, "v360").await?;
            list_started(sql, &id).await?;
            list_segments(sql, &id).await?;
            list_assets(sql, &id).await?;
            list_tiles(sql, &id).await?;
            Ok(())
        })
    })
    .await;
    assert!(seen.iter().any(|plan| plan.uses("task_claimed")), "{seen:#?}");
    world.end().await;
}
