//! The list of a download: which items, each as the unchanged original or as the shared file; and their names in an
//! archive.
//!
//! Does not own who may have them ([`crate::api`] does). Invariant: a list names at least one item and at most
//! [`MAX_ITEMS`], and the same list has one text, which is signed.

use std::collections::{HashMap, HashSet};

use contract::MediaId;

/// The largest number of items of one download. Their ids fit into a URL of 8 KiB, which servers and proxies accept.
pub(crate) const MAX_ITEMS: usize = 300;
const EMPTY: &str = "A download needs at least one item: name media ids, separated by commas.";
const TOO_MANY: &str = "A download has at most 300 items. Download the others with another request.";
const NOT_IDS: &str = "`ids` and `originals` are media ids of 22 letters and digits, separated by commas.";

/// The items of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DownloadList {
    /// Items whose unchanged original is downloaded.
    pub originals: Vec<MediaId>,
    /// Items whose shared file is downloaded.
    pub ids: Vec<MediaId>,
}

impl DownloadList {
    /// Returns the list without repetitions, or what is wrong with it.
    pub fn new(originals: Vec<MediaId>, ids: Vec<MediaId>) -> Result<Self, &'static str> {
        let list = Self { originals: without_repetitions(originals), ids: without_repetitions(ids) };
        match list.originals.len() + list.ids.len() {
            0 => Err(EMPTY),
            1..=MAX_ITEMS => Ok(list),
            _ => Err(TOO_MANY),
        }
    }

    /// Reads the list from two parameters of a query.
    pub fn parse(originals: &str, ids: &str) -> Result<Self, &'static str> {
        Self::new(media_ids(originals)?, media_ids(ids)?)
    }

    /// Returns the query that [`DownloadList::parse`] reads, which is also the text that is signed.
    pub fn query(&self) -> String {
        let lists = [("originals", &self.originals), ("ids", &self.ids)];
        let parameters = lists.iter().filter(|(_, ids)| !ids.is_empty()).map(|(name, ids)| {
            let ids: Vec<&str> = ids.iter().map(MediaId::as_str).collect();
            format!("{name}={}", ids.join(","))
        });
        parameters.collect::<Vec<String>>().join("&")
    }
}

fn media_ids(text: &str) -> Result<Vec<MediaId>, &'static str> {
    let ids = text.split(',').filter(|_| !text.is_empty());
    ids.map(|id| id.parse::<MediaId>().map_err(|_| NOT_IDS)).collect()
}

fn without_repetitions(mut ids: Vec<MediaId>) -> Vec<MediaId> {
    let mut seen = HashSet::new();
    ids.retain(|id| seen.insert(id.clone()));
    ids
}

/// Returns the names, each different from all before it where upper and lower case are the same: `cat.jpeg`,
/// `Cat (2).jpeg`.
pub(crate) fn unique_names(names: impl Iterator<Item = String>) -> Vec<String> {
    let (mut taken, mut last_numbers) = (HashSet::new(), HashMap::new());
    let unique = |name: String| {
        let dot = name.rfind('.').filter(|dot| *dot > 0).unwrap_or(name.len());
        let (stem, extension) = name.split_at(dot);
        // Counting goes on where it ended for the same name, so that a list of one name takes no longer than another.
        let number = last_numbers.entry(name.to_lowercase()).or_insert(1_u32);
        let mut candidate = name.clone();
        while !taken.insert(candidate.to_lowercase()) {
            *number += 1;
            candidate = format!("{stem} ({number}){extension}");
        }
        candidate
    };
    names.map(unique).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some_ids(count: usize) -> Vec<MediaId> {
        (0..count).map(|_| MediaId::random()).collect()
    }

    fn value<'a>(query: &'a str, name: &str) -> &'a str {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    #[test]
    fn a_list_is_read_as_it_is_written() {
        let (originals, ids) = (some_ids(2), some_ids(3));
        for (originals, ids) in [(originals.clone(), ids.clone()), (originals, vec![]), (vec![], ids)] {
            let list = DownloadList::new(originals, ids).unwrap();
            let query = list.query();
            assert_eq!(DownloadList::parse(value(&query, "originals"), value(&query, "ids")), Ok(list));
        }
    }

    #[test]
    fn a_list_is_bounded_and_has_each_item_once() {
        assert_eq!(DownloadList::parse("", ""), Err(EMPTY));
        assert_eq!(DownloadList::new(some_ids(MAX_ITEMS), some_ids(1)), Err(TOO_MANY));
        let longest = DownloadList::new(some_ids(MAX_ITEMS - 1), some_ids(1)).unwrap();
        assert!(longest.query().len() < 7_500, "it fits into a URL");
        let id = MediaId::random();
        assert_eq!(DownloadList::new(vec![], vec![id.clone(), id.clone()]).unwrap().ids, std::slice::from_ref(&id));
        for bad in ["x", ",", &format!("{id},"), &format!("{id} {id}"), "../../etc/passwd"] {
            assert_eq!(DownloadList::parse("", bad), Err(NOT_IDS), "{bad}");
        }
    }

    #[test]
    fn no_two_files_have_one_name() {
        let names = ["cat.jpeg", "Cat.jpeg", "cat (2).jpeg", "cat.jpeg", "noend", "noend"];
        assert_eq!(
            unique_names(names.iter().map(|name| (*name).to_owned())),
            ["cat.jpeg", "Cat (2).jpeg", "cat (2) (2).jpeg", "cat (3).jpeg", "noend", "noend (2)"]
        );
    }
}
