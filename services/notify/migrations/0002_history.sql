create table recipient (
    member uuid primary key,
    last_id uuid not null,
    seen_until uuid not null,
    read_until uuid not null,
    unseen bigint not null,
    unread bigint not null
);
create table notice (
    member uuid not null,
    is_filtered boolean not null,
    id uuid not null,
    group_id uuid not null,
    kind text not null,
    open_key text,
    subject text,
    actor uuid,
    actors text not null,
    actor_count bigint not null,
    is_seen boolean not null,
    is_read boolean not null,
    primary key (member, is_filtered, id)
);
create unique index notice_open on notice (member, open_key);
create index notice_kind on notice (member, is_filtered, kind, id);
create index notice_group on notice (group_id) where actor is null;
create index notice_actor on notice (actor, member) where actor is not null;
create index notice_subject on notice (subject) where subject is not null;
create index notice_id on notice (id);
create table notice_entry (
    member uuid not null,
    group_key text not null,
    entry text not null,
    group_id uuid not null,
    actor uuid,
    at_us bigint not null,
    primary key (member, group_key, entry)
);
create index notice_entry_group on notice_entry (group_id, actor);
create index notice_entry_actor on notice_entry (actor, member) where actor is not null;
create index notice_entry_entry on notice_entry (entry);
create index notice_entry_time on notice_entry (at_us);
