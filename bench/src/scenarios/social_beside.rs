//! One home page, and follows and reactions, beside PocketBase with the same community.
//!
//! PocketBase has no feeds, so it gets what fan-out would have written; its page is one indexed list with the posts and
//! authors expanded. Invariant: both serve the same posts in the same order, in turns, and only successes count.

mod collections;

use std::time::Duration;

use db::Db;
use serde_json::{Value, json};
use uuid::Uuid;

use self::collections::{collections, compare, page_path, record_id, write};
use super::social::readers;
use super::text;
use crate::community::pace::{Exchange, flat_out};
use crate::community::plan::{Plan, handle};
use crate::community::world::{Member, World};
use crate::http::Connection;
use crate::pocketbase::PocketBase;
use crate::report::{Row, Scenario, median, spread};
use crate::{Bench, Error, wrk};

const READ_GOAL: f64 = 3.0;
const WRITE_GOAL: f64 = 1.5;
const CONNECTIONS: u32 = 64;
const WRITERS: usize = 64;
const WINDOW: Duration = Duration::from_secs(5);
/// Follows, and as many reactions, that a writer has for one run.
const PAIRS_PER_RUN: usize = 1_000;
/// The posts of the reader's home that PocketBase gets.
const HOME_POSTS: usize = 500;
const PAGE: &str = "/v1/home?limit=20";
/// Limits out of reach, because one member reads and a few write all the time.
const SETTINGS: [&str; 6] = [
    "gateway.reads_per_second=100000000",
    "gateway.writes_per_second=100000000",
    "social.max_follows_per_hour=100000000",
    "social.enforce_verdicts=false",
    "social.max_follows=100000000",
    "social.max_reactions_per_hour=100000000",
];

/// A user of PocketBase.
struct User {
    id: String,
    token: String,
}

/// Both sides, ready.
struct Sides {
    world: World,
    members: Vec<Member>,
    pocketbase: PocketBase,
    users: Vec<User>,
}

/// Returns the ids of the newest posts of a member's home.
async fn home_of(world: &World, member: &Member) -> Result<Vec<Uuid>, Error> {
    let mut connection = world.connect(member).await?;
    let (mut ids, mut after) = (Vec::new(), String::new());
    while ids.len() < HOME_POSTS {
        let path = format!("/v1/home?limit=100{after}");
        let screen = connection.get(&path).await?.expect(200)?.json()?;
        for post in screen["feed"]["items"].as_array().ok_or("the screen has no feed")? {
            ids.push(text(&post["id"], "id")?.parse()?);
        }
        let Some(next) = screen["feed"]["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    Ok(ids)
}

async fn start(bench: &Bench) -> Result<Sides, Error> {
    let settings = SETTINGS.map(str::to_owned);
    let world = World::alone(bench, "social-beside", bench.accounts(), &settings).await?;
    let ranks = readers(world.plan.accounts.len());
    let members = world.sign_up(ranks.get(..WRITERS).ok_or("there are too few accounts")?).await?;
    let pocketbase = PocketBase::start(&bench.temp.join("social-pocketbase")).await?;
    let mut users = Vec::with_capacity(WRITERS);
    for number in 0..WRITERS {
        let (id, token) = pocketbase.sign_up(&format!("member{number}")).await?;
        users.push(User { id, token });
    }
    pocketbase.create_collections(&collections()).await?;
    let (member, user) = (members.first().ok_or("there is no member")?, users.first().ok_or("there is no user")?);
    let home = home_of(&world, member).await?;
    world.wait_until_filled().await?;
    let database = Db::sqlite(&pocketbase.database).await?;
    write(&database, &world.plan, &user.id, &home).await?;
    drop(database);
    let mut reader = Connection::of_member(pocketbase.address, &user.token).await?;
    let page = reader.get(&page_path(&user.id)).await?.expect(200)?.json()?;
    compare(&page, &world.plan, &home)?;
    Ok(Sides { world, members, pocketbase, users })
}

/// Returns the pages per second of both, run by run.
async fn read(bench: &Bench, sides: &Sides) -> Result<[Vec<f64>; 2], Error> {
    let member = sides.members.first().ok_or("there is no member")?;
    let user = sides.users.first().ok_or("there is no user")?;
    let (ours, theirs) = (bench.temp.join("tutti-page.lua"), bench.temp.join("pocketbase-page.lua"));
    std::fs::write(&ours, wrk::member_script(PAGE, &member.token))?;
    std::fs::write(&theirs, wrk::member_script(&page_path(&user.id), &user.token))?;
    let mut rates = [Vec::new(), Vec::new()];
    for run in 0..=bench.runs(3) {
        let time = if run == 0 { Duration::from_secs(1) } else { WINDOW };
        let sides = [(&ours, sides.world.gateway), (&theirs, sides.pocketbase.address)];
        for ((script, address), rates) in sides.into_iter().zip(&mut rates) {
            let rate = wrk::run(script, address, CONNECTIONS, time).await?.per_second;
            // The first run is to warm up.
            if run > 0 {
                rates.push(rate);
            }
        }
    }
    Ok(rates)
}

/// Returns the people and posts of one writer in one run: no follow that is there, and no pair twice.
fn pairs(plan: &Plan, writer: usize, rank: usize, run: usize) -> Vec<(usize, usize)> {
    let first = writer * 131 + run * PAIRS_PER_RUN + 1;
    let followed = |person: &usize| plan.followees[rank].binary_search_by_key(&(*person as u32), |of| of.0).is_ok();
    let people = (first..first + PAIRS_PER_RUN).map(|at| at % plan.accounts.len());
    let people = people.filter(|person| *person != rank && !followed(person));
    let others = |at: &usize| plan.posts[*at].audience == "public" && plan.posts[*at].author != rank;
    let posts = (0..plan.posts.len()).rev().filter(others).skip(first);
    people.zip(posts).collect()
}

fn put(path: String, body: &Value) -> Exchange {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    Exchange { method: "PUT", path, body, status: 200 }
}

fn create(collection: &str, record: &Value) -> Exchange {
    let path = format!("/api/collections/{collection}/records");
    Exchange { method: "POST", path, body: record.to_string().into_bytes(), status: 200 }
}

/// Returns the follows and reactions per second of both, run by run.
async fn follow_and_react(bench: &Bench, sides: &Sides) -> Result<[Vec<f64>; 2], Error> {
    let (plan, mut rates) = (&sides.world.plan, [Vec::new(), Vec::new()]);
    for run in 0..=bench.runs(3) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for (writer, (member, user)) in sides.members.iter().zip(&sides.users).enumerate() {
            let pairs = pairs(plan, writer, member.rank, run);
            let our_writes = pairs.iter().flat_map(|&(person, post)| {
                let follow = put(format!("/v1/accounts/{}/follow", handle(person)), &Value::Null);
                let react = put(format!("/v1/posts/{}/reaction", plan.posts[post].id), &json!({ "kind": "applause" }));
                [follow, react]
            });
            let their_writes = pairs.iter().flat_map(|&(person, post)| {
                let follow = json!({ "follower": user.id, "followee": record_id(person) });
                let react = json!({ "post": record_id(post), "person": user.id, "kind": "applause" });
                [create("follows", &follow), create("reactions", &react)]
            });
            ours.push((sides.world.connect(member).await?, our_writes.collect()));
            let connection = Connection::of_member(sides.pocketbase.address, &user.token).await?;
            theirs.push((connection, their_writes.collect()));
        }
        let window = if run == 0 { Duration::from_secs(1) } else { WINDOW };
        for (writes, rates) in [ours, theirs].into_iter().zip(&mut rates) {
            let rate = flat_out(writes, window).await?;
            if run > 0 {
                rates.push(rate);
            }
        }
    }
    Ok(rates)
}

fn row(what: String, goal: f64, [ours, theirs]: &[Vec<f64>; 2], note: &str) -> Row {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
    Row {
        what,
        goal: format!("≥ {goal} × PocketBase"),
        measured: format!("{} × ({}/s)", spread(&ratios, 2), spread(ours, 0)),
        beside: format!("PocketBase {}/s{note}", spread(theirs, 0)),
        passes: median(&ratios) >= goal,
    }
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let sides = start(bench).await?;
    let reads = read(bench, &sides).await?;
    let writes = follow_and_react(bench, &sides).await?;
    let version = sides.pocketbase.version.clone();
    let their_peak = sides.pocketbase.memory().peak_kib as f64 / 1024.0;
    let (accounts, posts) = (sides.world.plan.accounts.len(), sides.world.plan.posts.len());
    sides.pocketbase.stop().await;
    sides.world.stop().await?;
    for name in ["social-beside", "social-pocketbase"] {
        std::fs::remove_dir_all(bench.temp.join(name))?;
    }
    let rows = vec![
        row(format!("one home page of 20 posts, {CONNECTIONS} connections"), READ_GOAL, &reads, ""),
        row(
            format!("follows and reactions in turns, {WRITERS} members without a pause"),
            WRITE_GOAL,
            &writes,
            ", which syncs no commit",
        ),
    ];
    let method = vec![
        format!(
            "The same {accounts} people and {posts} posts in both. The page: `GET {PAGE}` of one member, with who they \
             are, authors, counts, what they may do and have done, by `wrk -t2 -c{CONNECTIONS} -d{}s`, in turns with \
             PocketBase {version}, median of {}. Both pages have the same posts in the same order.",
            WINDOW.as_secs(),
            reads[0].len()
        ),
        "PocketBase: a collection of entries (owner, post, position) with an index, written in advance as if it had a \
         fan-out, listed with `skipTotal=1` and `expand=post.author`. It has no follows, so it checks none, and no \
         audiences, counts or blocks."
            .into(),
        "A write: `PUT /v1/accounts/{handle}/follow` or `PUT /v1/posts/{id}/reaction`; in PocketBase a record in a \
         collection with a unique index and two relations, which it checks. Tutti's also checks blocks, audience and \
         hourly limit, changes two counts and records an event. Its follows come beside the millions that are there, \
         PocketBase's collections begin empty."
            .into(),
        "Sync: each of Tutti's 200s stands for a commit that was synced (`synchronous=FULL`; writes that wait share \
         one). PocketBase's commits are synced at checkpoints (`synchronous=NORMAL`): a power cut loses the last ones."
            .into(),
        format!(
            "Not defaults: `--set {}`. PocketBase's memory at its peak: {their_peak:.0} MiB; its settings are the \
             defaults.",
            SETTINGS.join(" --set ")
        ),
    ];
    let of = |[ours, theirs]: &[Vec<f64>; 2]| json!({ "tutti_per_s": ours, "pocketbase_per_s": theirs });
    let runs = json!({ "pages": of(&reads), "writes": of(&writes) });
    Ok(Scenario { place: 16, title: "A community beside PocketBase".into(), method, rows, runs })
}
