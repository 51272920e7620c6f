//! Whether a request may be sent once more.
//!
//! Invariant: over any time, retries of requests that an instance may have worked on are at most a tenth of the
//! requests plus [`REFILL_PER_SECOND`], so an overloaded role does not get a multiple of its load.

use std::time::Instant;

use http::Method;

/// How many retries a request adds to the budget.
const DEPOSIT: f64 = 0.1;
/// Retries per second that are allowed however few requests there are.
const REFILL_PER_SECOND: f64 = 2.0;
/// The most retries in the budget.
const MAX_BALANCE: f64 = 20.0;

/// How many instances are tried for one request.
pub(super) const MAX_ATTEMPTS: usize = 3;

/// Whether doing it twice is the same as once (RFC 9110 §9.2.2), as far as HTTP can tell. A body is streamed and can't
/// be sent again, so only requests without one are repeated.
pub(super) fn is_repeatable(method: &Method, bodiless: bool) -> bool {
    bodiless && matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE)
}

/// The retry budget of a role.
#[derive(Debug)]
pub(super) struct Budget {
    balance: f64,
    refilled_at: Instant,
}

impl Budget {
    pub(super) fn new(now: Instant) -> Self {
        Self { balance: MAX_BALANCE / 2.0, refilled_at: now }
    }

    /// Adds the share of one request.
    pub(super) fn deposit(&mut self) {
        self.balance = (self.balance + DEPOSIT).min(MAX_BALANCE);
    }

    /// Takes a retry from the budget, if there is one.
    pub(super) fn withdraw(&mut self, now: Instant) -> bool {
        self.balance =
            (self.balance + now.duration_since(self.refilled_at).as_secs_f64() * REFILL_PER_SECOND).min(MAX_BALANCE);
        self.refilled_at = now;
        let has_one = self.balance >= 1.0;
        if has_one {
            self.balance -= 1.0;
        }
        has_one
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn retries_are_a_tenth_of_the_requests_and_a_few_per_second() {
        let now = Instant::now();
        let mut budget = Budget::new(now);
        let withdrawn = |budget: &mut Budget, now| std::iter::from_fn(|| budget.withdraw(now).then_some(())).count();
        assert_eq!(withdrawn(&mut budget, now), 10);
        (0..51).for_each(|_| budget.deposit());
        assert_eq!(withdrawn(&mut budget, now), 5);
        assert_eq!(withdrawn(&mut budget, now + Duration::from_secs(3)), 6);
        (0..10_000).for_each(|_| budget.deposit());
        assert_eq!(withdrawn(&mut budget, now + Duration::from_secs(3)), 20, "the budget is bounded");
    }

    #[test]
    fn only_idempotent_requests_are_repeated() {
        for (method, bodiless, may) in [
            (Method::GET, true, true),
            (Method::DELETE, true, true),
            (Method::PUT, false, false),
            (Method::POST, true, false),
            (Method::PATCH, true, false),
        ] {
            assert_eq!(is_repeatable(&method, bodiless), may, "{method}");
        }
    }
}
