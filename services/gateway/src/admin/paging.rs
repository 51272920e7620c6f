//! Pages of a list that is gathered anew for each page.
//!
//! Invariant: the cursor is the sort key of the last item, so what is there throughout is in exactly one page, whatever
//! comes and goes.

use http_server::List;

/// Returns the sort key of an item, which no other item has.
pub(super) type Cursors<T> = fn(&T) -> String;

/// Sorts items, and returns those after a cursor.
pub(super) fn page_by<T>(mut items: Vec<T>, cursor: Cursors<T>, after: Option<&str>, size: usize) -> List<T> {
    items.sort_by_cached_key(cursor);
    items.retain(|item| after.is_none_or(|after| cursor(item).as_str() > after));
    let has_more = items.len() > size;
    items.truncate(size);
    let next = items.last().filter(|_| has_more).map(cursor);
    List { items, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_visits_each_item_once() {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let items = vec!["d", "a", "c", "b", "e"];
            let page = page_by(items, |item| (*item).to_owned(), after.as_deref(), 2);
            walked.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(walked, ["a", "b", "c", "d", "e"]);
    }
}
