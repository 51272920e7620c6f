//! Tests of scheduled work, which a test over HTTP would have to wait for.
//!
//! Invariant: nothing here sends a request.

use bus::{Delivery, Envelope};
use chrono::{DateTime, TimeDelta, Utc};
use contract::accounts::Erased;
use contract::social::{Audience, Posted};
use contract::{AccountId, Event};
use db::schedule::{Job, Run, claim};
use db::{Lane, retirement};
use testkit::World;
use uuid::Uuid;

use crate::commands;
use crate::config::Config;
use crate::events::on_events;
use crate::model::{DeliveryState, EventTypes, Webhook, WebhookState};
use crate::queries;
use crate::state::Webhooks;
use crate::store;
use crate::store::deliveries::{Doomed, NewDelivery};

/// Returns a run of a job of this name.
async fn run(webhooks: &Webhooks, name: &'static str) -> Run {
    let job = Job::every(name, TimeDelta::hours(1), async |_| Ok(()));
    claim(&webhooks.context.db, &job, "test", webhooks.context.clock.now()).await.unwrap().unwrap()
}

/// Inserts an active webhook with this many deliveries, which are due in a year.
async fn insert(webhooks: &Webhooks, deliveries: usize) -> Uuid {
    let (context, now) = (&webhooks.context, webhooks.context.clock.now());
    let webhook = Webhook {
        id: context.random.uuid_v7(now),
        url: "https://hooks.example.org/".to_owned(),
        events: EventTypes::from_text("media.ready post.published"),
        description: String::new(),
        state: WebhookState::Active,
        made_by: Some(AccountId(Uuid::nil())),
        created_at: now,
        disabled_at: None,
        disabled_reason: None,
    };
    let id = webhook.id;
    let rows: Vec<NewDelivery> = (0..deliveries)
        .map(|number| NewDelivery {
            id: context.random.uuid_v7(now),
            webhook: id,
            event_id: number.to_string(),
            event_type: "media.ready",
            payload: "{}".to_owned(),
            account: None,
            created_at: now,
            due_at: now + TimeDelta::days(365),
        })
        .collect();
    context
        .db
        .write(Lane::NONE, async move |tx| {
            store::webhooks::insert(tx, &webhook, vec![1], None).await?;
            store::deliveries::insert_each(tx, &rows).await
        })
        .await
        .unwrap();
    id
}

#[tokio::test]
async fn a_retired_site_sends_nothing_more_under_a_lease_that_it_had() {
    let world = World::of(&[crate::service()]).await;
    let webhooks = Webhooks::new(world.context("webhooks").clone(), Config::default()).unwrap();
    let id = insert(&webhooks, 1).await;
    let lease = commands::claim_webhook(&webhooks, id).await.unwrap().unwrap();
    assert!(queries::current_lease(&webhooks, &lease).await.unwrap().is_some());
    retirement::retire(&webhooks.context.db, "moved", world.clock().now()).await.unwrap();
    assert!(queries::current_lease(&webhooks, &lease).await.unwrap().is_none());
    commands::release_webhook(&webhooks, &lease).await.unwrap();
    assert!(commands::claim_webhook(&webhooks, id).await.unwrap().is_none());
    world.end().await;
}

#[tokio::test]
async fn what_is_old_is_removed_and_what_waits_has_a_bound() {
    let world = World::of(&[crate::service()]).await;
    let config = Config { max_waiting: 250, ..Config::default() };
    let webhooks = Webhooks::new(world.context("webhooks").clone(), config).unwrap();
    let sql = webhooks.context.db.read();
    let (within, over) = (insert(&webhooks, 250).await, insert(&webhooks, 251).await);
    commands::bound_waiting(&webhooks, &run(&webhooks, "test.bound").await).await.unwrap();
    let state = async |id: Uuid| store::webhooks::find(sql, id).await.unwrap().map(|webhook| webhook.state);
    assert_eq!(state(within).await, Some(WebhookState::Active));
    assert_eq!(state(over).await, Some(WebhookState::Disabled));

    let waiting = async |id: Uuid| store::deliveries::count_waiting(sql, id, 1000).await.unwrap();
    world.clock().advance(TimeDelta::days(30));
    commands::remove_old(&webhooks, &run(&webhooks, "test.remove").await).await.unwrap();
    assert_eq!((waiting(within).await, waiting(over).await), (250, 251), "exactly 30 days are not too old");
    world.clock().advance(TimeDelta::days(1));
    let young = insert(&webhooks, 3).await;
    commands::remove_old(&webhooks, &run(&webhooks, "test.remove").await).await.unwrap();
    assert_eq!((waiting(within).await, waiting(over).await, waiting(young).await), (0, 0, 3));

    webhooks
        .context
        .db
        .write(Lane::of(&young), async move |tx| store::webhooks::set_removed(tx, young).await)
        .await
        .unwrap();
    world.clock().advance(TimeDelta::hours(1));
    commands::remove_old(&webhooks, &run(&webhooks, "test.remove").await).await.unwrap();
    assert_eq!((state(young).await, waiting(young).await), (None, 0));
    assert!(store::webhooks::list_removed(sql, 10).await.unwrap().is_empty());
    world.end().await;
}

#[tokio::test]
async fn an_attempt_from_before_a_redelivery_does_not_end_it() {
    let world = World::of(&[crate::service()]).await;
    let webhooks = Webhooks::new(world.context("webhooks").clone(), Config::default()).unwrap();
    let (webhook, later) = (insert(&webhooks, 1).await, webhooks.context.clock.now() + TimeDelta::days(365));
    let sql = webhooks.context.db.read();
    let id = store::deliveries::list(sql, webhook, None, Uuid::max(), 1).await.unwrap()[0].id;
    let settled: Result<(bool, bool), db::Error> = webhooks
        .context
        .db
        .write(Lane::of(&webhook), async move |tx| {
            let (waiting, failed) = (DeliveryState::Waiting, DeliveryState::Failed);
            let first = store::deliveries::settle(tx, (id, 0), waiting, Some(later), Some(later)).await?;
            store::deliveries::redeliver(tx, webhook, id, later).await?;
            let second = store::deliveries::settle(tx, (id, 1), failed, None, None).await?;
            Ok((first, second))
        })
        .await;
    assert_eq!(settled.unwrap(), (true, false));
    assert_eq!(store::deliveries::count_waiting(sql, webhook, 10).await.unwrap(), 1);
    world.end().await;
}

/// Returns a post of an account that has appeared.
fn posted(account: AccountId, at: DateTime<Utc>) -> Posted {
    Posted {
        id: Uuid::from_u128(4),
        author: account,
        position: 1,
        audience: Audience::Close,
        tags: Vec::new(),
        mentions: Vec::new(),
        media: Vec::new(),
        thread: None,
        expires_at: None,
        at,
    }
}

/// Returns an event as the bus delivers it.
fn delivery<E: Event>(event: &E, position: i64) -> Delivery {
    let payload = serde_json::to_string(event).unwrap();
    let event = Envelope { id: position.to_string(), subject: E::SUBJECT.to_owned(), payload };
    Delivery { event, position, attempt: 1, lease: String::new() }
}

#[tokio::test]
async fn what_is_recorded_late_of_an_erased_account_goes_as_well() {
    let world = World::of(&[crate::service()]).await;
    let webhooks = Webhooks::new(world.context("webhooks").clone(), Config::default()).unwrap();
    insert(&webhooks, 0).await;
    let (account, at) = (AccountId(Uuid::from_u128(3)), webhooks.context.clock.now());
    let posted = posted(account, at);
    // The other consumer was faster: it has removed what there was, and the post is from before.
    commands::erase_account(&webhooks, account).await.unwrap();
    let erased = Erased { account, handle: "ada".to_owned(), at };
    on_events(webhooks.clone(), vec![delivery(&posted, 1), delivery(&erased, 2)]).await.unwrap();
    let kept = store::deliveries::list_doomed(webhooks.context.db.read(), Doomed::OfAccount(account), 10).await;
    assert!(kept.unwrap().is_empty());
    world.end().await;
}

#[tokio::test]
async fn an_event_after_an_erasure_that_names_the_account_is_not_recorded() {
    let world = World::of(&[crate::service()]).await;
    let webhooks = Webhooks::new(world.context("webhooks").clone(), Config::default()).unwrap();
    let webhook = insert(&webhooks, 0).await;
    let (account, at) = (AccountId(Uuid::from_u128(3)), webhooks.context.clock.now());
    let erased = Erased { account, handle: "ada".to_owned(), at };
    on_events(webhooks.clone(), vec![delivery(&erased, 1)]).await.unwrap();
    on_events(webhooks.clone(), vec![delivery(&posted(account, at), 2)]).await.unwrap();
    let sql = webhooks.context.db.read();
    assert!(store::deliveries::list(sql, webhook, None, Uuid::max(), 10).await.unwrap().is_empty());
    // It is remembered for as long as an event can be late.
    world.clock().advance(TimeDelta::days(31));
    commands::remove_old(&webhooks, &run(&webhooks, "test.forget").await).await.unwrap();
    assert!(store::erased_accounts::list(sql, &[account]).await.unwrap().is_empty());
    world.end().await;
}
