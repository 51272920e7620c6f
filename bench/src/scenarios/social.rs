//! Home pages, and a post to 100,000 followers, in a generated community: one process on SQLite, a fleet on PostgreSQL.
//!
//! Invariant: every request goes through the public listener, with the limits that members meet; nothing is set but
//! what the method names.

mod home;
mod star;

use std::time::Duration;

use serde::Serialize;
use serde_json::json;

use self::home::{Home, PER_SECOND, READERS};
pub(super) use self::home::{Pages, readers};
use self::star::{OTHERS, POSTS_PER_SECOND, StarPost};
use crate::community::rows::FAN_OUT_THRESHOLD;
use crate::community::world::World;
use crate::report::{Row, Scenario, median, spread};
use crate::{Bench, Error, engines};

/// Goals of one process, and of a fleet.
const WARM_GOALS_MS: [f64; 2] = [10.0, 25.0];
const COLD_GOALS_MS: [f64; 2] = [50.0, 80.0];
const GROWTH_GOAL: f64 = 1.3;
const SEEN_GOAL_MS: f64 = 1000.0;
const OTHER_GOAL_MS: f64 = 100.0;
/// The person whom everyone follows.
const STAR: usize = 0;

/// Posts of the author of one rank, run by run.
#[derive(Debug, Serialize)]
struct Posts {
    followers: u32,
    /// The entries that fan-out writes for each; none where reads merge the posts.
    entries: String,
    runs: Vec<StarPost>,
}

/// The results of one installation.
#[derive(Debug, Serialize)]
struct Measured {
    accounts: usize,
    follows: usize,
    posts: usize,
    written_after: Duration,
    home: Home,
    posted: Vec<Posts>,
}

/// Measures an installation and stops it.
async fn measure_in(world: World, runs: usize, with_posts: bool) -> Result<Measured, Error> {
    let (accounts, plan) = (world.plan.accounts.len(), &world.plan);
    let (follows, posts, written_after) = (plan.follow_count(), plan.posts.len(), world.written_after);
    // A larger one is merged by its readers; this one is the largest whose posts are written to feeds.
    let written = plan.largest_below(FAN_OUT_THRESHOLD);
    let authors = [STAR, written];
    let mut ranks = readers(accounts);
    ranks.retain(|rank| !authors.contains(rank));
    let members = world.sign_up(&ranks).await?;
    let home = home::measure(&world, &members, runs).await?;
    let mut posted = Vec::new();
    if with_posts {
        let others = members.get(1..=OTHERS).ok_or("there are too few members")?;
        let reader = members.first().ok_or("there is no member")?;
        for (member, rank) in world.sign_up(&authors).await?.iter().zip(authors) {
            star::follow(&world, reader, rank).await?;
            let is_merged = plan.follower_counts[rank] > FAN_OUT_THRESHOLD;
            let entries = if is_merged { "0".to_owned() } else { star::feeds_of_followers(&world, rank).await? };
            let mut runs_of_author = Vec::with_capacity(runs);
            for _ in 0..runs {
                runs_of_author.push(star::measure(&world, member, reader, others).await?);
            }
            posted.push(Posts { followers: plan.follower_counts[rank], entries, runs: runs_of_author });
        }
    }
    world.stop().await?;
    Ok(Measured { accounts, follows, posts, written_after, home, posted })
}

fn of(runs: &[Pages], value: impl Fn(&Pages) -> f64) -> Vec<f64> {
    runs.iter().map(value).collect()
}

fn page_row(place: &str, what: &str, goal: f64, runs: &[Pages]) -> Row {
    let p99 = of(runs, |pages| pages.p99_ms);
    Row {
        what: format!("{place}: home page of a {what} member at {PER_SECOND:.0}/s, p99"),
        goal: format!("≤ {goal:.0} ms"),
        measured: format!(
            "{} ms (p50 {:.1}, worst {:.0})",
            spread(&p99, 1),
            median(&of(runs, |pages| pages.p50_ms)),
            median(&of(runs, |pages| pages.worst_ms))
        ),
        beside: String::new(),
        passes: median(&p99) <= goal,
    }
}

fn growth_row(what: &str, small: &[Pages], large: &[Pages], sizes: [usize; 2]) -> Row {
    let ratio = |value: fn(&Pages) -> f64| median(&of(large, value)) / median(&of(small, value));
    let growth = ratio(|pages| pages.p99_ms);
    Row {
        what: format!("home page of a {what} member: growth from {} to {} accounts, p99", sizes[0], sizes[1]),
        goal: format!("≤ {GROWTH_GOAL} ×"),
        measured: format!("{growth:.2} × (p50 {:.2} ×)", ratio(|pages| pages.p50_ms)),
        beside: format!(
            "{:.1} ms with {} accounts, {:.1} ms with {}",
            median(&of(small, |pages| pages.p99_ms)),
            sizes[0],
            median(&of(large, |pages| pages.p99_ms)),
            sizes[1]
        ),
        passes: growth <= GROWTH_GOAL,
    }
}

fn post_rows(place: &str, posts: &Posts) -> [Row; 2] {
    let seen: Vec<f64> = posts.runs.iter().map(|run| run.seen_after_ms).collect();
    let others: Vec<f64> = posts.runs.iter().map(|run| run.worst_other_ms).collect();
    let p99: Vec<f64> = posts.runs.iter().map(|run| run.p99_other_ms).collect();
    let who = format!("{place}: a post by an account with {} followers", posts.followers);
    let entries = format!("{} entries written", posts.entries);
    [
        Row {
            what: format!("{who}: until a follower's home shows it"),
            goal: format!("≤ {SEEN_GOAL_MS:.0} ms"),
            measured: format!("{} ms", spread(&seen, 0)),
            beside: entries,
            passes: median(&seen) <= SEEN_GOAL_MS,
        },
        Row {
            what: format!("{who}: the longest wait of {POSTS_PER_SECOND:.0} other posts per second"),
            goal: format!("≤ {OTHER_GOAL_MS:.0} ms"),
            measured: format!("{} ms", spread(&others, 0)),
            beside: format!("p99 of them {:.0} ms", median(&p99)),
            passes: median(&others) <= OTHER_GOAL_MS,
        },
    ]
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let runs = bench.runs(3);
    let sizes = [bench.accounts() / 10, bench.accounts()];
    let small = measure_in(World::alone(bench, "social-small", sizes[0], &[]).await?, runs, false).await?;
    let large = measure_in(World::alone(bench, "social-large", sizes[1], &[]).await?, runs, true).await?;
    for name in ["social-small", "social-large"] {
        std::fs::remove_dir_all(bench.temp.join(name))?;
    }
    let fleet = measure_in(World::fleet(bench, sizes[1], &[]).await?, runs, true).await?;
    let mut rows = Vec::new();
    let places = [("one process, SQLite", &large), ("fleet, PostgreSQL", &fleet)];
    for (at, (place, measured)) in places.into_iter().enumerate() {
        let home = &measured.home;
        rows.push(page_row(place, "warm", WARM_GOALS_MS[at], &home.warm));
        rows.push(page_row(place, "cold", COLD_GOALS_MS[at], &home.cold));
        rows.extend(measured.posted.iter().flat_map(|posts| post_rows(place, posts)));
    }
    rows.push(growth_row("warm", &small.home.warm, &large.home.warm, sizes));
    rows.push(growth_row("cold", &small.home.cold, &large.home.cold, sizes));
    let method = vec![
        format!(
            "A generated community of {} accounts, {} follows and {} posts of 90 days, written in {:.0} s on SQLite \
             and {:.0} s on PostgreSQL into social's own tables. One is followed by all, the others with a chance of \
             rank to the power of -0.8; how many one follows is exponential with a mean of 50. One post in ten is by \
             those who are followed much. A twentieth reads home, so that fan-out writes to their feeds. No media, \
             comments or reactions.",
            large.accounts,
            large.follows,
            large.posts,
            large.written_after.as_secs_f64(),
            fleet.written_after.as_secs_f64()
        ),
        format!(
            "{READERS} members of the less followed half, each with a connection and a session, read `GET /v1/home` \
             (20 posts) with {PER_SECOND:.0} requests a second in all, evenly, whatever became of the earlier ones; a \
             time counts from when its request was due. Cold: the first read after the member's feed was removed, as \
             after weeks; the filling that it causes runs meanwhile. Warm: three reads each, when all feeds are \
             filled. Median of {runs}; \"warm\" and \"cold\" in turns."
        ),
        format!(
            "A post: {OTHERS} members post, together {POSTS_PER_SECOND:.0} a second; two seconds later the author \
             does, and a follower reads home every few milliseconds until it is there, from the first byte sent to the \
             whole page. Others' waits count from when each was due to its 201. Above {FAN_OUT_THRESHOLD} followers \
             readers merge; the second author is the largest below, whose posts fan-out writes."
        ),
        "One process: all roles, SQLite with `synchronous=FULL`. Fleet: a process for each role, so each page passes \
         from the gateway to accounts and social; the generator runs on the same cores. All settings at their \
         defaults."
            .into(),
        engines::METHOD.into(),
    ];
    let runs = json!({ "small": small, "large": large, "fleet": fleet });
    Ok(Scenario { place: 15, title: "A community's home pages".into(), method, rows, runs })
}
