//! Long lists of objects in batches, each of which becomes durable at once.
//!
//! Invariant: every item is in one batch, in its order, and no batch is much larger than its limits.

/// Returns the batches of a list: each has at most `max_items` (at least 1) and ends with the item that brings it to
/// `max_bytes`.
pub(crate) fn batches<T>(items: &[T], max_items: usize, max_bytes: u64, bytes: impl Fn(&T) -> u64) -> Vec<&[T]> {
    let (mut batches, mut rest) = (Vec::new(), items);
    while !rest.is_empty() {
        let mut sum = 0_u64;
        let fits = |item: &&T| {
            let is_open = sum < max_bytes;
            sum = sum.saturating_add(bytes(item));
            is_open
        };
        let (batch, others) = rest.split_at(rest.iter().take(max_items.max(1)).take_while(fits).count().max(1));
        batches.push(batch);
        rest = others;
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_ends_with_its_last_item_or_with_the_one_that_fills_it() {
        let cut = |sizes: &[u64]| -> Vec<Vec<u64>> {
            batches(sizes, 3, 10, |size| *size).into_iter().map(<[u64]>::to_vec).collect()
        };
        assert!(cut(&[]).is_empty());
        assert_eq!(cut(&[1, 1, 1, 1]), [vec![1, 1, 1], vec![1]]);
        assert_eq!(cut(&[4, 9, 1, 10, 30, u64::MAX]), [vec![4, 9], vec![1, 10], vec![30], vec![u64::MAX]]);
        assert_eq!(cut(&[0; 7]), [vec![0; 3], vec![0; 3], vec![0]]);
    }
}
