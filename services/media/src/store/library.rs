//! Pages of the library of a member and of its other lists, filtered.
//!
//! Kind, state and visibility have few values, so one index has all their combinations, and a page takes the newest
//! items of each. Tag, subject and words are search terms, which [`search`](super::search) reads. So no statement reads
//! more than some thousands of rows, however large the library is. Invariant: a page has every matching item between
//! its beginning and the cursor that it returns as its end.

use contract::AccountId;
use contract::media::{Kind, Visibility};
use db::{Error, Sql};

use super::items::COLUMNS;
use super::query::{Query, position_condition, sort_time};
use super::search::Search;
use crate::model::State;
use crate::model::cursor::{Cursor, Order};
use crate::model::library::{Filter, Page};

/// Returns a page of the items of an owner.
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
    let mut items = query.read(sql).await?;
    let more = items.len() > size;
    items.truncate(size);
    let next = items.last().filter(|_| more).map(|last| Cursor::of(last, filter.order));
    Ok(Page { items, next })
}

fn unfiltered(owner: AccountId, filter: &Filter, after: Option<&Cursor>, limit: usize) -> Query {
    let mut query = Query::default();
    let time = sort_time(filter.order);
    let owner = query.bind(owner.to_string());
    let listed = match filter.order {
        // The index of the trash has no other items.
        Order::Removed => "removed_at is not null".to_owned(),
        Order::Added | Order::Taken => format!("listing = {}", query.bind(filter.listing.as_str())),
    };
    query.add(&format!(
        "select {COLUMNS}
           from item
          where owner = {owner}
            and {listed}"
    ));
    if let Some(after) = after {
        let (at, id) = (query.bind(after.at), query.bind(after.id.clone()));
        query.add(&format!("\n            and {}", position_condition(filter.order, "<", &at, &id)));
    }
    let limit = query.bind(i64::try_from(limit).unwrap_or(i64::MAX));
    query.add(&format!(
        "
          order by {time} desc, id desc
          limit {limit}"
    ));
    query
}

/// Returns the query for the first items of each wanted combination of kind, state and visibility (at most 15), and the
/// first of those.
fn by_facets(owner: AccountId, filter: &Filter, after: Option<&Cursor>, limit: usize) -> Query {
    let mut query = Query::default();
    let time = sort_time(filter.order);
    let (owner, listing) = (query.bind(owner.to_string()), query.bind(filter.listing.as_str()));
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
        let (at, id) = (query.bind(after.at), query.bind(after.id.clone()));
        format!("and {}", position_condition(filter.order, "<", &at, &id))
    });
    let mut parts = Vec::new();
    for kind in &kinds {
        for state in &states {
            for audience in &audiences {
                parts.push(format!(
                    "
                    select id, sorted_at
                      from (
                          select id, {time} as sorted_at
                            from item
                           where owner = {owner}
                             and listing = {listing}
                             and kind = {kind}
                             and state = {state}
                             and visibility = {audience}
                             {from}
                           order by {time} desc, id desc
                           limit {limit}
                      ) part{}",
                    parts.len()
                ));
            }
        }
    }
    query.add(&format!(
        "select {COLUMNS}
           from item
          where id in (
              select id
                from ({}) first_items
               order by sorted_at desc, id desc
               limit {limit}
          )
          order by {time} desc, id desc
          limit {limit}",
        parts.join(" union all ")
    ));
    query
}
