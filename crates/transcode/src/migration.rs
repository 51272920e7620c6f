//! The schema of the transcode database.
//!
//! Invariant: steps only ever add. Times are bound, never made by the database.

use kit::db::Migration;

pub(crate) const MIGRATIONS: &[Migration] = &[FIRST, FAILURES, TURNS, ORPHANS, TASKS];

/// How often a piece has failed by its own doing.
const FAILURES: Migration = Migration { version: 2, min_compatible: 1, sql: "alter table task add column failures bigint not null default 0" };

/// Whose turn it is: tasks that are `ready` wait in their member's line of their queue, and members take turns.
///
/// A task's `ticket` is the delivery that it is worked on under. Rows of the release before have no `queue`; they are worked on under the
/// ticket that names them.
const TURNS: Migration = Migration {
    version: 3,
    min_compatible: 1,
    sql: "
alter table task add column owner text not null default '';
alter table task add column queue text not null default '';
alter table task add column cost bigint not null default 0;
alter table task add column due bigint not null default 0;
alter table task add column ticket text;
create index piece_ready on task (queue, owner, due, place) where stand = 'ready';
create index piece_ready_since on task (queue, touched_at) where stand = 'ready';
create index piece_ticket on task (ticket) where stand = 'queued';
create table member_turn (
    queue text not null,
    owner text not null,
    turn bigint not null,
    since bigint not null,
    waits bigint not null,
    primary key (queue, owner)
);
create index member_turn_next on member_turn (queue, waits, turn, since);
create table queue_turn (
    queue text primary key,
    turn bigint not null
)
",
};

/// A release that writes keys down in the old table must not run beside one that doesn't look there.
const ORPHANS: Migration = Migration {
    version: 4,
    min_compatible: 4,
    sql: "
insert into orphan_object (object, instance, boot, since) select object, '', '', since from loose where true on conflict do nothing;
drop table loose
",
};

const FIRST: Migration = Migration {
    version: 1,
    min_compatible: 1,
    sql: "
create table job (media text primary key, state text not null, received text not null, plan text, percent bigint not null, code text, detail text, width bigint, height bigint, duration_ms bigint, started_at timestamptz, created_at timestamptz not null, updated_at timestamptz not null);
create index job_open on job (updated_at) where state in ('processing', 'playable');
create index job_deleted on job (updated_at) where state = 'deleted';
create table task (media text not null, name text not null, stand text not null, place bigint not null, weight bigint not null, permille bigint not null, sent bigint not null, touched_at timestamptz not null, primary key (media, name));
create index piece_queued on task (touched_at) where stand = 'queued';
create table rendition (media text not null, name text not null, track text not null, body text not null, header text not null, primary key (media, name));
create table segment (media text not null, rendition text not null, number bigint not null, duration_us bigint not null, object text not null, bytes bigint not null, primary key (media, rendition, number));
create table asset (media text not null, name text not null, content_type text not null, object text not null, bytes bigint not null, primary key (media, name));
create table tiles (media text not null, part bigint not null, object text not null, count bigint not null, primary key (media, part));
create table loose (object text primary key, since timestamptz not null);
create index loose_since on loose (since)
",
};

/// The tables and values under the terms of the field: `task` for `piece`, `state` for `stand`, `chunk` for `part`, `audio` for `sound`.
///
/// New tables instead of renamed ones, so that their indexes have the new names too. A release that reads the old tables must not run
/// beside this one.
const TASKS: Migration = Migration {
    version: 5,
    min_compatible: 5,
    sql: "
create table task (
    media text not null,
    name text not null,
    state text not null,
    ordinal bigint not null,
    weight bigint not null,
    permille bigint not null,
    sent bigint not null,
    touched_at timestamptz not null,
    failures bigint not null default 0,
    owner text not null default '',
    queue text not null default '',
    cost bigint not null default 0,
    due bigint not null default 0,
    ticket text,
    primary key (media, name)
);
insert into task (media, name, state, ordinal, weight, permille, sent, touched_at, failures, owner, queue, cost, due, ticket)
select media,
       case when name = 'start' then 'probe' when name = 'sound' then 'audio' when name like 'part-%' then 'chunk-' || substr(name, 6) else name end,
       case stand when 'queued' then 'claimed' else stand end,
       place, weight, permille, sent, touched_at, failures, owner,
       case queue when 'sound' then 'audio' when 'work' then 'background' else queue end,
       cost, due, ticket
  from piece;
drop table piece;
create index task_claimed on task (touched_at) where state = 'claimed';
create index task_ready on task (queue, owner, due, ordinal) where state = 'ready';
create index task_ready_since on task (queue, touched_at) where state = 'ready';
create index task_ticket on task (ticket) where state = 'claimed';
create table member_queue (
    queue text not null,
    owner text not null,
    virtual_time bigint not null,
    since bigint not null,
    has_ready bigint not null,
    primary key (queue, owner)
);
insert into member_queue (queue, owner, virtual_time, since, has_ready)
select case queue when 'sound' then 'audio' when 'work' then 'background' else queue end, owner, turn, since, waits from member_turn;
drop table member_turn;
create index member_queue_next on member_queue (queue, has_ready, virtual_time, since);
create table queue_clock (
    queue text primary key,
    virtual_time bigint not null
);
insert into queue_clock (queue, virtual_time)
select case queue when 'sound' then 'audio' when 'work' then 'background' else queue end, turn from queue_turn;
drop table queue_turn;
alter table tiles rename column part to chunk
",
};

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use kit::db::{Db, FromQueryResult, PostgresOptions, Sql as _};
    use testkit::engines::shared_postgres;

    use super::MIGRATIONS;

    #[derive(Debug, PartialEq, FromQueryResult)]
    struct Row {
        line: String,
    }

    async fn lines(db: &Db, sql: &str) -> Vec<String> {
        let rows: Vec<Row> = db.read().rows(sql, vec![]).await.unwrap();
        rows.into_iter().map(|row| row.line).collect()
    }

    #[tokio::test]
    async fn rows_of_the_release_before_keep_their_meaning_under_the_new_names() {
        let folder = tempfile::tempdir().unwrap();
        let server = std::env::var("TUTTI_TEST_DB").is_ok_and(|engine| engine == "postgres").then(shared_postgres);
        let db = match &server {
            Some(server) => {
                let schema = format!("migration_{}", uuid::Uuid::new_v4().simple());
                let options = PostgresOptions { url: server.url.clone(), schema, readers: 2, statement_timeout: Duration::from_secs(10) };
                Db::postgres(&options).await.unwrap()
            }
            None => Db::sqlite(&folder.path().join("transcode.db")).await.unwrap(),
        };
        db.migrate("transcode", MIGRATIONS.split_at(4).0).await.unwrap();
        let filled: Result<(), kit::db::Error> = db
            .write(|tx| {
                Box::pin(async move {
                    let now = chrono::DateTime::UNIX_EPOCH;
                    for (name, stand, queue) in [("start", "done", "probe"), ("sound", "queued", "sound"), ("part-12", "ready", "work"), ("poster", "waiting", "")] {
                        let sql = "insert into piece (media, name, stand, place, weight, permille, sent, touched_at, owner, queue, cost, due, ticket) \
                                   values ('m', $1, $2, 3, 4, 5, 6, $3, 'o', $4, 7, 8, null)";
                        tx.execute(sql, vec![name.into(), stand.into(), now.into(), queue.into()]).await?;
                    }
                    tx.execute("insert into member_turn (queue, owner, turn, since, waits) values ('work', 'o', 11, 12, 1)", vec![]).await?;
                    tx.execute("insert into queue_turn (queue, turn) values ('sound', 13)", vec![]).await?;
                    tx.execute("insert into tiles (media, part, object, count) values ('m', 2, 'x', 9)", vec![]).await?;
                    Ok(())
                })
            })
            .await;
        filled.unwrap();
        db.migrate("transcode", MIGRATIONS).await.unwrap();
        let tasks = "select name || ' ' || state || ' ' || queue || ' ' || ordinal || ' ' || weight || ' ' || permille || ' ' || sent || ' ' || cost || ' ' || due as line \
                     from task order by name";
        assert_eq!(
            lines(&db, tasks).await,
            ["audio claimed audio 3 4 5 6 7 8", "chunk-12 ready background 3 4 5 6 7 8", "poster waiting  3 4 5 6 7 8", "probe done probe 3 4 5 6 7 8"]
        );
        assert_eq!(lines(&db, "select queue || ' ' || virtual_time || ' ' || since || ' ' || has_ready as line from member_queue").await, ["background 11 12 1"]);
        assert_eq!(lines(&db, "select queue || ' ' || virtual_time as line from queue_clock").await, ["audio 13"]);
        assert_eq!(lines(&db, "select chunk || ' ' || count as line from tiles").await, ["2 9"]);
    }
}
