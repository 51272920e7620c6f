//! Comparing the store and the rows: on every engine, in both directions.
//!
//! Invariant: nothing that a row names or tracks is ever reported or removed, however old it is.

use std::collections::BTreeSet;

use base::ObjectKey;
use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use db::{Db, Error, Lane, Migration, Sql};
use objects::reconcile::{RoleDatabase, check, remove_untracked};
use objects::{ObjectColumn, Objects, orphans};

use super::{Store, listed};

const COLUMNS: &[ObjectColumn] = &[ObjectColumn::whole("thing", "object"), ObjectColumn::within("thing", "about")];
const TABLES: &[Migration] =
    &[Migration { version: 1, min_compatible: 1, sql: "create table thing (object text, about text)" }];

async fn put(objects: &Objects) -> ObjectKey {
    objects.put(Bytes::from_static(b"some bytes")).await.unwrap().key
}

async fn name(db: &Db, column: &str, value: String) {
    let text = format!("insert into thing ({column}) values ($1)");
    let done: Result<u64, Error> =
        db.write(Lane::ALL, async move |tx| tx.execute(&text, vec![value.into()]).await).await;
    done.unwrap();
}

pub(super) async fn both_directions(store: Store) {
    let (folder, objects) = (tempfile::tempdir().unwrap(), store.open().await);
    let mut books = Vec::new();
    for service in ["one", "two"] {
        let db = Db::sqlite(&folder.path().join(service)).await.unwrap();
        db.migrate(service, TABLES).await.unwrap();
        books.push(RoleDatabase { service, db, columns: COLUMNS });
    }
    let (whole, within, held, removed) =
        (put(&objects).await, put(&objects).await, put(&objects).await, put(&objects).await);
    name(&books[0].db, "object", whole.to_string()).await;
    name(&books[1].db, "about", format!("{{\"init\":\"{within}\"}}")).await;
    let (keys, now) = ([held.clone()], Utc::now());
    let done: Result<(), Error> =
        books[1].db.write(Lane::ALL, async move |tx| orphans::insert_held(tx, &keys, "i", "b", now).await).await;
    done.unwrap();
    let keys = [removed.clone()];
    let done: Result<(), Error> =
        books[0].db.write(Lane::ALL, async move |tx| orphans::mark_orphaned(tx, &keys, now).await).await;
    done.unwrap();
    // An unfinished upload: a row names what is not an object yet.
    let mut writer = objects.create().await.unwrap();
    writer.write(Bytes::from_static(b"half")).await.unwrap();
    let unfinished = writer.save().await.unwrap().key;
    name(&books[0].db, "object", unfinished.to_string()).await;
    let report = check(&objects, &books).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    assert_eq!((report.named, report.tracked), (3, 2));

    let (stray, lost) = (put(&objects).await, ObjectKey::random());
    name(&books[1].db, "object", lost.to_string()).await;
    // Also of an unfinished one that no row knows.
    let mut unnamed = objects.create().await.unwrap();
    unnamed.write(Bytes::from_static(b"half")).await.unwrap();
    let begun = unnamed.save().await.unwrap().key;
    let report = check(&objects, &books).await.unwrap();
    assert_eq!(
        report.untracked.iter().map(|object| object.key.clone()).collect::<BTreeSet<_>>(),
        BTreeSet::from([stray.clone(), begun.clone()])
    );
    assert_eq!(
        report.missing.iter().map(|missing| (&missing.key, missing.named_in.as_str())).collect::<Vec<_>>(),
        [(&lost, "two.thing.object")]
    );
    assert_eq!(
        remove_untracked(&objects, &report, Utc::now(), TimeDelta::hours(1)).await.unwrap(),
        0,
        "a process may be writing it"
    );
    assert_eq!(
        remove_untracked(&objects, &report, Utc::now() + TimeDelta::hours(2), TimeDelta::hours(1)).await.unwrap(),
        2
    );
    for (key, stays) in [
        (&whole, true),
        (&within, true),
        (&held, true),
        (&removed, true),
        (&unfinished, true),
        (&stray, false),
        (&begun, false),
    ] {
        assert_eq!(listed(&objects, key).await.is_some(), stays, "{key}");
    }
    drop((writer, unnamed));
}
