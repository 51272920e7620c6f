//! A post by an account with very many followers, while others post.
//!
//! Invariant: the reader follows the author and reads home through the public listener; the others' posts come at a
//! steady rate, before, during and after that post, and each is a 201.

use std::time::{Duration, Instant};

use db::Sql as _;
use serde::Serialize;
use serde_json::{Value, json};

use crate::Error;
use crate::community::pace::{Exchange, run};
use crate::community::plan::{handle, number};
use crate::community::world::{Member, World};
use crate::http::Connection;
use crate::scenarios::text;

/// Posts of others per second.
pub const POSTS_PER_SECOND: f64 = 20.0;
/// The others, each of whom writes [`POSTS_EACH`] posts.
pub const OTHERS: usize = 20;
const POSTS_EACH: usize = 6;
/// When the post is written after the others have begun.
const POST_AFTER: Duration = Duration::from_secs(2);
/// The pause between two reads of the reader.
const READ_PAUSE: Duration = Duration::from_millis(5);
const VISIBLE_TIMEOUT: Duration = Duration::from_secs(30);
const JSON: &str = "application/json";

/// The results of one run.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(clippy::struct_field_names, reason = "they end in their unit, as in the file of results")]
pub struct StarPost {
    /// From sending the post to the end of the first page that shows it.
    pub seen_after_ms: f64,
    /// The longest time of another's post, from when it was due to its 201.
    pub worst_other_ms: f64,
    /// Their 99th percentile.
    pub p99_other_ms: f64,
}

/// Lets `author` post once while `others` post, and `reader`, who follows the author, read.
pub async fn measure(world: &World, author: &Member, reader: &Member, others: &[Member]) -> Result<StarPost, Error> {
    let mut connections = Vec::with_capacity(others.len());
    for member in others {
        connections.push((world.connect(member).await?, vec![post("A quiet evening, and a song."); POSTS_EACH]));
    }
    let author = world.connect(author).await?;
    let reader = world.connect(reader).await?;
    let (times, seen_after) = tokio::try_join!(run(connections, POSTS_PER_SECOND), seen_after(author, reader))?;
    if times.count() != others.len() * POSTS_EACH {
        return Err("some of the others did not post".into());
    }
    Ok(StarPost {
        seen_after_ms: seen_after.as_secs_f64() * 1000.0,
        worst_other_ms: times.worst(),
        p99_other_ms: times.percentile(99),
    })
}

/// Makes a member follow the person of a rank. Does nothing if they do.
pub async fn follow(world: &World, member: &Member, rank: usize) -> Result<(), Error> {
    let path = format!("/v1/accounts/{}/follow", handle(rank));
    let exchange = Exchange { method: "PUT", path, body: Vec::new(), status: 200 };
    exchange.run(&mut world.connect(member).await?).await.map(drop)
}

/// Returns how many entries fan-out writes for a post of the person of a rank: their followers who read home lately.
pub async fn feeds_of_followers(world: &World, rank: usize) -> Result<String, Error> {
    let query = "select cast(count(*) as text) as feeds
                   from follow
                   join feed_owner on feed_owner.owner = follow.follower
                  where follow.followee = $1";
    let row: Option<Value> = world.db.read().row(query, vec![number(rank).into()]).await?;
    let row = row.ok_or("the count has no row")?;
    Ok(text(&row["feeds"], "feeds")?.to_owned())
}

fn post(words: &str) -> Exchange {
    let body = json!({ "text": words, "audience": "public" }).to_string().into_bytes();
    Exchange { method: "POST", path: "/v1/posts".into(), body, status: 201 }
}

/// Writes the post and reads home until it is there.
async fn seen_after(mut author: Connection, mut reader: Connection) -> Result<Duration, Error> {
    tokio::time::sleep(POST_AFTER).await;
    let began = Instant::now();
    let body = json!({ "text": "On stage tonight!", "audience": "public" }).to_string();
    let created = author.send("POST", "/v1/posts", JSON, body.as_bytes()).await?.expect(201)?.json()?;
    let id = text(&created["id"], "id")?.to_owned();
    loop {
        let page = reader.get("/v1/home?limit=20").await?.expect(200)?.json()?;
        let items = page["feed"]["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        if items.iter().any(|post| post["id"] == id.as_str()) {
            return Ok(began.elapsed());
        }
        if began.elapsed() > VISIBLE_TIMEOUT {
            return Err(format!("the post is not in home after {} s", VISIBLE_TIMEOUT.as_secs()).into());
        }
        tokio::time::sleep(READ_PAUSE).await;
    }
}
