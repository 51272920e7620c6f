//! The schema of the transcode database.
//!
//! Invariant: steps only ever add. Times are bound, never made by the database.

use kit::db::Migration;

pub(crate) const MIGRATIONS: &[Migration] = &[FIRST, FAILURES, TURNS, ORPHANS];

/// How often a piece has failed by its own doing.
const FAILURES: Migration = Migration { version: 2, min_compatible: 1, sql: "alter table piece add column failures bigint not null default 0" };

/// Whose turn it is: tasks that are `ready` wait in their member's line of their queue, and members take turns.
///
/// A task's `ticket` is the delivery that it is worked on under. Rows of the release before have no `queue`; they are worked on under the
/// ticket that names them.
const TURNS: Migration = Migration {
    version: 3,
    min_compatible: 1,
    sql: "
alter table piece add column owner text not null default '';
alter table piece add column queue text not null default '';
alter table piece add column cost bigint not null default 0;
alter table piece add column due bigint not null default 0;
alter table piece add column ticket text;
create index piece_ready on piece (queue, owner, due, place) where stand = 'ready';
create index piece_ready_since on piece (queue, touched_at) where stand = 'ready';
create index piece_ticket on piece (ticket) where stand = 'queued';
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
create table piece (media text not null, name text not null, stand text not null, place bigint not null, weight bigint not null, permille bigint not null, sent bigint not null, touched_at timestamptz not null, primary key (media, name));
create index piece_queued on piece (touched_at) where stand = 'queued';
create table rendition (media text not null, name text not null, track text not null, body text not null, header text not null, primary key (media, name));
create table segment (media text not null, rendition text not null, number bigint not null, duration_us bigint not null, object text not null, bytes bigint not null, primary key (media, rendition, number));
create table asset (media text not null, name text not null, content_type text not null, object text not null, bytes bigint not null, primary key (media, name));
create table tiles (media text not null, part bigint not null, object text not null, count bigint not null, primary key (media, part));
create table loose (object text primary key, since timestamptz not null);
create index loose_since on loose (since)
",
};
