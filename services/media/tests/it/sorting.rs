//! The orders of a library.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use testkit::{TestClient, World};

use crate::fixtures::send;
use crate::library::photo;
use crate::samples::phone_photo;

/// Returns the items of a list, read two at a time.
async fn walk(member: &TestClient, query: &str) -> Vec<Value> {
    let (mut items, mut after) = (Vec::new(), String::new());
    loop {
        let page = member.get(&format!("/v1/media?{query}&limit=2{after}")).await.expect(200).json();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { return items };
        after = format!("&after={next}");
    }
}

fn time(item: &Value, field: &str) -> Option<DateTime<Utc>> {
    item[field].as_str().map(|text| text.parse().unwrap())
}

fn ids(items: &[Value]) -> BTreeSet<&str> {
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_library_is_paged_by_the_time_taken_or_added_and_each_item_comes_once() {
    let world = World::of(&[media::service()]).await;
    let ada = world.ada();
    let sample = phone_photo();
    let at = sample.windows(10).position(|bytes| bytes == b"2024:05:06").unwrap();
    // Two were taken in the same second, one before 1970, one long after it was added; three have no such time.
    for (n, day) in ["1999:01:01", "2024:05:06", "1931:07:08", "2024:05:06", "2190:01:01"].into_iter().enumerate() {
        world.clock().advance(TimeDelta::seconds(1));
        let mut file = sample.clone();
        file.splice(at..at + 10, day.bytes());
        send(&ada, &format!("?name=Phone{n}.jpg&tags=sea"), "image/jpeg", file).await.expect(201);
        if n % 2 == 0 {
            photo(&ada, &format!("?name=Screen{n}.png&tags=sea"), u8::try_from(n).unwrap()).await;
        }
    }
    let by_added = walk(&ada, "sort=added").await;
    assert!(by_added.is_sorted_by_key(|item| std::cmp::Reverse(time(item, "created_at"))));
    assert_eq!((by_added.len(), ids(&by_added).len()), (8, 8));
    assert_eq!(by_added, walk(&ada, "").await, "it is the default");
    for query in ["sort=taken", "sort=taken&kind=photo", "sort=taken&tag=sea", "sort=taken&tag=sea&state=received"] {
        let by_taken = walk(&ada, query).await;
        let key = |item: &Value| std::cmp::Reverse(time(item, "taken_at").or_else(|| time(item, "created_at")));
        assert!(by_taken.is_sorted_by_key(key), "{query}: {by_taken:#?}");
        assert_eq!((by_taken.len(), ids(&by_taken)), (8, ids(&by_added)), "{query}");
        assert_eq!((&by_taken[0]["name"], &by_taken[7]["name"]), (&"Phone4.jpg".into(), &"Phone2.jpg".into()));
    }
    assert_eq!(walk(&ada, "sort=taken&q=screen").await.len(), 3);
    // A page of one order does not continue in another.
    let next = ada.get("/v1/media?sort=taken&limit=2").await.json()["next"].as_str().unwrap().to_owned();
    ada.get(&format!("/v1/media?after={next}")).await.refused(422, "request.invalid");
    ada.get("/v1/media?sort=size").await.refused(400, "request.invalid");
    world.end().await;
}
