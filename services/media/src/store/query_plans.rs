//! Query plans of the lists of media, and the cost of a large library: no query reads a whole table, and none of the
//! pages of a library reads more than a few thousand rows.

use contract::AccountId;
use contract::media::{Kind, Visibility};
use db::{Db, Error, Lane, Sql as _};
use testkit::{World, plans};
use uuid::Uuid;

use super::album_items::{self, Shown};
use super::due::{self, DueList};
use super::library::list;
use super::{
    albums, blocked_media, captions, items, listed_pictures, night_shift, operator_items, personal_data, pictures,
    private_members, share_links, standings, uploads, usage, withheld,
};
use crate::model::State;
use crate::model::album::AlbumId;
use crate::model::album_order::Renumbering;
use crate::model::captions::LanguageTag;
use crate::model::cursor::{Cursor, Order};
use crate::model::library::{Filter, Listing, Page};
use crate::model::operator_view::OperatorFilter;
use crate::model::search_terms::SearchQuery;

const OWNER: AccountId = AccountId(Uuid::from_u128(7));

fn search(tag: Option<&str>, text: Option<&str>) -> Filter {
    Filter { search: SearchQuery::new(tag, None, text), ..Filter::default() }
}

/// Returns every kind of filter, with the index that serves it.
fn filters_with_indexes() -> Vec<(Filter, &'static str)> {
    let (kind, state, visibility) = (Some(Kind::Video), Some(State::Ready), Some(Visibility::Public));
    let taken = Filter { order: Order::Taken, ..Filter::default() };
    vec![
        (Filter::default(), "item_added"),
        (taken.clone(), "item_taken"),
        (Filter::trash(), "item_trash"),
        (Filter { listing: Listing::Staged, ..Filter::default() }, "item_added"),
        (Filter { kind, ..Filter::default() }, "item_facets_added"),
        (Filter { kind, ..taken.clone() }, "item_facets_taken"),
        (Filter { state, ..Filter::default() }, "item_facets_added"),
        (Filter { visibility, ..Filter::default() }, "item_facets_added"),
        (Filter { kind, state, visibility, ..Filter::default() }, "item_facets_added"),
        (Filter { kind, state, visibility, ..taken }, "item_facets_taken"),
        (search(Some("sea"), None), "item_term"),
        (search(None, Some("s")), "item_term"),
        (search(Some("sea"), Some("summer 2024")), "item_term"),
        (Filter { search: SearchQuery::new(None, Some("post:1".into()), None), ..Filter::default() }, "item_term"),
        (Filter { kind, state, ..search(None, Some("sea")) }, "item_term"),
    ]
}

#[tokio::test]
async fn every_list_has_an_index() {
    let world = World::of(&[crate::service()]).await;
    let now = world.clock().now();
    // Which of several suitable indexes PostgreSQL chooses for an empty table says nothing.
    let is_sqlite = world.context("media").db.read().backend() == sea_orm::DbBackend::Sqlite;
    for (filter, index) in filters_with_indexes() {
        for after in [None, Some(Cursor { order: filter.order, at: now, id: "x".into() })] {
            let (shown, filter, after_is_none) = (format!("{filter:?}"), filter.clone(), after.is_none());
            let seen = plans(&world.context("media").db, move |sql| {
                Box::pin(async move { list(sql, OWNER, &filter, after.as_ref(), 50).await.map(drop) })
            })
            .await;
            if is_sqlite {
                assert!(seen.iter().any(|plan| plan.uses(index)), "{shown}: {seen:#?}");
                let sorted = |plan: &testkit::Plan| plan.uses("TEMP B-TREE");
                assert!(index.contains("facets") || !seen.iter().any(sorted), "{shown} is sorted: {seen:#?}");
                // A page begins at its cursor, not at the beginning of the list.
                let seeks = |plan: &testkit::Plan| plan.uses(")<(") || plan.uses("<expr><?");
                assert!(after_is_none || seen.iter().any(seeks), "{shown} reads what is before its page: {seen:#?}");
            }
        }
    }
    plans(&world.context("media").db, move |sql| {
        Box::pin(async move {
            items::list_owned(sql, OWNER, &[contract::MediaId::random()]).await?;
            let after = due::DueRow { due_at: now, id: "x".into(), owner: String::new() };
            for list in [DueList::Unclaimed, DueList::Uploads, DueList::Trash] {
                due::list(sql, list, now, None, 100).await?;
                due::list(sql, list, now, Some(&after), 100).await?;
            }
            let lang = LanguageTag::parse("en").expect("it is one");
            captions::find(sql, &contract::MediaId::random(), &lang).await?;
            items::list_by_owner(sql, OWNER, 100).await?;
            for filter in [
                OperatorFilter::Member(OWNER, None),
                OperatorFilter::Member(OWNER, Some(State::Failed)),
                OperatorFilter::Failed,
            ] {
                let after = Cursor { order: Order::Added, at: now, id: "x".into() };
                operator_items::list(sql, filter, None, 50).await?;
                operator_items::list(sql, filter, Some(&after), 50).await?;
            }
            night_shift::list_unexamined(sql, now, None, 50).await?;
            night_shift::list_by_object(sql, OWNER, &contract::ObjectKey::random()).await?;
            operator_items::find_retries(sql, &[&contract::MediaId::random()]).await?;
            private_members::is_private(sql, OWNER).await?;
            uploads::list_by_owner(sql, OWNER, 100).await?;
            personal_data::list_items(sql, OWNER, "x", 100).await?;
            personal_data::list_captions(sql, OWNER, ("x", "en"), 8).await?;
            personal_data::list_uploads(sql, OWNER, "x", 100).await?;
            share_links::find(sql, "hash", now).await?;
            share_links::list(sql, &contract::MediaId::random(), now).await?;
            standings::find(sql, OWNER).await?;
            blocked_media::is_blocked(sql, "x").await?;
            blocked_media::find_decision(sql, "x").await?;
            blocked_media::is_undone(sql, Uuid::nil()).await?;
            listed_pictures::find_state(sql).await?;
            listed_pictures::find(sql, Uuid::nil()).await?;
            listed_pictures::list_between(sql, 1, 2, 100).await?;
            listed_pictures::list_newest(sql, 2, 50).await?;
            pictures::list(sql, &contract::MediaId::random()).await?;
            pictures::list_behind(sql, "x", 500).await?;
            withheld::list_by_verdict(sql, Uuid::nil(), 100).await?;
            withheld::list_unlisted(sql, 100).await?;
            usage::find(sql, OWNER).await?;
            let (album, id) = (AlbumId(contract::MediaId::random()), contract::MediaId::random());
            albums::find(sql, &album).await?;
            albums::count(sql, OWNER).await?;
            albums::list(sql, OWNER, Some(&Cursor { order: Order::Added, at: now, id: "x".into() }), 50).await?;
            album_items::list(sql, &album, Shown::Public, Some(1), 50).await?;
            album_items::count_shared(sql, &album, Visibility::Public).await?;
            album_items::list_present(sql, &album, std::slice::from_ref(&id)).await?;
            album_items::find_first_rank(sql, &album).await?;
            album_items::find_last_rank(sql, &album).await?;
            for upward in [true, false] {
                album_items::find_rank_inside(sql, &album, Renumbering { upward, edge: 1 }, 1).await?;
            }
            album_items::find_next_rank(sql, &album, 1).await?;
            let open = uploads::sum_open(sql, OWNER, None).await?;
            assert_eq!(open.uploads, 0);
            Ok(())
        })
    })
    .await;
    world.end().await;
}

const INSERT_ITEMS: &str = "
    insert into item (
        id, owner, name, kind, format, content_type, state, visibility, bytes, sha256, object, orientation, tags, words,
        assets, claimed, version, indexed_version, created_at, updated_at, taken_at
    )
    with recursive n(i) as (
        select $2 + 1
        union all
        select i + 1 from n where i < $2 + 10000
    )
    select substr('0000000000000000000000' || i, -22),
           $1,
           case when i % 1000 = 0 then 'rare and common' else 'common' end,
           case when i > 99000 then 'video' else 'photo' end,
           'jpg',
           'image/jpeg',
           case when i = 50000 then 'failed' else 'ready' end,
           'private',
           1,
           cast(i as text),
           '00/' || substr('00000000000000000000' || i, -20),
           1,
           '',
           'common',
           '',
           true,
           1,
           1,
           strftime('%Y-%m-%dT%H:%M:%S+00:00', 1700000000 - i, 'unixepoch'),
           '2023-11-14T22:13:20+00:00',
           strftime('%Y-%m-%dT%H:%M:%S+00:00', 1600000000 + i, 'unixepoch')
      from n";

const INSERT_TERMS: &str = "
    insert into item_term (term, created_us, item)
    select $1, (1700000000 - cast(id as integer)) * 1000000, id
      from item
     where id > substr('0000000000000000000000' || $3, -22)
       and cast(id as integer) % $2 = 0";

/// Inserts a library of a hundred thousand items by SQL. Item n has the id n, and each was added a second before the
/// one before it, and taken a second after it.
async fn large_library(db: &Db) {
    for first in (0..100_000_i64).step_by(10_000) {
        let written: Result<(), Error> = db
            .write(Lane::ALL, async move |tx| {
                tx.execute(INSERT_ITEMS, vec![OWNER.to_string().into(), first.into()]).await?;
                for (word, every) in [("common", 1_i64), ("comm", 1), ("rare", 1000)] {
                    for term in SearchQuery::new(None, None, Some(word)).terms(OWNER) {
                        tx.execute(INSERT_TERMS, vec![term.into(), every.into(), first.into()]).await?;
                    }
                }
                Ok(())
            })
            .await;
        written.expect("the database responds");
    }
}

#[tokio::test]
async fn a_hundred_thousand_items_are_filtered_in_a_moment() {
    let world = World::of(&[crate::service()]).await;
    let db = world.context("media").db.clone();
    if db.read().backend() == sea_orm::DbBackend::Postgres {
        return world.end().await;
    }
    large_library(&db).await;
    let page = async |filter: &Filter, after: Option<&Cursor>| -> Page {
        let began = std::time::Instant::now();
        let page = list(db.read(), OWNER, filter, after, 50).await.expect("the database responds");
        println!("{:>8.1} ms, {:>2} items: {filter:?}", began.elapsed().as_secs_f64() * 1000.0, page.items.len());
        page
    };
    let number =
        |page: &Page, place: usize| page.items.get(place).and_then(|item| item.id.as_str().parse::<u32>().ok());
    let all = page(&Filter::default(), None).await;
    assert_eq!((all.items.len(), number(&all, 0), all.next.is_some()), (50, Some(1), true));
    let common = page(&search(None, Some("comm")), None).await;
    assert_eq!((common.items.len(), number(&common, 0), number(&common, 49)), (50, Some(1), Some(50)));
    let more = page(&search(None, Some("comm")), common.next.as_ref()).await;
    assert_eq!((number(&more, 0), number(&more, 49)), (Some(51), Some(100)));
    let rare = page(&search(None, Some("common rare")), None).await;
    assert_eq!((rare.items.len(), number(&rare, 0), number(&rare, 1)), (50, Some(1000), Some(2000)));
    let rest = page(&search(None, Some("common rare")), rare.next.as_ref()).await;
    assert_eq!((rest.items.len(), number(&rest, 49), rest.next.is_none()), (50, Some(100_000), true));
    assert_eq!(page(&search(None, Some("absent")), None).await.items.len(), 0);
    let failed = page(&Filter { state: Some(State::Failed), ..Filter::default() }, None).await;
    assert_eq!((failed.items.len(), number(&failed, 0)), (1, Some(50_000)));
    let by_taken = |words| Filter { order: Order::Taken, ..search(None, words) };
    let last = page(&by_taken(None), None).await;
    assert_eq!((number(&last, 0), number(&last, 49)), (Some(100_000), Some(99_951)));
    // Few hits are sorted; for many, the library is read in the order.
    let rare = page(&by_taken(Some("rare common")), None).await;
    let rest = page(&by_taken(Some("rare common")), rare.next.as_ref()).await;
    assert_eq!((number(&rare, 0), number(&rest, 49), rest.next), (Some(100_000), Some(1000), None));
    let common = page(&by_taken(Some("comm")), last.next.as_ref()).await;
    assert_eq!((number(&common, 0), number(&common, 49)), (Some(99_950), Some(99_901)));
    let videos = page(&Filter { kind: Some(Kind::Video), ..Filter::default() }, None).await;
    assert_eq!((videos.items.len(), number(&videos, 0)), (50, Some(99_001)));

    // A search with many hits of which none matches is read a part at a time, and the page returns where it continues.
    let both = Filter { state: Some(State::Failed), ..search(None, Some("common")) };
    let (mut after, mut found, mut pages) = (None, Vec::new(), 0);
    loop {
        let page = page(&both, after.as_ref()).await;
        pages += 1;
        found.extend(page.items.iter().map(|item| item.id.to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((found.len(), pages <= 6), (1, true), "{pages} pages");
    world.end().await;
}
