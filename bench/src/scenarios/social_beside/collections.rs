//! The same community in PocketBase: its collections, as its manual would have them, and their rows.
//!
//! Does not own PocketBase. Invariant: the page that it serves has the same posts in the same order as Tutti's.

use std::collections::HashMap;

use db::Db;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Error;
use crate::community::plan::{Plan, handle};
use crate::community::rows::{FAN_OUT_THRESHOLD, insert};

/// The text of each post: as long as those of Tutti's are on average.
const TEXT: &str = "Rehearsal went better than we hoped. Saturday at eight, and there is still room for two of you.";
/// One person of so many has entries, as in Tutti's database.
const ACTIVE_EVERY: usize = 20;
/// Everyone who is signed in.
const MEMBERS: &str = "@request.auth.id != ''";

/// Returns the id of a record, which PocketBase wants to have fifteen letters and digits.
pub(super) fn record_id(number: usize) -> String {
    format!("{number:015x}")
}

fn collection(name: &str, fields: &Value, indexes: &[&str]) -> Value {
    json!({
        "name": name, "type": "base", "fields": fields, "indexes": indexes,
        "listRule": MEMBERS, "viewRule": MEMBERS, "createRule": MEMBERS,
    })
}

fn words(name: &str) -> Value {
    json!({ "name": name, "type": "text" })
}

fn relation(name: &str, collection: &str) -> Value {
    json!({ "name": name, "type": "relation", "collectionId": collection, "maxSelect": 1, "required": true })
}

/// Returns the collections. Their ids are given, so that relations can name them.
pub(super) fn collections() -> Vec<Value> {
    let (people, posts, users) = ("benchpeople0001", "benchposts00001", "_pb_users_auth_");
    let number = json!({ "name": "position", "type": "number", "onlyInt": true });
    let with_id = |mut collection: Value, id: &str| {
        collection["id"] = json!(id);
        collection
    };
    vec![
        with_id(collection("people", &json!([words("handle"), words("name")]), &[]), people),
        with_id(
            collection(
                "posts",
                &json!([relation("author", people), words("text"), number]),
                &["CREATE INDEX idx_posts_author ON posts (author, position)"],
            ),
            posts,
        ),
        collection(
            "feed",
            &json!([words("owner"), relation("post", posts), number]),
            &["CREATE UNIQUE INDEX idx_feed_owner ON feed (owner, position)"],
        ),
        collection(
            "follows",
            &json!([relation("follower", users), relation("followee", people)]),
            &[
                "CREATE UNIQUE INDEX idx_follows_pair ON follows (follower, followee)",
                "CREATE INDEX idx_follows_followee ON follows (followee)",
            ],
        ),
        collection(
            "reactions",
            &json!([relation("post", posts), relation("person", users), words("kind")]),
            &[
                "CREATE UNIQUE INDEX idx_reactions_pair ON reactions (post, person)",
                "CREATE INDEX idx_reactions_person ON reactions (person)",
            ],
        ),
    ]
}

/// Writes people, posts and entries: those of the active, and `home` as the entries of `owner`.
pub(super) async fn write(database: &Db, plan: &Plan, owner: &str, home: &[Uuid]) -> Result<(), Error> {
    let people = (0..plan.accounts.len())
        .map(|rank| [record_id(rank).into(), handle(rank).into(), format!("Member {rank}").into()]);
    insert(database, "people (id, handle, name)", people).await?;
    let posts = plan
        .posts
        .iter()
        .enumerate()
        .map(|(at, post)| [record_id(at).into(), record_id(post.author).into(), TEXT.into(), (at as i64).into()]);
    insert(database, "posts (id, author, text, position)", posts).await?;
    let by_position: HashMap<i64, usize> =
        plan.posts.iter().enumerate().map(|(at, post)| (post.position, at)).collect();
    let by_id: HashMap<Uuid, usize> = plan.posts.iter().enumerate().map(|(at, post)| (post.id, at)).collect();
    let of_others = (0..plan.accounts.len()).step_by(ACTIVE_EVERY).flat_map(|rank| {
        let floor = plan.posts.get(plan.posts.len() - plan.posts.len() / 6).map_or(0, |post| post.position);
        let entries = plan.entries(rank, floor, FAN_OUT_THRESHOLD);
        entries.into_iter().map(move |position| (handle(rank), position))
    });
    let of_others = of_others.filter_map(|(owner, position)| Some((owner, *by_position.get(&position)?)));
    let of_reader = home.iter().filter_map(|id| Some((owner.to_owned(), *by_id.get(id)?)));
    let entries = of_others.chain(of_reader).enumerate().map(|(number, (owner, at))| {
        [record_id(number).into(), owner.into(), record_id(at).into(), (at as i64).into()]
    });
    insert(database, "feed (id, owner, post, position)", entries).await
}

/// Returns the path of the page.
pub(super) fn page_path(owner: &str) -> String {
    format!(
        "/api/collections/feed/records?perPage=20&skipTotal=1&sort=-position&filter=owner%3D%22{owner}%22\
         &expand=post.author"
    )
}

/// Returns an error unless the page has these posts, each with its author.
pub(super) fn compare(page: &Value, plan: &Plan, home: &[Uuid]) -> Result<(), Error> {
    let items = page["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let by_id: HashMap<Uuid, usize> = plan.posts.iter().enumerate().map(|(at, post)| (post.id, at)).collect();
    let expected: Vec<String> = home.iter().take(20).filter_map(|id| by_id.get(id)).map(|at| record_id(*at)).collect();
    let has_authors = items.iter().all(|item| item["expand"]["post"]["expand"]["author"]["handle"].is_string());
    let served: Vec<&str> = items.iter().filter_map(|item| item["post"].as_str()).collect();
    if served == expected && has_authors && served.len() == 20 {
        return Ok(());
    }
    Err(format!("PocketBase does not serve the same page: {} posts of {}", served.len(), expected.len()).into())
}
