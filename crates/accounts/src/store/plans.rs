//! How the engines would run this role's queries: none reads a whole table.

use contract::AccountId;
use testkit::{World, plans};
use uuid::Uuid;

use super::{accounts, networks, sessions};
use crate::tokens::Refresh;

#[tokio::test]
async fn every_query_has_an_index() {
    let world = World::builder().with_real_accounts().start(&[crate::service()]).await;
    let now = world.clock().now();
    let seen = plans(&world.context("accounts").db, move |sql| {
        Box::pin(async move {
            let id = AccountId(Uuid::nil());
            sessions::list(sql, id, now, Uuid::max(), 50).await?;
            sessions::find_family(sql, &Refresh::random()).await?;
            accounts::find_credentials(sql, accounts::By::Handle("ada")).await?;
            accounts::find_credentials(sql, accounts::By::Email("ada@example.org")).await?;
            accounts::find(sql, "ada").await?;
            accounts::find_seat(sql, id, Uuid::nil()).await?;
            accounts::find_password(sql, id).await?;
            networks::find(sql, id, &vec![1], now).await?;
            Ok(())
        })
    })
    .await;
    assert!(seen.first().is_some_and(|plan| plan.uses("session_account")), "{seen:#?}");
    world.end().await;
}
