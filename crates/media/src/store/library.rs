//! Pages of the library of a member, filtered.
//!
//! Kind, state and visibility have few values, so one index has all their combinations, and a page takes the newest
//! items of each. Tag, subject and words are search terms: the list of the rarest one is read from the newest item on,
//! in batches, and each hit is checked. So no statement reads more than some thousands of rows, however large the
//! library is. Invariant: a page has every matching item between its beginning and the cursor that it returns as its
//! end.

use chrono::{DateTime, Utc};
use contract::AccountId;
use contract::media::{Kind, Visibility};
use kit::db::{Error, FromQueryResult, Sql, Value};

use super::items::{COLUMNS, Row};
use super::search_index::to_micros;
use crate::model::cursor::Cursor;
use crate::model::search_terms::{SearchQuery, Term};
use crate::model::{Item, State};

/// Hits in the first batch. Each further batch has twice as many, up to [`MAX_BATCH`].
const FIRST_BATCH: i64 = 256;
const MAX_BATCH: i64 = 4096;
/// Hits that are checked for one page. A page that is not full by then returns where the next one continues.
const MAX_HITS: i64 = 20_000;
/// The count at which the search for the rarest term stops.
const MAX_COUNTED_HITS: i64 = 1000;

/// The filter of a list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub kind: Option<Kind>,
    pub state: Option<State>,
    pub visibility: Option<Visibility>,
    /// Tag, subject and words.
    pub search: SearchQuery,
    /// Staged items instead of those in the library.
    pub staged: bool,
}

/// A page, and where the next one begins.
#[derive(Debug)]
pub(crate) struct Page {
    pub items: Vec<Item>,
    pub next: Option<Cursor>,
}

/// The list from which a batch is taken.
#[derive(Debug, Clone, Copy)]
enum Candidates {
    /// The items with a term.
    Term(Term),
    /// The whole library, while items of earlier releases wait to be indexed.
    Library,
}

/// SQL text with its values.
#[derive(Default)]
struct Query {
    text: String,
    values: Vec<Value>,
}

impl Query {
    /// Binds a value. Returns its placeholder.
    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("${}", self.values.len())
    }

    fn add(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

/// Returns a page of the items of an owner, newest first.
pub(crate) async fn list(
    sql: &impl Sql,
    owner: AccountId,
    filter: &Filter,
    after: Option<&Cursor>,
    size: usize,
) -> Result<Page, Error> {
    let terms = filter.search.terms(owner);
    if !terms.is_empty() {
        return Search { sql, owner, filter, terms, size }.run(after).await;
    }
    let query = if filter.kind.is_none() && filter.state.is_none() && filter.visibility.is_none() {
        unfiltered(owner, filter, after, size + 1)
    } else {
        by_facets(owner, filter, after, size + 1)
    };
    let mut items = read(sql, query).await?;
    let more = items.len() > size;
    items.truncate(size);
    let next = items.last().filter(|_| more).map(Cursor::of);
    Ok(Page { items, next })
}

async fn read(sql: &impl Sql, query: Query) -> Result<Vec<Item>, Error> {
    let rows: Vec<Row> = sql.rows(&query.text, query.values).await?;
    rows.into_iter().map(Item::try_from).collect()
}

fn unfiltered(owner: AccountId, filter: &Filter, after: Option<&Cursor>, limit: usize) -> Query {
    let mut query = Query::default();
    let (owner, claimed) = (query.bind(owner.to_string()), query.bind(!filter.staged));
    query.add(&format!("select {COLUMNS} from item where owner = {owner} and claimed = {claimed}"));
    if let Some(after) = after {
        let (at, id) = (query.bind(after.created_at), query.bind(after.id.clone()));
        query.add(&format!(" and (created_at, id) < ({at}, {id})"));
    }
    let limit = query.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    query.add(&format!(" order by created_at desc, id desc limit {limit}"));
    query
}

/// Returns the query for the newest items of each wanted combination of kind, state and visibility (at most 15), and
/// the newest of those.
fn by_facets(owner: AccountId, filter: &Filter, after: Option<&Cursor>, limit: usize) -> Query {
    let mut query = Query::default();
    let (owner, claimed) = (query.bind(owner.to_string()), query.bind(!filter.staged));
    let kinds = filter.kind.map_or(vec![Kind::Photo, Kind::Audio, Kind::Video], |kind| vec![kind]);
    let states = filter
        .state
        .map_or(vec![State::Received, State::Processing, State::Playable, State::Ready, State::Failed], |state| {
            vec![state]
        });
    let audiences =
        filter.visibility.map_or(vec![Visibility::Private, Visibility::Unlisted, Visibility::Public], |one| vec![one]);
    let kinds: Vec<String> = kinds.iter().map(|kind| query.bind(kind.as_str())).collect();
    let states: Vec<String> = states.iter().map(|state| query.bind(state.as_str())).collect();
    let audiences: Vec<String> = audiences.iter().map(|audience| query.bind(audience.as_str())).collect();
    let limit = query.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    let from = after.map_or_else(String::new, |after| {
        let (at, id) = (query.bind(after.created_at), query.bind(after.id.clone()));
        format!(" and (created_at, id) < ({at}, {id})")
    });
    let mut parts = Vec::new();
    for kind in &kinds {
        for state in &states {
            for audience in &audiences {
                parts.push(format!(
                    "select id, created_at from (select id, created_at from item where owner = {owner} and claimed = {claimed} and kind = {kind} \
                     and state = {state} and visibility = {audience}{from} order by created_at desc, id desc limit {limit}) part{}",
                    parts.len()
                ));
            }
        }
    }
    query.add(&format!(
        "select {COLUMNS} from item where id in (select id from ({}) newest order by created_at desc, id desc limit {limit}) \
         order by created_at desc, id desc limit {limit}",
        parts.join(" union all ")
    ));
    query
}

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
struct Search<'s, S> {
    sql: &'s S,
    owner: AccountId,
    filter: &'s Filter,
    terms: Vec<Term>,
    size: usize,
}

impl<S: Sql> Search<'_, S> {
    async fn run(self, after: Option<&Cursor>) -> Result<Page, Error> {
        let list = self.rarest().await?;
        let mut after = after.cloned();
        let (mut items, mut batch, mut left) = (Vec::new(), FIRST_BATCH, MAX_HITS);
        loop {
            let end = self.end(list, after.as_ref(), batch).await?;
            let end = end.as_ref().map(HitPosition::cursor).transpose()?;
            let limit = self.size + 1 - items.len();
            let found = read(self.sql, self.batch(list, after.as_ref(), end.as_ref(), limit)).await?;
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
        let text = "select count(*) as hits from (select id from item where owner = $1 and indexed_version <> version limit 1) waiting";
        let waiting: Option<Count> = self.sql.row(text, vec![self.owner.to_string().into()]).await?;
        if waiting.is_some_and(|waiting| waiting.hits > 0) {
            return Ok(Candidates::Library);
        }
        let mut rarest: Option<(i64, Term)> = None;
        for term in &self.terms {
            let text = "select count(*) as hits from (select item from item_term where term = $1 limit $2) some_hits";
            let limit = rarest.map_or(MAX_COUNTED_HITS, |(hits, _)| hits);
            let count: Option<Count> =
                if self.terms.len() > 1 { self.sql.row(text, vec![(*term).into(), limit.into()]).await? } else { None };
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
                query.add(&format!("select created_us, item from item_term where term = {term}"));
                if let Some(after) = after {
                    let (at, id) = (query.bind(to_micros(after.created_at)), query.bind(after.id.clone()));
                    query.add(&format!(" and (created_us, item) < ({at}, {id})"));
                }
                let batch = query.bind(batch - 1);
                query.add(&format!(" order by created_us desc, item desc limit 1 offset {batch}"));
                self.sql.row(&query.text, query.values).await
            }
            Candidates::Library => {
                #[derive(FromQueryResult)]
                struct Bound {
                    created_at: DateTime<Utc>,
                    id: String,
                }
                let (owner, claimed) = (query.bind(self.owner.to_string()), query.bind(!self.filter.staged));
                query.add(&format!("select created_at, id from item where owner = {owner} and claimed = {claimed}"));
                if let Some(after) = after {
                    let (at, id) = (query.bind(after.created_at), query.bind(after.id.clone()));
                    query.add(&format!(" and (created_at, id) < ({at}, {id})"));
                }
                let batch = query.bind(batch - 1);
                query.add(&format!(" order by created_at desc, id desc limit 1 offset {batch}"));
                let end: Option<Bound> = self.sql.row(&query.text, query.values).await?;
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
                query.add(&format!(" and {names} {comparison} ({at}, {id})"));
            }
        };
        let order = match list {
            Candidates::Term(term) => {
                let rarest = query.bind(term);
                // The order of the join is the order of the list, so the query stops when it has enough rows.
                query.add(&format!("select {COLUMNS} from item_term hit cross join item where hit.term = {rarest}"));
                between(&mut query, "(hit.created_us, hit.item)", true);
                query.add(&format!(" and item.id = hit.item and item.owner = {owner} and item.claimed = {claimed}"));
                for other in self.terms.iter().filter(|other| **other != term) {
                    let other = query.bind(*other);
                    query.add(&format!(" and exists (select 1 from item_term also where also.term = {other} and also.created_us = hit.created_us and also.item = hit.item)"));
                }
                " order by hit.created_us desc, hit.item desc"
            }
            Candidates::Library => {
                query.add(&format!("select {COLUMNS} from item where owner = {owner} and claimed = {claimed}"));
                between(&mut query, "(created_at, id)", false);
                " order by created_at desc, id desc"
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
                query.add(&format!(" and item.{name} = {value}"));
            }
        }
        query.add(order);
        let limit = query.bind(i64::try_from(limit).unwrap_or(i64::MAX));
        query.add(&format!(" limit {limit}"));
        query
    }
}
