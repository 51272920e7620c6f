//! What a suspended member has published is not shown while the suspension lasts.

use chrono::TimeDelta;
use contract::AccountId;
use contract::accounts::{AccountState, Erased, StandingChanged};
use contract::media::Visibility;
use db::{FromQueryResult, Sql as _};

use crate::harness::{Harness, jpeg};

fn standing(harness: &Harness, state: AccountState, version: u64) -> StandingChanged {
    StandingChanged { account: AccountId(harness.world.ada().id), state, until: None, version }
}

#[tokio::test]
async fn nothing_of_a_suspended_member_is_served_until_they_are_restored() {
    let harness = Harness::new().await;
    let public = harness.photo("jpeg", &jpeg(64, 48), (64, 48), Visibility::Public).await;
    let private = harness.photo("jpeg", &jpeg(64, 48), (64, 48), Visibility::Private).await;
    let signed = harness.signed_query("view", &private.id);
    let visitor = harness.world.anonymous();
    let paths = [
        format!("/v1/files/{}.jpeg", public.id),
        format!("/v1/media/{}/image?format=webp&w=32", public.id),
        format!("/v1/files/{}.jpeg?{signed}", private.id),
    ];
    let original = format!("/v1/media/{}/original", public.id);
    for path in &paths {
        visitor.get(path).await.expect(200);
    }
    for (version, state) in [(1, AccountState::Suspended), (3, AccountState::Banned)] {
        harness.publish(&standing(&harness, state, version)).await;
        for path in paths.iter().chain([&original]) {
            visitor.get(path).await.refused(404, "media.not_found");
        }
        harness.publish(&standing(&harness, AccountState::Limited, version + 1)).await;
        for path in &paths {
            visitor.get(path).await.expect(200);
        }
    }
    harness.publish(&standing(&harness, AccountState::Active, 5)).await;
    // A late event does not suspend again.
    harness.publish(&standing(&harness, AccountState::Suspended, 1)).await;
    for path in &paths {
        visitor.get(path).await.expect(200);
    }
    harness.end().await;
}

#[tokio::test]
async fn a_suspension_ends_by_itself() {
    let harness = Harness::new().await;
    let public = harness.photo("jpeg", &jpeg(64, 48), (64, 48), Visibility::Public).await;
    let path = format!("/v1/files/{}.jpeg", public.id);
    let until = Some(harness.world.clock().now() + TimeDelta::hours(1));
    harness.publish(&StandingChanged { until, ..standing(&harness, AccountState::Suspended, 1) }).await;
    let visitor = harness.world.anonymous();
    visitor.get(&path).await.refused(404, "media.not_found");
    harness.world.clock().advance(TimeDelta::hours(1));
    visitor.get(&path).await.expect(200);
    harness.end().await;
}

#[tokio::test]
async fn an_erased_member_stays_hidden_until_their_items_are_deleted_and_is_forgotten_later() {
    #[derive(FromQueryResult)]
    struct Row {
        owner: String,
    }
    let harness = Harness::new().await;
    let rows = async || {
        let db = &harness.world.context("delivery").db;
        let rows: Vec<Row> = db.read().rows("select owner from member_standing", vec![]).await.unwrap();
        rows.into_iter().map(|row| row.owner).collect::<Vec<_>>()
    };
    let public = harness.photo("jpeg", &jpeg(64, 48), (64, 48), Visibility::Public).await;
    let (path, visitor) = (format!("/v1/files/{}.jpeg", public.id), harness.world.anonymous());
    harness.publish(&standing(&harness, AccountState::Banned, 1)).await;
    let account = AccountId(harness.world.ada().id);
    harness.publish(&Erased { account, handle: "ada".into(), at: harness.world.clock().now() }).await;
    visitor.get(&path).await.refused(404, "media.not_found");
    // Media has not deleted the item yet, and a restoration arrives late.
    harness.publish(&standing(&harness, AccountState::Active, 2)).await;
    visitor.get(&path).await.refused(404, "media.not_found");
    assert_eq!(rows().await, [account.to_string()]);
    harness.delete(&public).await;
    harness.world.clock().advance(TimeDelta::days(31));
    let forgotten = async || rows().await.is_empty().then_some(());
    harness.world.wait_for("the member is forgotten", forgotten).await;
    harness.end().await;
}
