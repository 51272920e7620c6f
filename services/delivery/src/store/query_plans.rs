//! Query plans of the lists of delivery: none reads a whole table.

use contract::{AccountId, MediaId};
use testkit::{World, plans};
use uuid::Uuid;

use super::{find_image, find_item, find_standing, list_published};

#[tokio::test]
async fn every_list_has_an_index() {
    let world = World::of(&[crate::service()]).await;
    let seen = plans(&world.context("delivery").db, |sql| {
        Box::pin(async move {
            let id = MediaId::random();
            list_published(sql, &id).await?;
            find_item(sql, &id).await?;
            find_standing(sql, AccountId(Uuid::nil())).await?;
            find_image(sql, &id, "w320").await?;
            Ok(())
        })
    })
    .await;
    assert!(!seen.is_empty(), "no plan was read");
    world.end().await;
}
