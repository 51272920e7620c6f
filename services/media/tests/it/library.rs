//! Listing, reading, changing and removing.

use bus::Envelope;
use contract::accounts::Erased;
use contract::media::{Changed, Deleted, Received};
use contract::{AccountId, Event};
use db::{FromQueryResult, Sql};
use serde_json::{Value, json};
use testkit::{TestClient, World};

use crate::fixtures::{expect_no_orphans, expect_nothing_stored, png, send};

#[derive(FromQueryResult)]
struct OutboxRow {
    payload: String,
}

/// Returns the events that were published under a subject, oldest first.
pub async fn published_events<E: Event>(world: &World) -> Vec<E> {
    let text = "select payload from outbox where subject = $1 order by id";
    let rows: Vec<OutboxRow> = world.context("media").db.read().rows(text, vec![E::SUBJECT.into()]).await.unwrap();
    rows.iter().map(|row| serde_json::from_str(&row.payload).unwrap()).collect()
}

/// Sends a photo. Returns its id.
pub async fn photo(member: &TestClient, query: &str, seed: u8) -> String {
    let item = send(member, query, "image/png", png(12, 34, 3000, seed)).await.expect(201).json();
    item["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_library_is_paged_newest_first_and_filtered() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let mut ids = Vec::new();
    for n in 0..7_u8 {
        // Some have the same creation time: the order must hold all the same.
        if n % 2 == 0 {
            world.clock().advance(chrono::TimeDelta::seconds(1));
        }
        let tags = if n == 3 { "sun,100%25" } else { "rain" };
        ids.push(
            photo(
                &ada,
                &format!("?name=Summer{n}.png&tags={tags}&visibility={}", if n == 5 { "public" } else { "private" }),
                n,
            )
            .await,
        );
    }
    photo(&bob, "?name=bobs.png", 99).await;
    let mut seen = Vec::new();
    let mut after = String::new();
    loop {
        let page = ada.get(&format!("/v1/media?limit=3{after}")).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 3);
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(seen.len(), 7);
    assert!(ids.iter().all(|id| seen.contains(id)));
    let place = |n: usize| seen.iter().position(|id| *id == ids[n]).unwrap();
    assert!(place(6) < place(4) && place(5) < place(3) && place(2) < place(1));
    let count = async |query: &str| {
        ada.get(&format!("/v1/media?{query}")).await.expect(200).json()["items"].as_array().unwrap().len()
    };
    assert_eq!(count("tag=Sun").await, 1);
    assert_eq!(count("tag=su").await, 0);
    assert_eq!(count("tag=100%25").await, 1);
    assert_eq!(count("q=summer3").await, 1);
    assert_eq!(count("q=%25").await, 1);
    assert_eq!(count("q=rain").await, 6);
    assert_eq!(count("visibility=public").await, 1);
    assert_eq!(count("kind=photo&state=received").await, 7);
    assert_eq!(count("kind=video").await, 0);
    ada.get("/v1/media?after=nonsense").await.refused(422, "request.invalid");
    ada.get("/v1/media?kind=book").await.refused(400, "request.invalid");
    world.anonymous().get("/v1/media").await.refused(401, "auth.required");
    world.end().await;
}

/// Returns the names in a list, newest first.
pub async fn names(member: &TestClient, query: &str) -> Vec<String> {
    let page = member.get(&format!("/v1/media?{query}")).await.expect(200).json();
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_search_matches_prefixes_of_words_in_current_names_and_tags() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    let mut ids = Vec::new();
    for (seed, name) in ["IMG_20240512-1.png", "Grandmas-photographs.png", "花火大会.png"].into_iter().enumerate() {
        world.clock().advance(chrono::TimeDelta::seconds(1));
        ids.push(photo(&ada, &format!("?name={name}&tags=Family"), u8::try_from(seed).unwrap()).await);
    }
    photo(&bob, "?name=Grandmas.png&tags=family", 9).await;
    assert_eq!(names(&ada, "q=img").await, ["IMG_20240512-1.png"]);
    assert_eq!(names(&ada, "q=20240512").await, ["IMG_20240512-1.png"]);
    assert_eq!(names(&ada, "q=photographs+GRAND").await, ["Grandmas-photographs.png"]);
    assert_eq!(names(&ada, "q=photograp").await, ["Grandmas-photographs.png"]);
    assert_eq!(names(&ada, "q=photographx").await, [""; 0]);
    assert_eq!(names(&ada, "q=大会").await, ["花火大会.png"]);
    assert_eq!(names(&ada, "q=fam").await, ["花火大会.png", "Grandmas-photographs.png", "IMG_20240512-1.png"]);
    assert_eq!(names(&ada, "tag=family&q=img&kind=photo").await, ["IMG_20240512-1.png"]);
    assert_eq!(names(&ada, "tag=family&q=img&kind=video").await, [""; 0]);

    ada.patch(&format!("/v1/media/{}", ids[0]), &json!({ "name": "beach.png", "tags": ["sea"] })).await.expect(200);
    assert_eq!(names(&ada, "q=img").await, [""; 0]);
    assert_eq!(names(&ada, "q=beach+sea").await, ["beach.png"]);
    assert_eq!(names(&ada, "tag=family").await.len(), 2);
    ada.delete(&format!("/v1/media/{}", ids[1])).await.expect(204);
    assert_eq!(names(&ada, "q=fam").await, ["花火大会.png"]);
    world.end().await;
}

#[derive(FromQueryResult)]
struct Terms {
    terms: i64,
}

async fn terms(world: &World) -> i64 {
    let row: Option<Terms> =
        world.context("media").db.read().row("select count(*) as terms from item_term", vec![]).await.unwrap();
    row.map_or(0, |row| row.terms)
}

#[tokio::test]
async fn a_removed_item_leaves_nothing_in_the_index() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let id = photo(&ada, "?name=Summer.png&tags=sea,sun&claim=later", 1).await;
    ada.post("/v1/media/claims", &json!({ "ids": [id], "subject": "post:1", "tags": ["beach"] })).await.expect(200);
    ada.patch(&format!("/v1/media/{id}"), &json!({ "name": "winter", "tags": ["snow"] })).await.expect(200);
    assert_eq!(names(&ada, "subject=post:1").await, ["winter"]);
    assert!(terms(&world).await > 0);
    ada.delete(&format!("/v1/media/{id}?purge=true")).await.expect(204);
    assert_eq!(terms(&world).await, 0);
    world.end().await;
}

#[tokio::test]
async fn items_of_an_earlier_release_are_found_before_and_after_they_are_in_the_index() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    for seed in 0..45 {
        photo(&ada, &format!("?name=Summer{seed}.png&tags=sea"), seed).await;
    }
    let forget = async |db: &db::Db| {
        let forgotten: Result<(), db::Error> = db
            .write(db::Lane::ALL, async |tx| {
                tx.execute("delete from item_term", vec![]).await?;
                tx.execute("update item set indexed_version = 0", vec![]).await.map(drop)
            })
            .await;
        forgotten.unwrap();
    };
    forget(&world.context("media").db).await;
    assert_eq!(names(&ada, "q=summer+7").await, ["Summer7.png"]);
    assert_eq!((names(&ada, "tag=sea").await.len(), names(&ada, "q=winter").await.len()), (45, 0));
    let folder = world.crash().await;
    let world = World::builder().in_folder(folder).start(&[media::service()]).await;
    world.wait_for("the items are in the index", async || (terms(&world).await > 45 * 8).then_some(())).await;
    world
        .wait_for("all of them are", async || {
            let text = "select count(*) as terms from item where indexed_version <> version";
            let row: Option<Terms> = world.context("media").db.read().row(text, vec![]).await.unwrap();
            row.is_some_and(|row| row.terms == 0).then_some(())
        })
        .await;
    assert_eq!(names(&world.ada(), "q=summer+7").await, ["Summer7.png"]);
    world.end().await;
}

#[tokio::test]
async fn strangers_see_what_is_open_without_its_owners_facts_and_nothing_else() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob, anonymous) = (world.ada(), world.bob(), world.anonymous());
    let id = photo(&ada, "", 1).await;
    let path = format!("/v1/media/{id}");
    for stranger in [&bob, &anonymous] {
        stranger.get(&path).await.refused(404, "media.not_found");
    }
    bob.patch(&path, &json!({ "name": "mine" })).await.refused(404, "media.not_found");
    bob.delete(&path).await.refused(404, "media.not_found");
    anonymous.patch(&path, &json!({})).await.refused(401, "auth.required");
    anonymous.delete(&path).await.refused(401, "auth.required");
    let private = ada.get(&path).await.expect(200).json();
    assert!(private["urls"]["image"].as_str().unwrap().contains("?t="));
    for audience in ["unlisted", "public"] {
        let changed = ada.patch(&path, &json!({ "visibility": audience })).await.expect(200).json();
        assert!(!changed["urls"]["image"].as_str().unwrap().contains("?t="));
        let seen = anonymous.get(&path).await.expect(200).json();
        assert_eq!(seen["urls"]["image"], format!("{path}/image"));
        for hidden in ["sha256", "taken_at", "camera", "subject"] {
            assert_eq!(seen[hidden], Value::Null, "{hidden}");
        }
        assert_eq!(seen["urls"]["original"], Value::Null);
        assert_eq!(seen["urls"]["events"], format!("{path}/events"));
    }
    ada.get("/v1/media/nonsense").await.refused(404, "request.no_such_url");
    ada.get("/v1/media/0000000000000000000000").await.refused(404, "media.not_found");
    world.end().await;
}

#[tokio::test]
async fn a_change_is_published_with_its_version_and_invalid_ones_change_nothing() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let id = photo(&ada, "?name=a.png&tags=x", 1).await;
    let path = format!("/v1/media/{id}");
    for bad in [json!({ "visibility": "all" }), json!({ "owner": "me" }), json!({ "tags": ["x".repeat(41)] })] {
        ada.patch(&path, &bad).await.refused(422, "request.invalid");
    }
    let item = ada.patch(&path, &json!({ "name": "b.png", "tags": ["Y", "y", " z "] })).await.expect(200).json();
    assert_eq!(
        (&item["name"], &item["tags"], &item["visibility"]),
        (&json!("b.png"), &json!(["y", "z"]), &json!("private"))
    );
    ada.patch(&path, &json!({ "visibility": "public" })).await.expect(200);
    let changes: Vec<Changed> = published_events(&world).await;
    assert_eq!(changes.iter().map(|change| change.version).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(changes[1].name, "b.png");
    world.end().await;
}

#[tokio::test]
async fn removing_is_published_and_leaves_nothing() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let id = photo(&ada, "", 1).await;
    ada.delete(&format!("/v1/media/{id}?purge=true")).await.expect(204);
    ada.delete(&format!("/v1/media/{id}?purge=true")).await.refused(404, "media.not_found");
    ada.get(&format!("/v1/media/{id}")).await.refused(404, "media.not_found");
    world.anonymous().get(&format!("/internal/media/{id}")).await.refused(404, "media.not_found");
    assert_eq!(published_events::<Received>(&world).await.len(), 1);
    assert_eq!(published_events::<Deleted>(&world).await[0].id.as_str(), id);
    expect_nothing_stored(&world).await;
    world.end().await;
}

#[tokio::test]
async fn erasing_an_account_removes_everything() {
    let world = World::of(&[media::service()]).await;
    let (ada, bob) = (world.ada(), world.bob());
    photo(&ada, "", 1).await;
    photo(&ada, "?claim=later", 2).await;
    let trashed = photo(&ada, "", 4).await;
    ada.delete(&format!("/v1/media/{trashed}")).await.expect(204);
    let kept = photo(&bob, "", 1).await;
    let begun =
        ada.request(http::Method::POST, "/v1/uploads").header("tus-resumable", "1.0.0").header("upload-length", 9000);
    ada.send(begun.header("content-type", "application/offset+octet-stream").body(png(9, 9, 9000, 3)[..5000].to_vec()))
        .await
        .expect(201);
    let erased = Erased { account: AccountId(ada.id), handle: "ada".into(), at: world.clock().now() };
    let event =
        Envelope { id: "1".into(), subject: Erased::SUBJECT.into(), payload: serde_json::to_string(&erased).unwrap() };
    world.process.bus.engine().publish(&[event]).await.unwrap();
    world.settle().await;
    assert_eq!(published_events::<Deleted>(&world).await.len(), 3);
    // A token that outlives its account grants nothing.
    assert_eq!(send(&ada, "", "image/png", png(9, 9, 3000, 8)).await.status, 403);
    bob.get(&format!("/v1/media/{kept}")).await.expect(200);
    expect_no_orphans(&world).await;
    assert_eq!(crate::fixtures::objects(&world).await.len(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_post_that_is_sent_twice_is_done_once() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let post = || ada.request(http::Method::POST, "/v1/media").header("idempotency-key", "k1").body(png(9, 9, 3000, 1));
    let first = ada.send(post()).await.expect(201);
    let second = ada.send(post()).await.expect(201);
    assert_eq!(first.json()["id"], second.json()["id"]);
    assert_eq!(second.header("idempotent-replay"), "true");
    assert_eq!(second.header("location"), first.header("location"));
    assert_eq!(ada.get("/v1/media").await.json()["items"].as_array().unwrap().len(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_repeated_post_returns_what_the_first_one_created() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let post = |query: &str, seed| {
        ada.request(http::Method::POST, &format!("/v1/media{query}"))
            .header("idempotency-key", "k1")
            .body(png(9, 9, 30_000, seed))
    };
    let id = ada.send(post("", 1)).await.expect(201).json()["id"].as_str().unwrap().to_owned();
    ada.send(post("", 2)).await.refused(422, "request.idempotency_key_reused");
    ada.send(post("?name=b.png", 1)).await.refused(422, "request.idempotency_key_reused");
    // The current state, not the one of the first response.
    ada.patch(&format!("/v1/media/{id}"), &json!({ "name": "renamed.png" })).await.expect(200);
    let again = ada.send(post("", 1)).await.expect(201);
    assert_eq!((again.header("idempotent-replay"), &again.json()["name"]), ("true", &json!("renamed.png")));
    ada.delete(&format!("/v1/media/{id}")).await.expect(204);
    ada.send(post("", 1)).await.refused(410, "request.result_removed");
    assert_eq!(ada.get("/v1/media").await.json()["items"], json!([]));
    world.end().await;
}

#[tokio::test]
async fn a_form_that_is_sent_again_with_another_boundary_is_done_once() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let send = async |seed| {
        let file = reqwest::multipart::Part::bytes(png(9, 9, 30_000, seed)).file_name("a.png");
        let form = reqwest::multipart::Form::new().text("tags", "sea").part("file", file);
        ada.send(ada.request(http::Method::POST, "/v1/media").header("idempotency-key", "k1").multipart(form)).await
    };
    let first = send(1).await.expect(201);
    assert_eq!(first.json()["id"], send(1).await.expect(201).json()["id"]);
    send(2).await.refused(422, "request.idempotency_key_reused");
    assert_eq!(ada.get("/v1/media").await.json()["items"].as_array().unwrap().len(), 1);
    world.end().await;
}

#[tokio::test]
async fn an_upload_that_is_created_again_is_the_same_and_has_its_offset() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let begin = async |length: u64| {
        let request = ada
            .request(http::Method::POST, "/v1/uploads")
            .header("idempotency-key", "k1")
            .header("tus-resumable", "1.0.0");
        ada.send(request.header("upload-length", length)).await
    };
    let location = begin(9000).await.expect(201).header("location").to_owned();
    let append =
        ada.request(http::Method::PATCH, &location).header("tus-resumable", "1.0.0").header("upload-offset", 0);
    let bytes =
        append.header("content-type", "application/offset+octet-stream").body(png(9, 9, 9000, 3)[..5000].to_vec());
    ada.send(bytes).await.expect(204);
    let again = begin(9000).await.expect(201);
    let said = ["location", "upload-offset", "tus-resumable", "idempotent-replay"].map(|name| again.header(name));
    assert_eq!(said, [location.as_str(), "5000", "1.0.0", "true"]);
    begin(9001).await.refused(422, "request.idempotency_key_reused");
    ada.send(ada.request(http::Method::DELETE, &location).header("tus-resumable", "1.0.0")).await.expect(204);
    begin(9000).await.refused(410, "request.result_removed");
    world.end().await;
}

#[tokio::test]
async fn a_claim_of_a_hundred_items_can_be_repeated_whatever_its_size() {
    #[derive(FromQueryResult)]
    struct Bytes {
        bytes: i64,
    }
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let mut ids = Vec::new();
    for seed in 0..100 {
        ids.push(photo(&ada, &format!("?claim=later&name={}.png", "n".repeat(200)), seed).await);
    }
    let body = json!({ "ids": ids, "subject": "post:1", "tags": ["wedding"] });
    let claim = || ada.request(http::Method::POST, "/v1/media/claims").header("idempotency-key", "k1");
    let first = ada.send(claim().json(&body)).await.expect(200);
    assert!(first.body.len() > 64 * 1024, "{}", first.body.len());
    let again = ada.send(claim().json(&body)).await.expect(200);
    assert_eq!((again.json(), again.header("idempotent-replay")), (first.json(), "true"));
    ada.send(claim().json(&json!({ "ids": ids, "subject": "post:2" })))
        .await
        .refused(422, "request.idempotency_key_reused");
    let kept: Bytes = world
        .context("media")
        .db
        .read()
        .row("select cast(coalesce(sum(length(body)), 0) as bigint) as bytes from idempotency", vec![])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kept.bytes, 0, "no answer is kept");
    assert_eq!(published_events::<Changed>(&world).await.len(), 100, "nothing was done twice");
    world.end().await;
}
