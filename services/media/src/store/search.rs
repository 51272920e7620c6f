//! Pages of the items that have some search terms.
//!
//! The list of the rarest term is read from the newest item on, in batches, and each hit is checked. That list has the
//! order in which items were added. In another order, the hits are sorted where they are few, and otherwise the library
//! is read in that order: then a fair part of its items has the term. Invariant: a batch reads at most [`MAX_BATCH`]
//! hits, and a page at most [`MAX_HITS`].

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::media::{Kind, Visibility};
use db::{Error, FromQueryResult, Sql};

use super::items::COLUMNS;
use super::query::{Query, position_condition, sort_time};
use super::search_index::to_micros;
use crate::model::State;
use crate::model::cursor::{Cursor, Order};
use crate::model::library::{Filter, Page};
use crate::model::search_terms::Term;

/// Hits in the first batch. Each further batch has twice as many, up to [`MAX_BATCH`].
const FIRST_BATCH: i64 = 256;
const MAX_BATCH: i64 = 4096;
/// Hits that are checked for one page. A page that is not full by then returns where the next one continues.
const MAX_HITS: i64 = 20_000;
/// The count at which the search for the rarest term stops, and from which hits are not sorted.
const MAX_COUNTED_HITS: i64 = 1000;

/// The list from which a batch is taken.
#[derive(Debug, Clone, Copy)]
enum Candidates {
    /// The items with a term.
    Term(Term),
    /// The whole library: while items of earlier releases wait to be indexed, and for an order that the lists of terms
    /// do not have.
    Library,
}

const COUNT_UNINDEXED: &str = "
    select count(*) as hits
      from (
          select id
            from item
           where owner = $1
             and indexed_version <> version
           limit 1
      ) waiting";

const COUNT_HITS: &str = "
    select count(*) as hits
      from (
          select item
            from item_term
           where term = $1
           limit $2
      ) some_hits";

/// The position of a hit in the list of a term.
#[derive(FromQueryResult)]
struct HitPosition {
    created_us: i64,
    item: String,
}

/// The position of an item in the library.
#[derive(FromQueryResult)]
struct ItemPosition {
    sorted_at: DateTime<Utc>,
    id: String,
}

/// A list by search terms.
pub(super) struct Search<'s, S> {
    pub sql: &'s S,
    pub owner: AccountId,
    pub filter: &'s Filter,
    /// The terms of the filter, at least one.
    pub terms: Vec<Term>,
    /// The number of items of a page.
    pub size: usize,
}

impl<S: Sql> Search<'_, S> {
    /// Returns the page after `after`.
    pub(super) async fn run(self, after: Option<&Cursor>) -> Result<Page, Error> {
        let (list, order) = (self.candidates().await?, self.filter.order);
        let mut after = after.cloned();
        let (mut items, mut batch, mut left) = (Vec::new(), FIRST_BATCH, MAX_HITS);
        loop {
            let end = self.end(list, after.as_ref(), batch).await?;
            let limit = match list {
                Candidates::Term(_) => self.size + 1 - items.len(),
                // The whole batch, as few of its items may match.
                Candidates::Library => usize::try_from(batch).unwrap_or(usize::MAX - 1) + 1,
            };
            let found = self.batch(list, after.as_ref(), end.as_ref(), limit).read(self.sql).await?;
            // A batch that was cut short by `limit` may have more matching items.
            let (whole, last) = (found.len() < limit, found.last().map(|item| Cursor::of(item, order)));
            items.extend(found.into_iter().filter(|item| self.filter.search.matches(item)));
            if items.len() > self.size {
                items.truncate(self.size);
                let next = items.last().map(|item| Cursor::of(item, order));
                return Ok(Page { items, next });
            }
            after = if whole { end } else { last };
            let Some(position) = &after else { return Ok(Page { items, next: None }) };
            left -= if whole { batch } else { i64::try_from(limit).unwrap_or(batch) };
            if left <= 0 {
                return Ok(Page { next: Some(position.clone()), items });
            }
            if whole {
                batch = (batch * 2).min(MAX_BATCH);
            }
        }
    }

    /// Returns the list of the rarest term, or the library as long as not all of it is indexed, or where too many hits
    /// would have to be sorted.
    async fn candidates(&self) -> Result<Candidates, Error> {
        #[derive(FromQueryResult)]
        struct Count {
            hits: i64,
        }
        let waiting: Option<Count> = self.sql.row(COUNT_UNINDEXED, vec![self.owner.to_string().into()]).await?;
        if waiting.is_some_and(|waiting| waiting.hits > 0) {
            return Ok(Candidates::Library);
        }
        let must_sort = self.filter.order != Order::Added;
        let mut rarest: Option<(i64, Term)> = None;
        for term in &self.terms {
            let limit = rarest.map_or(MAX_COUNTED_HITS, |(hits, _)| hits);
            let count: Option<Count> = if must_sort || self.terms.len() > 1 {
                self.sql.row(COUNT_HITS, vec![(*term).into(), limit.into()]).await?
            } else {
                None
            };
            let hits = count.map_or(0, |count| count.hits);
            if rarest.is_none_or(|(least, _)| hits < least) {
                rarest = Some((hits, *term));
            }
        }
        let few = rarest.filter(|(hits, _)| !must_sort || *hits < MAX_COUNTED_HITS);
        Ok(few.map_or(Candidates::Library, |(_, term)| Candidates::Term(term)))
    }

    /// Returns the position where a batch ends, and `None` if there are no more hits than these.
    async fn end(&self, list: Candidates, after: Option<&Cursor>, batch: i64) -> Result<Option<Cursor>, Error> {
        let mut query = Query::default();
        let order = self.filter.order;
        match list {
            // All of them are one batch.
            Candidates::Term(_) if order != Order::Added => Ok(None),
            Candidates::Term(term) => {
                let term = query.bind(term);
                query.add(&format!(
                    "select created_us, item
                       from item_term
                      where term = {term}"
                ));
                if let Some(after) = after {
                    let (at, id) = (query.bind(to_micros(after.at)), query.bind(after.id.clone()));
                    query.add(&format!("\n                        and (created_us, item) < ({at}, {id})"));
                }
                let batch = query.bind(batch - 1);
                query.add(&format!(
                    "
                      order by created_us desc, item desc
                      limit 1
                     offset {batch}"
                ));
                let end: Option<HitPosition> = query.first(self.sql).await?;
                end.map(|end| {
                    let at = DateTime::from_timestamp_micros(end.created_us);
                    Ok(Cursor { order, at: at.ok_or(Error::Corrupt("an item's time"))?, id: end.item })
                })
                .transpose()
            }
            Candidates::Library => {
                let time = sort_time(order);
                let (owner, listing) = (query.bind(self.owner.to_string()), query.bind(self.filter.listing.as_str()));
                query.add(&format!(
                    "select {time} as sorted_at, id
                       from item
                      where owner = {owner}
                        and listing = {listing}"
                ));
                if let Some(after) = after {
                    let (at, id) = (query.bind(after.at), query.bind(after.id.clone()));
                    query.add(&format!("\n                        and {}", position_condition(order, "<", &at, &id)));
                }
                let batch = query.bind(batch - 1);
                query.add(&format!(
                    "
                      order by {time} desc, id desc
                      limit 1
                     offset {batch}"
                ));
                let end: Option<ItemPosition> = query.first(self.sql).await?;
                Ok(end.map(|end| Cursor { order, at: end.sorted_at, id: end.id }))
            }
        }
    }

    /// Returns the query for the matching hits after `after` up to `to`, which is one of them.
    fn batch(&self, list: Candidates, after: Option<&Cursor>, to: Option<&Cursor>, limit: usize) -> Query {
        let mut query = Query::default();
        let (owner, listing) = (query.bind(self.owner.to_string()), query.bind(self.filter.listing.as_str()));
        // In the order of its list, a term has the times itself, and the query stops when it has enough rows.
        let is_micros = matches!(list, Candidates::Term(_)) && self.filter.order == Order::Added;
        let order = self.filter.order;
        let (time, of) = if is_micros { ("hit.created_us", "hit.item") } else { (sort_time(order), "item.id") };
        let between = |query: &mut Query| {
            for (position, comparison) in [(after, "<"), (to, ">=")] {
                let Some(position) = position else { continue };
                let at = if is_micros { query.bind(to_micros(position.at)) } else { query.bind(position.at) };
                let id = query.bind(position.id.clone());
                let condition = if is_micros {
                    format!("({time}, {of}) {comparison} ({at}, {id})")
                } else {
                    position_condition(order, comparison, &at, &id)
                };
                query.add(&format!("\n                        and {condition}"));
            }
        };
        match list {
            Candidates::Term(term) => {
                let rarest = query.bind(term);
                query.add(&format!(
                    "select {COLUMNS}
                       from item_term hit
                      cross join item
                      where hit.term = {rarest}"
                ));
                between(&mut query);
                query.add(&format!(
                    "
                        and item.id = hit.item
                        and item.owner = {owner}
                        and item.listing = {listing}"
                ));
                for other in self.terms.iter().filter(|other| **other != term) {
                    let other = query.bind(*other);
                    query.add(&format!(
                        "
                        and exists (
                            select 1
                              from item_term also
                             where also.term = {other}
                               and also.created_us = hit.created_us
                               and also.item = hit.item
                        )"
                    ));
                }
            }
            Candidates::Library => {
                query.add(&format!(
                    "select {COLUMNS}
                       from item
                      where owner = {owner}
                        and listing = {listing}"
                ));
                between(&mut query);
            }
        }
        let facets = [
            ("kind", self.filter.kind.map(Kind::as_str)),
            ("state", self.filter.state.map(State::as_str)),
            ("visibility", self.filter.visibility.map(Visibility::as_str)),
        ];
        for (name, value) in facets {
            if let Some(value) = value {
                let value = query.bind(value);
                query.add(&format!("\n                        and item.{name} = {value}"));
            }
        }
        let limit = query.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        query.add(&format!(
            "
                      order by {time} desc, {of} desc
                      limit {limit}"
        ));
        query
    }
}
