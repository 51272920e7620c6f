//! Durations of a time scale in milliseconds.
//!
//! Invariant: no value overflows; a duration of nothing is none.

/// Returns `duration` units of a `timescale` (units per second) in milliseconds; `None` if it is 0 or not
/// representable.
pub(super) fn milliseconds(duration: u64, timescale: u32) -> Option<u64> {
    let exact = (u128::from(duration) * 1000).checked_div(u128::from(timescale))?;
    u64::try_from(exact).ok().filter(|ms| *ms > 0)
}
