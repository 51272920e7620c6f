create table announcement (
    id uuid primary key,
    category text not null,
    role text,
    language text,
    texts text not null,
    url text,
    starts_us bigint not null,
    ends_us bigint not null,
    cancelled_us bigint,
    seen_count bigint not null
);
create index announcement_end on announcement (ends_us);
create index announcement_start on announcement (starts_us);
create table announcement_reader (
    member uuid primary key,
    seen_until uuid not null,
    read_until uuid not null,
    roles text not null,
    language text,
    promotions_us bigint
);
create table announcement_mark (
    member uuid not null,
    announcement uuid not null,
    is_seen boolean not null,
    is_read boolean not null,
    is_removed boolean not null,
    primary key (member, announcement)
);
create index announcement_mark_announcement on announcement_mark (announcement, member);
