//! The order of the rising posts: reactions that decay, and not one author alone.
//!
//! Does not own when an order is made. Invariant: the order is a pure function of the counts and the time, and a post
//! is in it once.

use std::collections::HashMap;

use chrono::TimeDelta;
use contract::social::views::PostCountsView;
use uuid::Uuid;

use super::person::PersonNumber;

/// After this time a post counts half of what it did.
const HALF_LIFE: TimeDelta = TimeDelta::hours(12);
/// The scale of a stored score, which is an integer.
const SCALE: f64 = 1_000_000.0;
/// What an answer, and a repost, count beside a reaction.
const COMMENT_WEIGHT: u64 = 2;
const REPOST_WEIGHT: u64 = 3;
/// The posts that stand between two of one author, as long as there are others.
const AUTHOR_DISTANCE: usize = 4;
/// The most posts of one author.
const MAX_PER_AUTHOR: usize = 5;
/// The most posts of an edition.
const MAX_RISING: usize = 400;

/// A post with its score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rising {
    /// The post.
    pub post: Uuid,
    /// Its author.
    pub author: PersonNumber,
    /// Its score; greater is better.
    pub score: i64,
}

/// Returns the score of a post of this age. One without a reaction has a small one, so that a young site has an order.
pub(crate) fn score(counts: PostCountsView, age: TimeDelta) -> i64 {
    let answers = counts.comments.saturating_mul(COMMENT_WEIGHT);
    let weight = counts.reactions.saturating_add(answers).saturating_add(counts.reposts.saturating_mul(REPOST_WEIGHT));
    let half_lives = age.num_seconds().max(0) as f64 / HALF_LIFE.num_seconds() as f64;
    (weight.saturating_add(1) as f64 * SCALE * (-half_lives).exp2()) as i64
}

/// Keeps the best posts, each author's best only.
pub(crate) fn keep_best(mut posts: Vec<Rising>) -> Vec<Rising> {
    posts.sort_unstable_by(|one, two| two.score.cmp(&one.score).then(two.post.cmp(&one.post)));
    let mut of_author: HashMap<PersonNumber, usize> = HashMap::new();
    posts.retain(|post| {
        let count = of_author.entry(post.author).or_default();
        *count += 1;
        *count <= MAX_PER_AUTHOR
    });
    posts.truncate(MAX_RISING);
    posts
}

/// Orders posts that [`keep_best`] has kept: the best first, and between two of one author some of others.
pub(crate) fn spread(mut left: Vec<Rising>) -> Vec<Rising> {
    let mut ordered: Vec<Rising> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let recent = ordered.len().saturating_sub(AUTHOR_DISTANCE);
        let is_far = |post: &Rising| ordered.iter().skip(recent).all(|other| other.author != post.author);
        let next = left.iter().position(is_far).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rising(post: u128, author: i64, score: i64) -> Rising {
        Rising { post: Uuid::from_u128(post), author: PersonNumber(author), score }
    }

    #[test]
    fn reactions_raise_a_post_and_time_lowers_it() {
        let with = |reactions| PostCountsView { reactions, ..PostCountsView::default() };
        let hours = TimeDelta::hours;
        assert!(score(with(3), hours(0)) > score(with(2), hours(0)));
        assert_eq!(score(with(3), hours(12)), score(with(1), hours(0)));
        assert!(score(with(0), hours(1)) > score(with(0), hours(2)) && score(with(0), hours(71)) > 0);
        let commented = PostCountsView { comments: 1, reposts: 1, ..PostCountsView::default() };
        assert_eq!(score(commented, hours(0)), score(with(5), hours(0)));
        assert!(score(with(u64::MAX), hours(0)) > 0);
    }

    #[test]
    fn one_author_does_not_fill_the_list() {
        let loud = (0..20).map(|at| rising(at, 1, 1_000 - at as i64));
        let others = (20..26).map(|at| rising(at, at as i64, 100 - at as i64));
        let ordered = spread(keep_best(loud.chain(others).collect()));
        let authors: Vec<i64> = ordered.iter().map(|post| post.author.0).collect();
        assert_eq!(authors, [1, 20, 21, 22, 23, 1, 24, 25, 1, 1, 1]);
        let scores: Vec<i64> = ordered.iter().filter(|post| post.author.0 == 1).map(|post| post.score).collect();
        assert_eq!(scores, [1000, 999, 998, 997, 996]);
    }
}
