//! Chooses the instance for the next request: the least loaded of the healthiest.
//!
//! Pure. Invariant: an instance whose breaker is open, or that was tried for this request already, is never chosen.

/// The health of an instance, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    /// Ready, or nothing is known against it.
    Healthy,
    /// It did not say that it is ready. It still gets requests if no instance is healthy: the check may be a second
    /// old, and an instance that once responded late may well work.
    Unready,
    /// Its breaker is open.
    BreakerOpen,
}

/// An instance to choose from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate {
    pub(super) health: Health,
    /// Requests in flight.
    pub(super) load: usize,
    /// Whether it was tried for this request already.
    pub(super) tried: bool,
}

/// Returns the index of the chosen candidate. `random_below(n)` returns a random number below `n`, which decides
/// between equals.
pub(super) fn choose(
    candidates: impl Iterator<Item = Candidate>,
    mut random_below: impl FnMut(usize) -> usize,
) -> Option<usize> {
    let mut best: Option<((Health, usize), usize)> = None;
    let mut equals = 0;
    for (index, candidate) in candidates.enumerate() {
        if candidate.tried || candidate.health == Health::BreakerOpen {
            continue;
        }
        let key = (candidate.health, candidate.load);
        match best {
            Some((least, _)) if key > least => {}
            Some((least, _)) if key == least => {
                equals += 1;
                // Each of `n` equals is chosen with a probability of 1/n.
                if random_below(equals) == 0 {
                    best = Some((key, index));
                }
            }
            _ => (best, equals) = (Some((key, index)), 1),
        }
    }
    best.map(|(_, index)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(health: Health, load: usize) -> Candidate {
        Candidate { health, load, tried: false }
    }

    #[test]
    fn the_least_loaded_of_the_best_is_chosen() {
        let row =
            [one(Health::Healthy, 3), one(Health::Healthy, 1), one(Health::Unready, 0), one(Health::BreakerOpen, 0)];
        assert_eq!(choose(row.into_iter(), |_| 0), Some(1));
        assert_eq!(choose(row[2..].iter().copied(), |_| 0), Some(0), "the least bad one is better than none");
        assert_eq!(choose(row[3..].iter().copied(), |_| 0), None);
        assert_eq!(choose([Candidate { tried: true, ..one(Health::Healthy, 0) }].into_iter(), |_| 0), None);
    }

    #[test]
    fn equals_are_chosen_at_random() {
        let row = [one(Health::Healthy, 1); 3];
        assert_eq!(choose(row.into_iter(), |_| 0), Some(2));
        assert_eq!(choose(row.into_iter(), |_| 1), Some(0));
        let mut hits = [0_u32; 3];
        for _ in 0..3000 {
            hits[choose(row.into_iter(), |below| base::Random::system().below(below as u64) as usize).unwrap()] += 1;
        }
        assert!(hits.iter().all(|hits| *hits > 700), "{hits:?}");
    }
}
