//! Events and internal requests between accounts and other roles.

use super::*;
use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use bus::{Consumer, Subscription};
use contract::accounts::{Erased, FindAccounts, FindMailboxes, PrivacyChanged, ProfileChanged, SessionsEnded};
use contract::media::{Changed, Deleted, Kind, Received, Visibility};
use contract::{AccountId, MediaId, ObjectKey};
use db::{FromQueryResult, Lane, Migration, Sql as _};
use service::personal_data::PersonalData;
use service::{Context, RoleInstance, Service};
use tower::ServiceExt as _;

/// Returns a fake media role with the items that a test inserts. It stores the events of accounts that it receives.
fn fake_media() -> Service {
    const MIGRATIONS: &[Migration] = &[Migration {
        version: 1,
        min_compatible: 1,
        sql: "create table item (id text primary key, json text not null);\ncreate table erased (json text not null);\n\
              create table privacy (json text not null)",
    }];
    Service {
        name: "media",
        migrations: Some(MIGRATIONS),
        objects: &[],
        personal_data: PersonalData::Nothing("It is part of a test."),
        openapi: || utoipa::openapi::OpenApiBuilder::new().build(),
        codes: &[],
        sections: Vec::new,
        subscriptions: |_| {
            vec![Subscription::to::<Erased>("media.erased"), Subscription::to::<PrivacyChanged>("media.privacy")]
        },
        start: |context| Box::pin(async move { Ok(start_fake_media(context)) }),
    }
}

#[derive(FromQueryResult)]
struct Stored {
    json: String,
}

fn start_fake_media(context: Context) -> RoleInstance {
    let (db, privacy_db) = (context.db.clone(), context.db.clone());
    let router = axum::Router::new().route("/internal/media/{id}", axum::routing::get(get_item)).with_state(context);
    let erased = Consumer::of::<Erased, _, _>("media.erased", move |event, _| {
        let (db, json) = (db.clone(), serde_json::to_string(&event).unwrap());
        async move {
            let insert = vec![json.into()];
            Ok(db
                .write(Lane::NONE, async move |tx| tx.execute("insert into erased (json) values ($1)", insert).await)
                .await
                .map(drop)?)
        }
    });
    let privacy = Consumer::of::<PrivacyChanged, _, _>("media.privacy", move |event, _| {
        let (db, json) = (privacy_db.clone(), serde_json::to_string(&event).unwrap());
        async move {
            let insert = vec![json.into()];
            Ok(db
                .write(Lane::NONE, async move |tx| tx.execute("insert into privacy (json) values ($1)", insert).await)
                .await
                .map(drop)?)
        }
    });
    RoleInstance { router, consumers: vec![erased, privacy], ..RoleInstance::default() }
}

async fn get_item(State(context): State<Context>, Path(id): Path<String>) -> axum::response::Response {
    let row: Option<Stored> =
        context.db.read().row("select json from item where id = $1", vec![id.into()]).await.unwrap();
    row.map_or_else(
        || http::StatusCode::NOT_FOUND.into_response(),
        |row| ([("content-type", "application/json")], row.json).into_response(),
    )
}

async fn world_with_media() -> World {
    builder().start(&[accounts::service(), fake_media()]).await
}

fn account_id(person: &Person) -> AccountId {
    AccountId(person.account["id"].as_str().unwrap().parse().unwrap())
}

/// Inserts an item into the fake library.
async fn insert_item(world: &World, owner: &Person, kind: Kind, visibility: Visibility) -> MediaId {
    let id = MediaId::random();
    put_item(world, owner, &id, kind, visibility, false).await;
    id
}

/// Inserts an item into the fake library, or replaces it there.
async fn put_item(world: &World, owner: &Person, id: &MediaId, kind: Kind, visibility: Visibility, trashed: bool) {
    let item = Received {
        id: id.clone(),
        owner: account_id(owner),
        kind,
        format: "jpeg".into(),
        content_type: "image/jpeg".into(),
        name: "me.jpg".into(),
        bytes: 1,
        sha256: String::new(),
        object: ObjectKey::random(),
        scrub: None,
        visibility,
        width: None,
        height: None,
        duration_ms: None,
        orientation: 1,
        created_at: world.clock().now(),
        trashed,
        captions: vec![],
    };
    let values = vec![id.as_str().into(), serde_json::to_string(&item).unwrap().into()];
    let text = "insert into item (id, json) values ($1, $2) on conflict (id) do update set json = excluded.json";
    world.context("media").db.write(Lane::NONE, async move |tx| tx.execute(text, values).await).await.unwrap();
}

#[tokio::test]
async fn an_avatar_is_a_picture_of_ones_own_that_others_may_see() {
    let world = world_with_media().await;
    let (ada, bob) = (sign_up(&world, "ada").await, sign_up(&world, "bob").await);
    for (owner, kind, visibility) in [
        (&bob, Kind::Photo, Visibility::Public),
        (&ada, Kind::Video, Visibility::Public),
        (&ada, Kind::Photo, Visibility::Private),
    ] {
        let id = insert_item(&world, owner, kind, visibility).await;
        ada.member
            .patch("/v1/me", &json!({"avatar": id, "bio": "changed"}))
            .await
            .refused(422, "accounts.invalid_avatar");
    }
    ada.member.patch("/v1/me", &json!({"avatar": MediaId::random()})).await.refused(422, "accounts.invalid_avatar");
    assert_eq!(ada.member.get("/v1/me").await.expect(200).json(), ada.account, "a refused edit changes nothing");
    for visibility in [Visibility::Unlisted, Visibility::Public] {
        let id = insert_item(&world, &ada, Kind::Photo, visibility).await;
        let edited = ada.member.patch("/v1/me", &json!({"avatar": id})).await.expect(200).json();
        assert_eq!(edited["avatar"], id.as_str());
    }
    world.end().await;
}

#[tokio::test]
async fn a_deleted_picture_leaves_the_profile() {
    let world = world_with_media().await;
    let ada = sign_up(&world, "ada").await;
    let (avatar, other) = (insert_item(&world, &ada, Kind::Photo, Visibility::Public).await, MediaId::random());
    ada.member.patch("/v1/me", &json!({"avatar": avatar})).await.expect(200);
    let (owner, now) = (account_id(&ada), world.clock().now());
    let avatar_after_deletion = async |id: MediaId| {
        let deleted = Deleted { id, owner };
        world.context("media").db.write(Lane::NONE, async move |tx| tx.publish(&deleted, now)).await.unwrap();
        world.settle().await;
        world.anonymous().get("/v1/accounts/ada").await.expect(200).json()["avatar"].clone()
    };
    assert_eq!(avatar_after_deletion(other).await, avatar.as_str());
    assert_eq!(avatar_after_deletion(avatar.clone()).await, Value::Null);
    world.end().await;
}

#[tokio::test]
async fn a_picture_that_others_may_not_see_any_more_leaves_the_profile_for_good() {
    let world = world_with_media().await;
    let ada = sign_up(&world, "ada").await;
    let avatar_after = async |id: &MediaId, visibility: Visibility, trashed: bool, version: u64| {
        let (id, name) = (id.clone(), "me".to_owned());
        let changed = Changed { id, name, tags: vec![], visibility, trashed, captions: vec![], version };
        let now = world.clock().now();
        world.context("media").db.write(Lane::NONE, async move |tx| tx.publish(&changed, now)).await.unwrap();
        world.settle().await;
        world.anonymous().get("/v1/accounts/ada").await.expect(200).json()["avatar"].clone()
    };
    for (visibility, trashed) in [(Visibility::Private, true), (Visibility::Private, false)] {
        let id = insert_item(&world, &ada, Kind::Photo, Visibility::Public).await;
        ada.member.patch("/v1/me", &json!({"avatar": id})).await.expect(200);
        assert_eq!(avatar_after(&id, Visibility::Unlisted, false, 2).await, id.as_str());
        // A late event, about a time before it was shared again and chosen.
        assert_eq!(avatar_after(&id, visibility, trashed, 1).await, id.as_str());
        put_item(&world, &ada, &id, Kind::Photo, visibility, trashed).await;
        assert_eq!(avatar_after(&MediaId::random(), visibility, trashed, 3).await, id.as_str());
        assert_eq!(avatar_after(&id, visibility, trashed, 3).await, Value::Null);
        put_item(&world, &ada, &id, Kind::Photo, Visibility::Public, false).await;
        assert_eq!(avatar_after(&id, Visibility::Public, false, 4).await, Value::Null);
    }
    world.end().await;
}

#[tokio::test]
async fn an_erased_account_is_published_once() {
    let world = world_with_media().await;
    let ada = sign_up(&world, "ada").await;
    ada.member.delete("/v1/me").await.expect(204);
    world.settle().await;
    let rows: Vec<Stored> = world.context("media").db.read().rows("select json from erased", vec![]).await.unwrap();
    let events: Vec<Erased> = rows.iter().map(|row| serde_json::from_str(&row.json).unwrap()).collect();
    assert_eq!(events, [Erased { account: account_id(&ada), handle: "ada".into(), at: world.clock().now() }]);
    world.end().await;
}

#[tokio::test]
async fn a_change_of_the_privacy_is_published_and_no_other_change_is() {
    let world = world_with_media().await;
    let ada = sign_up(&world, "ada").await;
    ada.member.patch("/v1/me", &json!({"bio": "Numbers."})).await.expect(200);
    ada.member.patch("/v1/me", &json!({"is_private": "yes"})).await.refused(422, "request.invalid");
    ada.member
        .patch("/v1/me", &json!({"is_private": true, "country": "XX"}))
        .await
        .refused(422, "accounts.invalid_profile");
    world.clock().advance(chrono::TimeDelta::seconds(1));
    ada.member.patch("/v1/me", &json!({"is_private": true})).await.expect(200);
    world.settle().await;
    let rows: Vec<Stored> = world.context("media").db.read().rows("select json from privacy", vec![]).await.unwrap();
    let events: Vec<PrivacyChanged> = rows.iter().map(|row| serde_json::from_str(&row.json).unwrap()).collect();
    assert_eq!(events, [PrivacyChanged { account: account_id(&ada), is_private: true, at: world.clock().now() }]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writers_of_the_privacy_the_last_one_has_the_latest_time() {
    let world = world_with_media().await;
    let ada = sign_up(&world, "ada").await;
    let mut writers = tokio::task::JoinSet::new();
    for (number, router) in world.instances(&accounts::service(), 2).await.into_iter().enumerate() {
        let bearer = format!("Bearer {}", ada.member.token().unwrap());
        writers.spawn(async move {
            for _ in 0..20 {
                let request = http::Request::patch("/v1/me")
                    .header("content-type", "application/json")
                    .header("authorization", &bearer)
                    .body(axum::body::Body::from(json!({"is_private": number == 0}).to_string()))
                    .unwrap();
                assert_eq!(router.clone().oneshot(request).await.unwrap().status(), 200);
            }
        });
    }
    writers.join_all().await;
    // The clock stood still meanwhile. What another instance has recorded is sent a little later.
    world.clock().advance(chrono::TimeDelta::seconds(10));
    world.settle().await;
    let rows: Vec<Stored> = world.context("media").db.read().rows("select json from privacy", vec![]).await.unwrap();
    let mut events: Vec<PrivacyChanged> = rows.iter().map(|row| serde_json::from_str(&row.json).unwrap()).collect();
    events.sort_by_key(|event| event.at);
    events.dedup_by_key(|event| event.at);
    assert_eq!(events.len(), 40, "each change has a time of its own");
    let shown = ada.member.get("/v1/me").await.expect(200).json();
    assert_eq!(events.last().map(|event| json!(event.is_private)), Some(shown["is_private"].clone()));
    world.end().await;
}

#[tokio::test]
async fn other_roles_learn_of_profiles_by_events_and_by_name() {
    let world = world().await;
    let listener = testkit::fake_role("social").records::<ProfileChanged>();
    listener.join(&world).await;
    let (ada, bob) = (sign_up(&world, "ada").await, sign_up(&world, "bob").await);
    ada.member.patch("/v1/me", &json!({"display_name": "Ada L.", "is_private": true})).await.expect(200);
    world.settle().await;
    let told = listener.events::<ProfileChanged>();
    assert_eq!(told.len(), 3, "two sign-ups and a change: {told:?}");
    assert!(told.iter().any(|event| event.profile.display_name == "Ada L." && event.profile.is_private));

    let bobs = account_id(&bob).to_string();
    let names = ["ADA", bobs.as_str(), "nobody", "a%2F%2E%2E", "%00"].map(str::to_owned).to_vec();
    let found = world.process.peers.ask(&FindAccounts(names)).await.unwrap().unwrap();
    let handles: Vec<&str> = found.iter().map(|account| account.profile.handle.as_str()).collect();
    assert_eq!(handles, ["ada", "bob"]);
    assert_eq!((found[0].profile.account, found[0].profile.is_private), (account_id(&ada), true));
    assert_eq!(found[1].standing.account, account_id(&bob));
    world.end().await;
}

#[tokio::test]
async fn other_roles_learn_which_sessions_have_ended() {
    let world = world().await;
    let listener = testkit::fake_role("notify").records::<SessionsEnded>();
    listener.join(&world).await;
    let ada = sign_up(&world, "ada").await;
    sign_in(&world, "ada", PASSWORD).await.expect(201);
    let list = ada.member.get("/v1/sessions").await.expect(200).json();
    let mut open: Vec<String> =
        list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    ada.member.delete("/v1/sessions").await.expect(204);
    world.settle().await;
    let told = listener.events::<SessionsEnded>();
    let [event] = &told[..] else { panic!("{told:?}") };
    let mut ended: Vec<String> = event.sessions.iter().map(ToString::to_string).collect();
    ended.sort_unstable();
    open.sort_unstable();
    assert_eq!((event.account, ended), (account_id(&ada), open));
    world.end().await;
}

#[tokio::test]
async fn another_role_learns_a_confirmed_address_only_and_none_of_a_suspended_account() {
    let world = world().await;
    let (ada, bob) = (sign_up_confirmed(&world, "ada").await, sign_up(&world, "bob").await);
    let ids = vec![account_id(&ada), account_id(&bob), AccountId(uuid::Uuid::nil())];
    let found = async || world.process.peers.ask(&FindMailboxes(ids.clone())).await.unwrap().unwrap();
    let mailboxes = found().await;
    let emails: Vec<&str> = mailboxes.iter().map(|mailbox| mailbox.email.as_str()).collect();
    assert_eq!((emails, mailboxes[0].account), (vec!["ada@example.org"], account_id(&ada)));
    assert!(!format!("{mailboxes:?}").contains("example.org"), "an address is in no log");

    let suspended = "update account set state = 'suspended' where handle = 'ada'";
    let db = world.context("accounts").db.clone();
    let written: Result<u64, db::Error> =
        db.write(Lane::ALL, async move |tx| db::Sql::execute(tx, suspended, vec![]).await).await;
    assert_eq!((written.unwrap(), found().await), (1, vec![]));
    world.end().await;
}
