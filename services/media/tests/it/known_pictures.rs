//! New items that are like a listed picture, and what moderators decide about them.

use contract::media::Changed;
use contract::moderation::{Overturned, Released, Screened, Thing};
use contract::transcode::{PictureHashes, Ready};
use contract::{AccountId, MediaId};
use http::Method;
use screening::pdq::Pdq;
use serde_json::{Value, json};
use testkit::{TestClient, TestResponse, World, fake_role};

use crate::fixtures::{png, send};
use crate::item_events::publish;

const LISTED: [u64; 4] = [0x00ff_00ff_00ff_00ff; 4];

/// Returns a hash that differs from the listed one in so many bits.
fn hash(bits: u32) -> String {
    let mut words = LISTED;
    words[0] ^= (1 << bits) - 1;
    Pdq::from_words(words).to_string()
}

/// Returns the pictures of an item: the `way`-th of its eight hashes is this one, the others are far from all.
fn pictures(hash: &str, way: usize, quality: u8) -> Vec<PictureHashes> {
    let mut hashes = vec![Pdq::from_words([u64::MAX, 0, 0, u64::MAX]).to_string(); 8];
    hash.clone_into(&mut hashes[way]);
    vec![PictureHashes { hashes, quality }]
}

async fn photo(world: &World, member: &TestClient, seed: u8, pictures: Vec<PictureHashes>) -> MediaId {
    let item = send(member, "?visibility=public", "image/png", png(12, 34, 3000, seed)).await.expect(201).json();
    let id: MediaId = item["id"].as_str().unwrap().parse().unwrap();
    let (width, height, duration_ms, thumbhash, assets) = (None, None, None, None, vec![]);
    publish(world, &Ready { id: id.clone(), width, height, duration_ms, thumbhash, assets, pictures }).await;
    id
}

async fn import(operator: &TestClient, query: &str, list: &str) -> TestResponse {
    let request = operator.request(Method::POST, &format!("/v1/admin/listed-pictures{query}"));
    operator.send(request.header("content-type", "text/plain").body(list.to_owned())).await
}

async fn find(member: &TestClient, id: &MediaId) -> Value {
    member.get(&format!("/v1/media/{id}")).await.expect(200).json()
}

#[tokio::test]
async fn a_list_is_imported_as_a_whole_once_and_by_operators_with_a_reason() {
    let world = World::of(&[media::service()]).await;
    let olga = world.operator("olga", &["operator"]);
    let (one, two) = (hash(0), hash(20));
    import(&olga, "", &one).await.refused(422, "request.invalid");
    import(&olga, "?reason=x", "# nothing\n").await.refused(422, "request.invalid");
    let refused = import(&olga, "?reason=x", &format!("{one}\n\n{}\n{two}\n", &two[1..])).await;
    let refused = refused.refused(422, "media.bad_hash_list").json();
    assert!(refused["detail"].as_str().unwrap().starts_with("Line 3 "), "{refused}");
    let page = olga.get("/v1/admin/listed-pictures").await.expect(200).json();
    assert_eq!(page, json!({"items": [], "next": null}), "nothing was added");
    for (added, known) in [(2, 1), (0, 3)] {
        let imported = import(&olga, "?reason=Known&note=May", &format!("# May\n{one}\r\n{two}\n{one}\n")).await;
        assert_eq!(imported.expect(200).json(), json!({ "added": added, "known": known }));
    }
    let (mut after, mut hashes) = (String::new(), Vec::new());
    while hashes.len() < 3 {
        let page = olga.get(&format!("/v1/admin/listed-pictures?limit=1{after}")).await.expect(200).json();
        hashes.push(page["items"][0]["hash"].as_str().unwrap().to_owned());
        assert_eq!((&page["items"][0]["note"], &page["items"][0]["decision"]), (&json!("May"), &Value::Null));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(hashes, [two, one], "the newest first");
    world.end().await;
}

#[tokio::test]
async fn a_new_picture_that_is_like_a_listed_one_is_seen_by_its_owner_alone_until_a_moderator_lets_it_go() {
    let world = World::of(&[media::service()]).await;
    let moderation = fake_role("moderation").records::<Screened>().records::<Changed>();
    moderation.join(&world).await;
    let (ada, bob, olga) = (world.ada(), world.bob(), world.operator("olga", &["operator"]));
    let listed = photo(&world, &ada, 1, pictures(&hash(0), 0, 100)).await;
    import(&olga, "?reason=Known", &hash(0)).await.expect(200);
    let near = photo(&world, &ada, 2, pictures(&hash(31), 0, 50)).await;
    let turned = photo(&world, &ada, 3, pictures(&hash(4), 6, 90)).await;
    let far = photo(&world, &ada, 4, pictures(&hash(32), 0, 100)).await;
    let flat = photo(&world, &ada, 5, pictures(&hash(0), 0, 49)).await;
    let told = moderation.events::<Screened>();
    assert_eq!(told.iter().map(|told| told.thing.id.as_str()).collect::<Vec<_>>(), [near.as_str(), turned.as_str()]);
    assert!(told.iter().all(|told| told.check == "screening.listed_media" && told.is_held && told.owner.0 == ada.id));
    let hidden = moderation.events::<Changed>().into_iter().filter(|changed| changed.trashed);
    assert_eq!(hidden.map(|changed| changed.id).collect::<Vec<_>>(), [near.clone(), turned.clone()]);
    for id in [&near, &turned] {
        bob.get(&format!("/v1/media/{id}")).await.refused(404, "media.not_found");
        let own = find(&ada, id).await;
        assert_eq!((&own["visibility"], &own["withheld"]["reason"]), (&json!("private"), &json!(told[0].check)));
        let change = ada.patch(&format!("/v1/media/{id}"), &json!({"visibility": "public"})).await;
        change.refused(403, "media.withheld");
        let link = ada.post(&format!("/v1/media/{id}/links"), &json!({"expires_in": 3600})).await;
        link.refused(403, "media.withheld");
    }
    let of_operators = olga.get(&format!("/v1/admin/media/{near}")).await.expect(200).json();
    let entry = of_operators["withheld"]["entry"].as_str().unwrap();
    let entry = olga.get(&format!("/v1/admin/listed-pictures/{entry}")).await.expect(200).json();
    assert_eq!(entry["hash"], hash(0));
    for id in [&listed, &far, &flat] {
        assert_eq!(find(&bob, id).await["withheld"], Value::Null);
    }
    let page = bob.get(&format!("/v1/media?owner={}", ada.id)).await.expect(200).json();
    assert_eq!(page["items"].as_array().unwrap().len(), 3, "{page}");

    // What its owner makes private meanwhile stays so.
    ada.patch(&format!("/v1/media/{turned}"), &json!({"visibility": "private"})).await.expect(200);
    let at = world.clock().now();
    let by = AccountId(uuid::Uuid::from_u128(2));
    let thing = |id: &MediaId| Thing { role: "media".into(), kind: "item".into(), id: id.to_string() };
    let released = Released { id: told[0].id, thing: thing(&near), owner: told[0].owner, by, at };
    publish(&world, &Released { id: uuid::Uuid::nil(), ..released.clone() }).await;
    assert!(find(&ada, &near).await["withheld"].is_object(), "it is another verdict");
    publish(&world, &released).await;
    let overturned = Overturned {
        id: told[1].id,
        thing: thing(&turned),
        owner: told[1].owner,
        action: contract::moderation::Action::Screened,
        check: Some(told[1].check.clone()),
        unblocked_media: Vec::new(),
        by,
        at,
    };
    publish(&world, &overturned).await;
    for (reader, id, visibility) in [(&bob, &near, "public"), (&ada, &turned, "private")] {
        let seen = find(reader, id).await;
        assert_eq!((&seen["visibility"], &seen["withheld"]), (&json!(visibility), &Value::Null));
    }
    bob.get(&format!("/v1/media/{turned}")).await.refused(404, "media.not_found");
    world.end().await;
}
