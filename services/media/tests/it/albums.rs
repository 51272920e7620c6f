//! Albums: their order, who sees what of them, and what removing things leaves.

use bus::Envelope;
use contract::accounts::Erased;
use contract::{AccountId, Event};
use db::{FromQueryResult, Sql};
use http::Method;
use serde_json::{Value, json};
use testkit::{TestClient, World};

use crate::fixtures::{png, send};

/// An id of the right form that nothing has.
const NO_ID: &str = "0000000000000000000000";

async fn photo(member: &TestClient, query: &str, seed: u8) -> String {
    let item = send(member, query, "image/png", png(12, 34, 3000, seed)).await.expect(201).json();
    item["id"].as_str().unwrap().to_owned()
}

/// Creates an album with these items. Returns its path.
async fn album(member: &TestClient, body: &Value, ids: &[&String]) -> String {
    let created = member.post("/v1/albums", body).await.expect(201);
    let path = created.header("location").to_owned();
    assert_eq!(path, format!("/v1/albums/{}", created.json()["id"].as_str().unwrap()));
    if !ids.is_empty() {
        let added = member.post(&format!("{path}/items"), &json!({ "ids": ids })).await.expect(200).json();
        assert_eq!(added["item_count"], ids.len());
    }
    path
}

/// Returns the ids of an album, read in pages of `limit`.
async fn read_ids(reader: &TestClient, album: &str, limit: usize) -> Vec<String> {
    let (mut ids, mut after) = (Vec::new(), String::new());
    loop {
        let page = reader.get(&format!("{album}/items?limit={limit}{after}")).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        ids.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { return ids };
        after = format!("&after={next}");
    }
}

async fn move_item(member: &TestClient, album: &str, id: &str, to: &Value) {
    member.patch(&format!("{album}/items/{id}"), to).await.expect(204);
}

#[tokio::test]
async fn an_album_keeps_the_order_that_its_owner_gives_it() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let mut ids = Vec::new();
    for seed in 0..4 {
        ids.push(photo(&ada, "", seed).await);
    }
    let [a, b, c, d] = [&ids[0], &ids[1], &ids[2], &ids[3]];
    let path = album(&ada, &json!({ "title": "Sea", "description": "June" }), &[c, a, b]).await;
    assert_eq!(ada.get(&path).await.expect(200).json()["cover"]["id"], **c);
    assert_eq!(read_ids(&ada, &path, 2).await, [c, a, b].map(String::clone));
    // What is there already stays where it is.
    let added = ada.post(&format!("{path}/items"), &json!({ "ids": [b, d, d] })).await.expect(200).json();
    assert_eq!(added["item_count"], 4);
    assert_eq!(read_ids(&ada, &path, 3).await, [c, a, b, d].map(String::clone));

    move_item(&ada, &path, d, &json!({ "before": c })).await;
    move_item(&ada, &path, a, &json!({ "after": b })).await;
    assert_eq!(read_ids(&ada, &path, 100).await, [d, c, b, a].map(String::clone));
    // A page that was read before the items are numbered anew still has its next one.
    let first = ada.get(&format!("{path}/items?limit=2")).await.expect(200).json();
    assert_eq!((&first["items"][0]["id"], &first["items"][1]["id"]), (&json!(d), &json!(c)));
    for _ in 0..25 {
        move_item(&ada, &path, a, &json!({ "before": b })).await;
        move_item(&ada, &path, b, &json!({ "before": a })).await;
    }
    assert_eq!(read_ids(&ada, &path, 1).await, [d, c, b, a].map(String::clone));
    let rest = ada.get(&format!("{path}/items?after={}", first["next"].as_str().unwrap())).await.expect(200).json();
    assert_eq!((&rest["items"][0]["id"], &rest["items"][1]["id"]), (&json!(b), &json!(a)));

    for (id, to, status, code) in [
        (a.as_str(), json!({}), 422, "request.invalid"),
        (a.as_str(), json!({ "before": b, "after": c }), 422, "request.invalid"),
        (a.as_str(), json!({ "before": a }), 422, "request.invalid"),
        (a.as_str(), json!({ "before": NO_ID }), 422, "request.invalid"),
        (NO_ID, json!({ "before": a }), 404, "media.not_found"),
    ] {
        ada.patch(&format!("{path}/items/{id}"), &to).await.refused(status, code);
    }
    ada.get(&format!("{path}/items?after=nonsense")).await.refused(422, "request.invalid");
    assert_eq!(read_ids(&ada, &path, 100).await, [d, c, b, a].map(String::clone));
    world.end().await;
}

#[tokio::test]
async fn an_album_takes_only_items_of_its_owners_library_all_or_none() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let own = photo(&ada, "", 1).await;
    let staged = photo(&ada, "?claim=later", 2).await;
    let foreign = photo(&bob, "?visibility=public", 3).await;
    let avatar = photo(&ada, "?claim=later", 4).await;
    ada.post("/v1/media/claims", &json!({ "ids": [avatar], "subject": "account:avatar" })).await.expect(200);
    let path = album(&ada, &json!({ "title": "Sea" }), &[]).await;
    for wrong in [foreign.as_str(), &staged, &avatar, NO_ID] {
        ada.post(&format!("{path}/items"), &json!({ "ids": [own, wrong] })).await.refused(404, "media.not_found");
        ada.patch(&path, &json!({ "cover": wrong })).await.refused(422, "request.invalid");
    }
    for bad in [json!({ "ids": [] }), json!({ "ids": ["x"] }), json!({ "ids": [own], "at": 1 })] {
        ada.post(&format!("{path}/items"), &bad).await.refused(422, "request.invalid");
    }
    bob.post(&format!("{path}/items"), &json!({ "ids": [foreign] })).await.refused(404, "media.no_such_album");
    assert_eq!(read_ids(&ada, &path, 10).await, [""; 0]);
    assert_eq!(ada.get(&path).await.json()["item_count"], 0);
    world.end().await;
}

/// Returns a refusal without the id of its request.
fn without_request(refused: &testkit::TestResponse) -> Value {
    let mut problem = refused.json();
    problem.as_object_mut().unwrap().remove("request_id");
    problem
}

#[tokio::test]
async fn a_private_album_and_none_are_the_same_to_strangers_who_change_no_album() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob, anonymous) = (world.ada(), world.bob(), world.anonymous());
    let id = photo(&ada, "", 1).await;
    let path = album(&ada, &json!({ "title": "Sea" }), &[&id]).await;
    let none = format!("/v1/albums/{NO_ID}");
    for reader in [&bob, &anonymous] {
        for part in ["", "/items", "/items?limit=1"] {
            let seen = reader.get(&format!("{path}{part}")).await.refused(404, "media.no_such_album");
            let missing = reader.get(&format!("{none}{part}")).await.refused(404, "media.no_such_album");
            assert_eq!(without_request(&seen), without_request(&missing));
        }
    }
    for visibility in ["private", "public"] {
        ada.patch(&path, &json!({ "visibility": visibility })).await.expect(200);
        for (method, part, body) in [
            (Method::PATCH, String::new(), json!({ "title": "mine" })),
            (Method::DELETE, String::new(), json!({})),
            (Method::POST, "/items".to_owned(), json!({ "ids": [id] })),
            (Method::PATCH, format!("/items/{id}"), json!({ "before": NO_ID })),
            (Method::DELETE, format!("/items/{id}"), json!({})),
        ] {
            let at = async |client: &TestClient, album: &str| {
                client.send(client.request(method.clone(), &format!("{album}{part}")).json(&body)).await
            };
            let refused = at(&bob, &path).await.refused(404, "media.no_such_album");
            let missing = at(&bob, &none).await.refused(404, "media.no_such_album");
            assert_eq!(without_request(&refused), without_request(&missing));
            at(&anonymous, &path).await.refused(401, "auth.required");
        }
    }
    anonymous.get("/v1/albums").await.refused(401, "auth.required");
    assert_eq!(ada.get(&path).await.json()["title"], "Sea");
    assert_eq!(read_ids(&ada, &path, 10).await, [id]);
    world.end().await;
}

#[tokio::test]
async fn a_shared_album_shows_others_only_items_that_are_shared_as_widely() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob, anonymous) = (world.ada(), world.bob(), world.anonymous());
    let (hidden, open) = (photo(&ada, "", 1).await, photo(&ada, "?visibility=unlisted", 2).await);
    let path = album(&ada, &json!({ "title": "Sea", "visibility": "unlisted" }), &[&hidden, &open]).await;
    assert_eq!(read_ids(&ada, &path, 10).await, [hidden.clone(), open.clone()]);
    for reader in [&bob, &anonymous] {
        let seen = reader.get(&path).await.expect(200).json();
        assert_eq!((&seen["title"], &seen["item_count"]), (&json!("Sea"), &Value::Null));
        assert_eq!(seen["cover"]["id"], open, "the first item is not theirs to see");
        assert_eq!((&seen["cover"]["sha256"], &seen["cover"]["urls"]["original"]), (&Value::Null, &Value::Null));
        let items = String::from_utf8(reader.get(&format!("{path}/items")).await.expect(200).body).unwrap();
        assert!(!items.contains(&hidden) && !items.contains("?t="), "{items}");
        assert_eq!(read_ids(reader, &path, 1).await, std::slice::from_ref(&open));
    }
    ada.patch(&format!("/v1/media/{hidden}"), &json!({ "visibility": "public" })).await.expect(200);
    assert_eq!(read_ids(&anonymous, &path, 1).await, [hidden.clone(), open.clone()]);
    // An unlisted item is never listed to readers who need no link.
    ada.patch(&path, &json!({ "visibility": "public" })).await.expect(200);
    assert_eq!(read_ids(&anonymous, &path, 1).await, std::slice::from_ref(&hidden));
    ada.patch(&path, &json!({ "visibility": "unlisted" })).await.expect(200);
    ada.patch(&format!("/v1/media/{open}"), &json!({ "visibility": "private" })).await.expect(200);
    assert_eq!(read_ids(&anonymous, &path, 1).await, [hidden]);
    world.end().await;
}

#[derive(FromQueryResult)]
struct Rows {
    albums: i64,
    items: i64,
}

async fn rows(world: &World) -> (i64, i64) {
    let text = "select (select count(*) from album) as albums, (select count(*) from album_item) as items";
    let row: Option<Rows> = world.context("media").db.read().row(text, vec![]).await.unwrap();
    row.map(|row| (row.albums, row.items)).unwrap()
}

#[tokio::test]
async fn removed_items_leave_their_albums_and_removed_albums_leave_their_items() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let (a, b, c) = (photo(&ada, "", 1).await, photo(&ada, "", 2).await, photo(&ada, "", 3).await);
    let first = album(&ada, &json!({ "title": "First" }), &[&a, &b, &c]).await;
    let second = album(&ada, &json!({ "title": "Second" }), &[&b]).await;
    let changed = ada.patch(&first, &json!({ "title": " 24/7 ", "cover": b })).await.expect(200).json();
    assert_eq!((&changed["title"], &changed["cover"]["id"]), (&json!("24/7"), &json!(b)));
    ada.delete(&format!("/v1/media/{b}")).await.expect(204);
    assert_eq!(read_ids(&ada, &first, 10).await, [a.clone(), c.clone()]);
    let left = ada.get(&first).await.expect(200).json();
    assert_eq!((&left["item_count"], &left["cover"]["id"]), (&json!(2), &json!(a)));
    let emptied = ada.get(&second).await.expect(200).json();
    assert_eq!((&emptied["item_count"], &emptied["cover"]), (&json!(0), &Value::Null));
    let listed = ada.get("/v1/albums").await.expect(200).json();
    let covers: Vec<_> = listed["items"].as_array().unwrap().iter().map(|album| &album["cover"]["id"]).collect();
    assert!(covers.contains(&&json!(a)) && covers.contains(&&Value::Null), "{listed:#}");
    // What is in the trash comes back to its place, until it is removed for good.
    ada.post(&format!("/v1/media/{b}/restore"), &json!({})).await.expect(200);
    assert_eq!(read_ids(&ada, &first, 10).await, [a.clone(), b.clone(), c.clone()]);
    assert_eq!(ada.get(&first).await.expect(200).json()["cover"]["id"], b);
    ada.delete(&format!("/v1/media/{b}?purge=true")).await.expect(204);
    assert_eq!(rows(&world).await, (2, 2));

    ada.delete(&format!("{first}/items/{a}")).await.expect(204);
    ada.delete(&format!("{first}/items/{a}")).await.refused(404, "media.not_found");
    assert_eq!(read_ids(&ada, &first, 10).await, std::slice::from_ref(&c));
    ada.delete(&first).await.expect(204);
    ada.delete(&first).await.refused(404, "media.no_such_album");
    for kept in [&a, &c] {
        ada.get(&format!("/v1/media/{kept}")).await.expect(200);
    }
    assert_eq!(rows(&world).await, (1, 0));

    let kept = album(&bob, &json!({ "title": "Bob's" }), &[&photo(&bob, "", 4).await]).await;
    ada.post(&format!("{second}/items"), &json!({ "ids": [a, c] })).await.expect(200);
    let erased = Erased { account: AccountId(ada.id), handle: "ada".into(), at: world.clock().now() };
    let event =
        Envelope { id: "1".into(), subject: Erased::SUBJECT.into(), payload: serde_json::to_string(&erased).unwrap() };
    world.process.bus.engine().publish(&[event]).await.unwrap();
    world.settle().await;
    assert_eq!(rows(&world).await, (1, 1));
    ada.post("/v1/albums", &json!({ "title": "Late" })).await.refused(403, "media.account_closed");
    bob.get(&kept).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn albums_and_their_items_are_bounded_and_listed_newest_first() {
    let settings = ["media.max_albums=3", "media.max_album_items=2"];
    let builder = settings.iter().fold(World::builder(), |builder, setting| builder.set(setting));
    let world = builder.start(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let create = || {
        let request = ada.request(Method::POST, "/v1/albums").header("idempotency-key", "k1");
        request.json(&json!({ "title": "0" }))
    };
    let once = ada.send(create()).await.expect(201);
    let twice = ada.send(create()).await.expect(201);
    assert_eq!((once.json()["id"].clone(), twice.header("idempotent-replay")), (twice.json()["id"].clone(), "true"));
    for title in ["1", "2"] {
        album(&ada, &json!({ "title": title }), &[]).await;
    }
    ada.post("/v1/albums", &json!({ "title": "3" })).await.refused(403, "media.quota_albums");
    for bad in [json!({}), json!({ "title": " " }), json!({ "title": "a", "description": "x".repeat(2001) })] {
        bob.post("/v1/albums", &bad).await.refused(422, "request.invalid");
    }
    let (mut titles, mut after) = (Vec::new(), String::new());
    loop {
        let page = ada.get(&format!("/v1/albums?limit=2{after}")).await.expect(200).json();
        titles.extend(page["items"].as_array().unwrap().iter().map(|album| album["title"].clone()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    // Albums of the same moment are in the order of their ids.
    titles.sort_by_key(Value::to_string);
    assert_eq!(titles, ["0", "1", "2"]);
    assert_eq!(bob.get("/v1/albums").await.expect(200).json(), json!({ "items": [], "next": null }));

    let mut ids = Vec::new();
    for seed in 0..3 {
        ids.push(photo(&ada, "", seed).await);
    }
    let path = once.header("location");
    ada.post(&format!("{path}/items"), &json!({ "ids": ids })).await.refused(403, "media.album_full");
    ada.post(&format!("{path}/items"), &json!({ "ids": ids[..2] })).await.expect(200);
    ada.post(&format!("{path}/items"), &json!({ "ids": ids[..1] })).await.expect(200);
    ada.post(&format!("{path}/items"), &json!({ "ids": ids[2..] })).await.refused(403, "media.album_full");
    assert_eq!(read_ids(&ada, path, 10).await, ids[..2]);
    world.end().await;
}
