//! The query plans of this role's queries on both databases: none reads a whole table.

use contract::AccountId;
use testkit::{World, plans};
use uuid::Uuid;

use super::deliveries::Doomed;
use super::{attempts, deliveries, erased_accounts, leases, webhooks};
use crate::model::DeliveryState;

#[tokio::test]
async fn every_query_has_an_index() {
    let world = World::of(&[crate::service()]).await;
    let now = world.clock().now();
    let query_plans = plans(&world.context("webhooks").db, move |sql| {
        Box::pin(async move {
            let id = Uuid::nil();
            deliveries::list_due(sql, id, now, 20).await?;
            leases::list_due(sql, now).await?;
            leases::find(sql, (id, 1)).await?;
            webhooks::count(sql).await?;
            webhooks::find(sql, id).await?;
            webhooks::find_made(sql, &[1], now).await?;
            webhooks::list(sql, Uuid::max(), 50).await?;
            webhooks::list_active(sql).await?;
            webhooks::list_removed(sql, 10).await?;
            deliveries::find(sql, id, id).await?;
            for state in [None, Some(DeliveryState::Failed)] {
                deliveries::list(sql, id, state, Uuid::max(), 50).await?;
            }
            deliveries::count_waiting(sql, id, 100).await?;
            for doomed in [Doomed::OfWebhook(id), Doomed::OfAccount(AccountId(id)), Doomed::Before(now)] {
                deliveries::list_doomed(sql, doomed, 100).await?;
            }
            attempts::list(sql, &[id, id]).await?;
            erased_accounts::list(sql, &[AccountId(id), AccountId(id)]).await?;
            Ok(())
        })
    })
    .await;
    assert!(query_plans.first().is_some_and(|plan| plan.uses("webhook_delivery_due")), "{query_plans:#?}");
    world.end().await;
}
