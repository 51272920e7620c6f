//! Who follows whom and who has posted what, in memory.
//!
//! Does no I/O. Invariant: person 0 is followed by everyone; nobody follows themselves, or another twice; positions of
//! posts are unique and ascend.

use std::collections::HashSet;

use base::Random;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// Follows and posts for each account, on average.
const FOLLOWS_PER_ACCOUNT: usize = 50;
const POSTS_PER_ACCOUNT: usize = 10;
/// The most people whom one follows: social lets a member begin this many follows within hours.
const MAX_FOLLOWEES: usize = 1_000;
/// The chance of the person of a rank to be followed is proportional to `rank ^ -POPULARITY`.
const POPULARITY: f64 = 0.8;
/// One post of so many is by a person drawn as followees are, the others by anyone.
const POPULAR_POST_EVERY: u64 = 10;
/// The time over which the posts are spread.
const POSTS_DAYS: i64 = 90;
const FOLLOWS_SECONDS: u64 = 2 * 365 * 86_400;
/// Positions have the milliseconds since 2020 above 22 random bits (decision 41).
const EPOCH_MS: i64 = 1_577_836_800_000;
const RANDOM_BITS: u32 = 22;
/// The most entries that a feed is filled with (decision 44).
pub const MAX_ENTRIES: usize = 500;
/// An odd factor, which makes numbers below 2³¹ of the ranks that look random and are unique.
const NUMBER_FACTOR: u64 = 1_640_531_527;

/// A post.
#[derive(Debug, Clone, Copy)]
pub struct PlannedPost {
    /// Its id, a UUIDv7 of its time.
    pub id: Uuid,
    /// The rank of its author.
    pub author: usize,
    /// Its position.
    pub position: i64,
    /// Its audience.
    pub audience: &'static str,
}

/// A community. A person is called by their rank: the lower, the more follow them.
#[derive(Debug)]
pub struct Plan {
    /// The moment at which it was made.
    pub now: DateTime<Utc>,
    /// The account of each person.
    pub accounts: Vec<Uuid>,
    /// The people whom each person follows, with the second since which.
    pub followees: Vec<Vec<(u32, i64)>>,
    /// How many follow each person.
    pub follower_counts: Vec<u32>,
    /// The posts, the oldest first.
    pub posts: Vec<PlannedPost>,
    /// The positions of each person's posts, ascending.
    pub positions: Vec<Vec<i64>>,
}

/// Returns the number of the person of a rank in social's database.
pub fn number(rank: usize) -> i64 {
    ((rank as u64 + 1).wrapping_mul(NUMBER_FACTOR) % (1 << 31)) as i64
}

/// Returns the handle of the person of a rank.
pub fn handle(rank: usize) -> String {
    format!("member{rank:06}")
}

/// Returns the position of a moment.
pub fn position(at: DateTime<Utc>, random: i64) -> i64 {
    ((at.timestamp_millis() - EPOCH_MS) << RANDOM_BITS) | random
}

/// Returns the moment of a position, in milliseconds since 1970.
pub fn moment_ms(position: i64) -> i64 {
    (position >> RANDOM_BITS) + EPOCH_MS
}

/// Draws ranks by popularity.
struct Popularity(Vec<f64>);

impl Popularity {
    fn new(accounts: usize) -> Self {
        let mut sum = 0.0;
        let weight = |rank: usize| (rank as f64 + 1.0).powf(-POPULARITY);
        Self(
            (0..accounts)
                .map(|rank| {
                    sum += weight(rank);
                    sum
                })
                .collect(),
        )
    }

    fn draw(&self, random: &Random) -> usize {
        let at = self.0.last().copied().unwrap_or_default() * share(random);
        self.0.partition_point(|sum| *sum <= at).min(self.0.len().saturating_sub(1))
    }
}

/// Returns a random number from 0 to below 1.
fn share(random: &Random) -> f64 {
    random.below(1 << 53) as f64 / (1_u64 << 53) as f64
}

impl Plan {
    /// Returns a community of so many accounts as it is at `now`.
    pub fn new(accounts: usize, now: DateTime<Utc>) -> Self {
        let random = Random::seeded(12);
        let popularity = Popularity::new(accounts);
        let mut follower_counts = vec![0; accounts];
        let followees: Vec<Vec<(u32, i64)>> = (0..accounts)
            .map(|rank| {
                let mut chosen = draw_followees(&random, &popularity, rank, accounts);
                chosen.sort_unstable();
                let since = || now.timestamp() - random.below(FOLLOWS_SECONDS) as i64;
                chosen.iter().for_each(|&followee| follower_counts[followee] += 1);
                chosen.into_iter().map(|followee| (followee as u32, since())).collect()
            })
            .collect();
        let posts = draw_posts(&random, &popularity, accounts, now);
        let mut positions = vec![Vec::new(); accounts];
        posts.iter().for_each(|post| positions[post.author].push(post.position));
        let accounts = (0..accounts).map(|_| random.uuid_v4()).collect();
        Self { now, accounts, followees, follower_counts, posts, positions }
    }

    /// Returns the number of follows.
    pub fn follow_count(&self) -> usize {
        self.followees.iter().map(Vec::len).sum()
    }

    /// Returns the positions of the newest posts from `floor` on of those whom a person follows, the newest first, as
    /// fan-out writes them: without authors who have more than `threshold` followers.
    pub fn entries(&self, rank: usize, floor: i64, threshold: u32) -> Vec<i64> {
        let written = self.followees[rank].iter().map(|(followee, _)| *followee as usize);
        let written = written.filter(|followee| self.follower_counts[*followee] <= threshold);
        let newest = written.flat_map(|followee| {
            let positions = &self.positions[followee];
            positions[positions.partition_point(|position| *position < floor)..].iter().copied()
        });
        let mut entries: Vec<i64> = newest.collect();
        entries.sort_unstable_by(|one, other| other.cmp(one));
        entries.truncate(MAX_ENTRIES);
        entries
    }

    /// Returns the person with the most followers among those with at most `threshold`.
    pub fn largest_below(&self, threshold: u32) -> usize {
        let counted = self.follower_counts.iter().enumerate().filter(|(_, count)| **count <= threshold);
        counted.max_by_key(|(_, count)| **count).map_or(0, |(rank, _)| rank)
    }
}

/// Draws the people whom one follows: person 0, and as many others as an exponential distribution says, so that most
/// follow few.
fn draw_followees(random: &Random, popularity: &Popularity, rank: usize, accounts: usize) -> Vec<usize> {
    let mean = (FOLLOWS_PER_ACCOUNT - 1) as f64;
    let wanted = ((-(1.0 - share(random)).ln() * mean).round() as usize).min(MAX_FOLLOWEES).min(accounts / 4);
    let mut chosen = HashSet::from([0]);
    // The popular are drawn again and again: those draws are lost, so that this ends.
    for _ in 0..wanted * 4 {
        if chosen.len() > wanted {
            break;
        }
        chosen.insert(popularity.draw(random));
    }
    chosen.remove(&rank);
    chosen.into_iter().collect()
}

fn draw_posts(random: &Random, popularity: &Popularity, accounts: usize, now: DateTime<Utc>) -> Vec<PlannedPost> {
    let count = accounts * POSTS_PER_ACCOUNT;
    let span = TimeDelta::days(POSTS_DAYS);
    let post = |at: usize| {
        let before = span.num_milliseconds() * (count - at) as i64 / count as i64;
        let moment = now - TimeDelta::milliseconds(before);
        let author = if random.below(POPULAR_POST_EVERY) == 0 {
            popularity.draw(random)
        } else {
            random.below(accounts as u64) as usize
        };
        let audience = match random.below(20) {
            0 => "friends",
            1..=3 => "followers",
            _ => "public",
        };
        let position = position(moment, random.below(1 << RANDOM_BITS) as i64);
        PlannedPost { id: random.uuid_v7(moment), author, position, audience }
    };
    (0..count).map(post).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_community_is_skewed_whole_and_the_same_again() {
        let now = DateTime::from_timestamp(1_780_000_000, 0).unwrap();
        let plan = Plan::new(1_000, now);
        assert_eq!(plan.follower_counts[0], 999);
        assert!(plan.follower_counts[1] > 10 * plan.follower_counts[900]);
        assert!((30_000..60_000).contains(&plan.follow_count()), "{}", plan.follow_count());
        for (rank, followees) in plan.followees.iter().enumerate() {
            assert!(followees.windows(2).all(|pair| pair[0].0 < pair[1].0));
            assert!(followees.iter().all(|(followee, _)| *followee as usize != rank));
        }
        assert_eq!(plan.posts.len(), 10_000);
        assert!(plan.posts.windows(2).all(|pair| pair[0].position < pair[1].position));
        let numbers: HashSet<i64> = (0..1_000).map(number).collect();
        assert!(numbers.len() == 1_000 && numbers.iter().all(|number| (1_i64..1 << 31).contains(number)));
        assert_eq!(Plan::new(1_000, now).accounts, plan.accounts);
        let entries = plan.entries(500, 0, 100);
        assert!(entries.len() <= MAX_ENTRIES && entries.windows(2).all(|pair| pair[0] > pair[1]));
    }
}
