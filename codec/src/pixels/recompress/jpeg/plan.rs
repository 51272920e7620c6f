//! Which scans a JPEG has.
//!
//! For each component of a progressive one all candidates are counted, and the shortest is taken: photos differ, and
//! the usual list of scans is often longer than a sequential file with the shortest codes. Invariant: the scans code
//! each bit of each coefficient once.

use std::collections::BTreeMap;

use super::coefficients::Frame;
use super::scans::Scan;
use crate::pixels::{Error, Interrupt};

/// The last coefficients of the scans of a component. Each end is one at which the statistics of photos change.
const SPLITS: [&[usize]; 4] = [&[63], &[2, 63], &[8, 63], &[2, 9, 63]];
/// The most bits that are left for refinements.
const MAX_SHIFT: u32 = 2;
/// A progressive file takes several times as long to decode, so it must be shorter than a sequential one by this much.
const MIN_SAVED_PERCENT: u64 = 3;

/// Returns the scans of a progressive file, or the only one of a sequential file if that is almost as short.
pub(super) fn shortest(frame: &Frame, interrupt: &Interrupt) -> Result<Vec<Scan>, Error> {
    let sequential = Scan::Sequential.sum_bits(frame);
    interrupt.check()?;
    let (bits, scans) = progressive(frame, interrupt)?;
    let is_worthwhile = bits * 100 <= sequential * (100 - MIN_SAVED_PERCENT);
    Ok(if is_worthwhile { scans } else { vec![Scan::Sequential] })
}

/// Returns the progressive scans that take the fewest bits, and how many these are.
pub(super) fn progressive(frame: &Frame, interrupt: &Interrupt) -> Result<(u64, Vec<Scan>), Error> {
    let (mut bits, mut scans) = (Scan::First.sum_bits(frame), vec![Scan::First]);
    for component in 0..frame.components.len() {
        let (more, others) = of_component(frame, component, interrupt)?;
        bits += more;
        scans.extend(others);
    }
    Ok((bits, scans))
}

/// Returns the scans of a component's other coefficients that take the fewest bits, and how many these are.
fn of_component(frame: &Frame, component: usize, interrupt: &Interrupt) -> Result<(u64, Vec<Scan>), Error> {
    let (mut known, mut best) = (BTreeMap::<Scan, u64>::new(), None::<(u64, Vec<Scan>)>);
    for candidate in candidates(component) {
        let mut bits = 0;
        for scan in &candidate {
            interrupt.check()?;
            bits += *known.entry(*scan).or_insert_with(|| scan.sum_bits(frame));
        }
        if best.as_ref().is_none_or(|(least, _)| bits < *least) {
            best = Some((bits, candidate));
        }
    }
    Ok(best.unwrap_or_default())
}

fn candidates(component: usize) -> impl Iterator<Item = Vec<Scan>> {
    let with_shift = move |shift: u32| SPLITS.into_iter().map(move |ends| scans(component, ends, shift));
    (0..=MAX_SHIFT).flat_map(with_shift)
}

/// Returns the scans of the coefficients up to each of `ends`, and those that add the bits that these leave out.
pub(super) fn scans(component: usize, ends: &[usize], shift: u32) -> Vec<Scan> {
    let starts = std::iter::once(1).chain(ends.iter().map(|end| end + 1));
    let bands = starts.zip(ends).map(|(from, to)| Scan::Others { component, from, to: *to, shift });
    let refinements = (0..shift).rev().map(|shift| Scan::Refinement { component, shift });
    bands.chain(refinements).collect()
}
