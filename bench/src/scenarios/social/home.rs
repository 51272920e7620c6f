//! Home pages at a steady rate, of members whose feed is written and of those who were away.
//!
//! Invariant: every page has posts and every part of the screen, and in a cold run each request is a member's first.

use serde::Serialize;

use crate::Error;
use crate::community::pace::{Exchange, Times, run};
use crate::community::world::{Member, World};

/// Requests per second.
pub const PER_SECOND: f64 = 200.0;
/// The members who read, all of them middling: neither the most nor the least followed.
pub const READERS: usize = 400;
/// Pages that a member reads in a warm run, two seconds apart.
const WARM_PAGES: usize = 3;
/// The page that the first screen of the web page asks for.
const PATH: &str = "/v1/home";

/// The results of one run, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(clippy::struct_field_names, reason = "they end in their unit, as in the file of results")]
pub struct Pages {
    /// The median.
    pub p50_ms: f64,
    /// The 99th percentile.
    pub p99_ms: f64,
    /// The longest time.
    pub worst_ms: f64,
}

impl From<Times> for Pages {
    fn from(times: Times) -> Self {
        Self { p50_ms: times.percentile(50), p99_ms: times.percentile(99), worst_ms: times.worst() }
    }
}

/// What one installation needs for its home pages.
#[derive(Debug, Default, Serialize)]
pub struct Home {
    /// Runs of members whose feed is written.
    pub warm: Vec<Pages>,
    /// Runs of members who were away.
    pub cold: Vec<Pages>,
}

/// Returns the ranks of the readers: spread evenly over the second half of the community.
pub fn readers(accounts: usize) -> Vec<usize> {
    let (first, step) = (accounts / 2, (accounts / 2 / READERS).max(1));
    (0..READERS).map(|at| first + at * step).filter(|rank| *rank < accounts).collect()
}

/// Measures `runs` runs of both.
pub async fn measure(world: &World, members: &[Member], runs: usize) -> Result<Home, Error> {
    let mut home = Home::default();
    check(world, members).await?;
    for _ in 0..runs {
        world.wait_until_filled().await?;
        world.make_cold(members).await?;
        home.cold.push(pages(world, members, 1).await?);
        world.wait_until_filled().await?;
        home.warm.push(pages(world, members, WARM_PAGES).await?);
    }
    Ok(home)
}

/// Lets each member read so many pages, all together [`PER_SECOND`].
async fn pages(world: &World, members: &[Member], each: usize) -> Result<Pages, Error> {
    let mut connections = Vec::with_capacity(members.len());
    for member in members {
        connections.push((world.connect(member).await?, vec![Exchange::get(PATH); each]));
    }
    Ok(Pages::from(run(connections, PER_SECOND).await?))
}

/// Returns an error unless each member's page is whole and has posts. It also warms the server's caches.
async fn check(world: &World, members: &[Member]) -> Result<(), Error> {
    for member in members {
        let screen = world.connect(member).await?.get(PATH).await?.expect(200)?.json()?;
        let posts = screen["feed"]["items"].as_array().map_or(0, Vec::len);
        let is_whole = screen["degraded"].as_array().is_some_and(Vec::is_empty);
        if posts == 0 || !is_whole {
            return Err(format!("the home page of member {} is not whole: {posts} posts", member.rank).into());
        }
    }
    Ok(())
}
