//! The list, its filters and cursor, marks and removal.

use db::{Lane, Sql as _};
use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::fixtures::{LIST, follow, ids, list, react, world_of};

#[tokio::test]
async fn a_notice_grows_names_who_acted_and_leads_to_the_page() {
    let (world, [ada, bob, cy]) = world_of(["ada", "bob", "cy"]).await;
    react(&world, &bob, &ada, 7).await;
    let first = list(&ada, "").await;
    assert_eq!((&first["unseen"], &first["unread"], &first["next"]), (&json!(1), &json!(1), &Value::Null));
    react(&world, &cy, &ada, 7).await;
    react(&world, &cy, &ada, 7).await;
    let grown = list(&ada, "").await;
    assert_eq!((grown["items"].as_array().unwrap().len(), &grown["unread"]), (1, &json!(1)));
    let (notice, post) = (&grown["items"][0], Uuid::from_u128(7));
    assert_eq!(notice["text"], "CY and BOB reacted to your post");
    assert_eq!((&notice["count"], &notice["url"]), (&json!(2), &json!(format!("/p/{post}"))));
    assert_eq!((&notice["kind"], &notice["subject"]), (&json!("reacted"), &json!(post)));
    assert_eq!((&notice["seen"], &notice["read"]), (&json!(false), &json!(false)));
    assert_eq!((&notice["actors"][0]["handle"], &notice["actors"][1]["id"]), (&json!("cy"), &json!(bob.id)));
    assert_ne!(notice["id"], first["items"][0]["id"]);
    assert_eq!(notice["group"], first["items"][0]["group"]);
    assert!(notice["created_at"].as_str().unwrap().ends_with('Z'));
    let french = ada.request(Method::GET, LIST).header("accept-language", "fr-CA,en;q=0.5");
    let french = ada.send(french).await.expect(200).json();
    assert_eq!(french["items"][0]["text"], "CY et BOB ont réagi à votre publication");
    world.anonymous().get(LIST).await.refused(401, "auth.required");
    assert_eq!(list(&bob, "").await["items"], json!([]));
    world.end().await;
}

#[tokio::test]
async fn a_walk_by_next_has_each_notice_once_and_filters_select() {
    let (world, [ada, bob]) = world_of(["ada", "bob"]).await;
    for post in 1..=4 {
        react(&world, &bob, &ada, post).await;
    }
    follow(&world, &bob, &ada).await;
    let all = ids(&list(&ada, "").await);
    let (mut walked, mut after) = (Vec::new(), String::new());
    loop {
        let page = list(&ada, &format!("limit=2{after}")).await;
        assert!(page["items"].as_array().unwrap().len() <= 2 && page["unread"] == 5, "{page}");
        walked.extend(ids(&page));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!((walked.len(), &walked), (5, &all));
    let followed = list(&ada, "kind=followed").await;
    assert_eq!((ids(&followed).len(), &followed["items"][0]["url"]), (1, &json!("/u/bob")));
    assert_eq!(ids(&list(&ada, "kind=reacted&limit=3").await), all[1..4]);
    assert_eq!(ids(&list(&ada, "filtered=true").await).len(), 0);
    ada.post(&format!("{LIST}/read"), &json!({"ids": [all[1]]})).await.expect(200);
    let unread: Vec<&String> = all.iter().filter(|id| **id != all[1]).collect();
    assert_eq!(ids(&list(&ada, "unread=true").await).iter().collect::<Vec<_>>(), unread);
    for wrong in ["after=x", "kind=eaten", "unread=maybe", "limit=-1"] {
        ada.get(&format!("{LIST}?{wrong}")).await.refused(400, "request.invalid");
    }
    world.end().await;
}

#[tokio::test]
async fn marks_count_what_is_left_and_never_reach_what_came_later() {
    let (world, [ada, bob]) = world_of(["ada", "bob"]).await;
    let counts = |unseen: u64, unread: u64| json!({"unseen": unseen, "unread": unread});
    let mark = async |mark: &str, body: Value| ada.post(&format!("{LIST}/{mark}"), &body).await.expect(200).json();
    for post in 1..=3 {
        react(&world, &bob, &ada, post).await;
    }
    let all = ids(&list(&ada, "").await);
    assert_eq!(mark("seen", json!({"until": all[0]})).await, counts(0, 3));
    assert_eq!(mark("read", json!({"ids": [all[0], Uuid::nil()]})).await, counts(0, 2));
    // An id that is above all others marks what is there, and nothing that comes.
    assert_eq!(mark("read", json!({"until": Uuid::max()})).await, counts(0, 0));
    react(&world, &bob, &ada, 4).await;
    assert_eq!(mark("seen", json!({"ids": []})).await, counts(1, 1));
    for (body, code) in [
        (json!({}), "notify.invalid_mark"),
        (json!({"until": all[0], "ids": []}), "notify.invalid_mark"),
        (json!({"ids": vec![Uuid::nil(); 101]}), "notify.invalid_mark"),
        (json!({"until": "yesterday"}), "request.invalid"),
        (json!({"all": true}), "request.invalid"),
    ] {
        ada.post(&format!("{LIST}/read"), &body).await.refused(422, code);
    }
    let newest = ids(&list(&ada, "").await).remove(0);
    bob.delete(&format!("{LIST}/{newest}")).await.refused(404, "notify.not_found");
    ada.delete(&format!("{LIST}/{newest}")).await.expect(204);
    ada.delete(&format!("{LIST}/{newest}")).await.refused(404, "notify.not_found");
    let left = list(&ada, "").await;
    assert_eq!((ids(&left), &left["unread"]), (all, &json!(0)));
    world.end().await;
}

#[tokio::test]
async fn a_notice_of_a_later_release_is_listed_in_general_words_and_counted() {
    let (world, [ada, bob]) = world_of(["ada", "bob"]).await;
    react(&world, &bob, &ada, 1).await;
    follow(&world, &bob, &ada).await;
    let rename = "update notice set kind = 'waved' where kind = 'reacted'";
    let db = &world.context("notify").db;
    db.write(Lane::ALL, async move |tx| tx.execute(rename, vec![]).await).await.unwrap();
    let all = list(&ada, "").await;
    let notice = &all["items"][1];
    assert_eq!((ids(&all).len(), &all["unread"], &notice["kind"]), (2, &json!(2), &json!("waved")));
    assert_eq!((&notice["text"], &notice["url"]), (&json!("You have a new notification"), &json!("/notifications")));
    let read = ada.post(&format!("{LIST}/read"), &json!({"ids": [notice["id"]]})).await.expect(200).json();
    assert_eq!(read, json!({"unseen": 1, "unread": 1}));
    world.end().await;
}
