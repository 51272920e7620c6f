//! The schema of media. Steps are only added, never changed.
//!
//! Invariant: every object that exists is named by an item or an unfinished upload, or its key is in kit's table
//! `orphan_object`. So a crash leaks no object.

use kit::db::Migration;

/// All steps, in order.
pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    min_compatible: 1,
    sql: "
create table item (id text primary key, owner text not null, name text not null, kind text not null, format text not null, content_type text not null, state text not null, visibility text not null, bytes bigint not null, sha256 text not null, object text not null, scrub text, width bigint, height bigint, duration_ms bigint, orientation bigint not null, tags text not null, words text not null, taken_at timestamptz, camera text, thumbhash text, assets text not null, percent bigint, remaining_ms bigint, failure_code text, failure_detail text, claimed boolean not null, claim_by timestamptz, subject text, version bigint not null, created_at timestamptz not null, updated_at timestamptz not null);
create index item_library on item (owner, claimed, created_at, id);
create index item_same_bytes on item (owner, sha256);
create index item_object on item (object);
create index item_claim_by on item (claim_by) where claim_by is not null;
create table upload (id text primary key, owner text not null, length bigint not null, name text not null, tags text not null, visibility text not null, claim_later boolean not null, received bigint not null, object text, engine_state text not null, hash_state bytea, format text, epoch bigint not null, item text, created_at timestamptz not null, expires_at timestamptz not null);
create index upload_open on upload (owner) where item is null;
create index upload_expires on upload (expires_at);
create index upload_object on upload (object) where object is not null;
create table usage (owner text primary key, bytes bigint not null, items bigint not null, hour_began_at timestamptz not null, hour_uploads bigint not null);
create table pending_object (object text primary key, instance text not null, boot text not null, registered_at timestamptz not null);
create index pending_registered on pending_object (registered_at);
create table loose_object (object text primary key, since timestamptz not null)
",
}, Migration {
    version: 2,
    min_compatible: 1,
    sql: "alter table usage add column closed boolean not null default false",
}, Migration {
    // The bytes that open uploads have reserved are summed for every item that a member sends. The index serves that
    // sum without reading the table.
    version: 3,
    min_compatible: 1,
    sql: "
create index upload_room on upload (owner, item, id, length);
drop index upload_open
",
}, Migration {
    // `item_facets` serves each combination of kind, state and visibility in its order. `item_term` holds the items of
    // each search term. A job fills it; `indexed_version` tells which items the job has yet to index.
    version: 4,
    min_compatible: 1,
    sql: "
create index item_facets on item (owner, claimed, kind, state, visibility, created_at, id);
create table item_term (
    term bigint not null,
    created bigint not null,
    item text not null,
    primary key (term, created, item)
);
alter table item add column indexed_version bigint not null default 0;
create index item_unindexed on item (owner) where indexed_version <> version
",
}, Migration {
    // A release that records keys in the old tables must not run beside one that does not read those tables.
    version: 5,
    min_compatible: 5,
    sql: "
insert into orphan_object (object, instance, boot, since)
    select object, instance, boot, registered_at from pending_object
    where not exists (select 1 from item where item.object = pending_object.object)
    and not exists (select 1 from upload where upload.object = pending_object.object)
    on conflict do nothing;
insert into orphan_object (object, instance, boot, since, due_at) select object, '', '', since, since from loose_object where true on conflict do nothing;
drop table pending_object;
drop table loose_object
",
}, Migration {
    // The name of the column now has its unit. A release that uses the old name must not run beside this one.
    version: 6,
    min_compatible: 6,
    sql: "alter table item_term rename column created to created_us",
}];
