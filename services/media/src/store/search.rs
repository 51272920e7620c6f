//! Pages of the items that have some search terms.
//!
//! The list of the rarest term is read from the newest item on, in batches, and each hit is checked. Invariant: a
//! batch reads at most [`MAX_BATCH`] hits, and a page at most [`MAX_HITS`].

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::media::{Kind, Visibility};
use db::{Error, FromQueryResult, Sql};

use super::items::COLUMNS;
use super::query::Query;
use super::search_index::to_micros;
use crate::model::State;
use crate::model::cursor::Cursor;
use crate::model::library::{Filter, Page};
use crate::model::search_terms::Term;

/// Hits in the first batch. Each further batch has twice as many, up to [`MAX_BATCH`].
const FIRST_BATCH: i64 = 256;
const MAX_BATCH: i64 = 4096;
/// Hits that are checked for one page. A page that is not full by then returns where the next one continues.
const MAX_HITS: i64 = 20_000;
/// The count at which the search for the rarest term stops.
const MAX_COUNTED_HITS: i64 = 1000;

/// The list from which a batch is taken.
#[derive(Debug, Clone, Copy)]
enum Candidates {
    /// The items with a term.
    Term(Term),
    /// The whole library, while items of earlier releases wait to be indexed.
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

/// The position of a hit.
#[derive(Debug, Clone, FromQueryResult)]
struct HitPosition {
    created_us: i64,
    item: String,
}

impl HitPosition {
    fn cursor(&self) -> Result<Cursor, Error> {
        let created_at = DateTime::from_timestamp_micros(self.created_us).ok_or(Error::Corrupt("an item's time"))?;
        Ok(Cursor { created_at, id: self.item.clone() })
    }
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
        let list = self.rarest().await?;
        let mut after = after.cloned();
        let (mut items, mut batch, mut left) = (Vec::new(), FIRST_BATCH, MAX_HITS);
        loop {
            let end = self.end(list, after.as_ref(), batch).await?;
            let end = end.as_ref().map(HitPosition::cursor).transpose()?;
            let limit = self.size + 1 - items.len();
            let found = self.batch(list, after.as_ref(), end.as_ref(), limit).read(self.sql).await?;
            // A batch that was cut short by `limit` may have more matching items.
            let (whole, last) = (found.len() < limit, found.last().map(Cursor::of));
            items.extend(found.into_iter().filter(|item| self.filter.search.matches(item)));
            if items.len() > self.size {
                items.truncate(self.size);
                let next = items.last().map(Cursor::of);
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

    /// Returns the list of the rarest term, or the library as long as not all of it is indexed.
    async fn rarest(&self) -> Result<Candidates, Error> {
        #[derive(FromQueryResult)]
        struct Count {
            hits: i64,
        }
        let waiting: Option<Count> = self.sql.row(COUNT_UNINDEXED, vec![self.owner.to_string().into()]).await?;
        if waiting.is_some_and(|waiting| waiting.hits > 0) {
            return Ok(Candidates::Library);
        }
        let mut rarest: Option<(i64, Term)> = None;
        for term in &self.terms {
            let limit = rarest.map_or(MAX_COUNTED_HITS, |(hits, _)| hits);
            let count: Option<Count> = if self.terms.len() > 1 {
                self.sql.row(COUNT_HITS, vec![(*term).into(), limit.into()]).await?
            } else {
                None
            };
            let hits = count.map_or(0, |count| count.hits);
            if rarest.is_none_or(|(least, _)| hits < least) {
                rarest = Some((hits, *term));
            }
        }
        Ok(rarest.map_or(Candidates::Library, |(_, term)| Candidates::Term(term)))
    }

    /// Returns the position where a batch ends, and `None` if there are no more hits than these.
    async fn end(&self, list: Candidates, after: Option<&Cursor>, batch: i64) -> Result<Option<HitPosition>, Error> {
        let mut query = Query::default();
        match list {
            Candidates::Term(term) => {
                let term = query.bind(term);
                query.add(&format!(
                    "select created_us, item
                       from item_term
                      where term = {term}"
                ));
                if let Some(after) = after {
                    let (at, id) = (query.bind(to_micros(after.created_at)), query.bind(after.id.clone()));
                    query.add(&format!("\n                        and (created_us, item) < ({at}, {id})"));
                }
                let batch = query.bind(batch - 1);
                query.add(&format!(
                    "
                      order by created_us desc, item desc
                      limit 1
                     offset {batch}"
                ));
                query.first(self.sql).await
            }
            Candidates::Library => {
                #[derive(FromQueryResult)]
                struct Bound {
                    created_at: DateTime<Utc>,
                    id: String,
                }
                let (owner, claimed) = (query.bind(self.owner.to_string()), query.bind(!self.filter.staged));
                query.add(&format!(
                    "select created_at, id
                       from item
                      where owner = {owner}
                        and claimed = {claimed}"
                ));
                if let Some(after) = after {
                    let (at, id) = (query.bind(after.created_at), query.bind(after.id.clone()));
                    query.add(&format!("\n                        and (created_at, id) < ({at}, {id})"));
                }
                let batch = query.bind(batch - 1);
                query.add(&format!(
                    "
                      order by created_at desc, id desc
                      limit 1
                     offset {batch}"
                ));
                let end: Option<Bound> = query.first(self.sql).await?;
                Ok(end.map(|end| HitPosition { created_us: to_micros(end.created_at), item: end.id }))
            }
        }
    }

    /// Returns the query for the matching hits after `after` up to `to`, which is one of them.
    fn batch(&self, list: Candidates, after: Option<&Cursor>, to: Option<&Cursor>, limit: usize) -> Query {
        let mut query = Query::default();
        let (owner, claimed) = (query.bind(self.owner.to_string()), query.bind(!self.filter.staged));
        let between = |query: &mut Query, names: &str, as_micros: bool| {
            for (position, comparison) in [(after, "<"), (to, ">=")] {
                let Some(position) = position else { continue };
                let at = if as_micros {
                    query.bind(to_micros(position.created_at))
                } else {
                    query.bind(position.created_at)
                };
                let id = query.bind(position.id.clone());
                query.add(&format!("\n                        and {names} {comparison} ({at}, {id})"));
            }
        };
        let order = match list {
            Candidates::Term(term) => {
                let rarest = query.bind(term);
                // The order of the join is the order of the list, so the query stops when it has enough rows.
                query.add(&format!(
                    "select {COLUMNS}
                       from item_term hit
                      cross join item
                      where hit.term = {rarest}"
                ));
                between(&mut query, "(hit.created_us, hit.item)", true);
                query.add(&format!(
                    "
                        and item.id = hit.item
                        and item.owner = {owner}
                        and item.claimed = {claimed}"
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
                "\n                      order by hit.created_us desc, hit.item desc"
            }
            Candidates::Library => {
                query.add(&format!(
                    "select {COLUMNS}
                       from item
                      where owner = {owner}
                        and claimed = {claimed}"
                ));
                between(&mut query, "(created_at, id)", false);
                "\n                      order by created_at desc, id desc"
            }
        };
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
        query.add(order);
        let limit = query.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        query.add(&format!("\n                      limit {limit}"));
        query
    }
}
