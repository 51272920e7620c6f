//! The schema of delivery. Steps are only added, never changed.
//!
//! Invariant: no foreign keys exist between facts of different publishers, because their events arrive in any order.

use kit::db::Migration;

/// All steps, in order.
pub(crate) const MIGRATIONS: &[Migration] = &[Migration {
    version: 1,
    min_compatible: 1,
    sql: "
create table item (id text primary key, owner text not null, kind text not null, format text not null, content_type text not null, name text not null, bytes bigint not null, sha256 text not null, object text not null, scrub text, visibility text not null, width bigint, height bigint, orientation bigint not null, version bigint not null, created_at timestamptz not null);
create table gone (item text primary key, since timestamptz not null);
create index gone_since on gone (since);
create table rendition (item text not null, name text not null, track text not null, bandwidth bigint not null, codecs text not null, width bigint not null, height bigint not null, millifps bigint not null, init text not null, total_segments bigint, primary key (item, name));
create table segment (item text not null, rendition text not null, number bigint not null, duration_us bigint not null, object text not null, bytes bigint not null, primary key (item, rendition, number));
create table asset (item text not null, name text not null, content_type text not null, object text not null, bytes bigint not null, primary key (item, name));
create table image (item text not null, variant text not null, object text not null, bytes bigint not null, read_at timestamptz not null, primary key (item, variant));
create index image_read on image (read_at);
create table loose (object text primary key, since timestamptz not null);
create index loose_since on loose (since)
",
}, Migration {
    // A release that records keys in the old table must not run beside one that does not read that table.
    version: 2,
    min_compatible: 2,
    sql: "
insert into orphan_object (object, instance, boot, since) select object, '', '', since from loose where true on conflict do nothing;
drop table loose
",
}, Migration {
    // A release that writes to `gone` must not run beside one that reads `tombstone`.
    version: 3,
    min_compatible: 3,
    sql: "
alter table gone rename to tombstone;
drop index gone_since;
create index tombstone_since on tombstone (since)
",
}];
