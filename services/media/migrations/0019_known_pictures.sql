alter table item add column withheld_by uuid;

alter table item add column withheld_entry uuid;

alter table item add column withheld_at timestamptz;

alter table item add column withheld_visibility text;

alter table item add column is_exempt boolean not null default false;

create index item_withheld_by on item (withheld_by)
 where withheld_by is not null;

create index item_withheld_entry on item (withheld_entry, id)
 where withheld_entry is not null;

create table item_picture (
    item text not null,
    number bigint not null,
    quality bigint not null,
    hashes text not null,
    primary key (item, number)
);

create table listed_picture (
    id uuid primary key,
    hash text not null,
    origin text not null,
    note text not null,
    change bigint not null,
    added_at timestamptz not null
);

create unique index listed_picture_hash on listed_picture (hash, origin);

create unique index listed_picture_change on listed_picture (change);

create index listed_picture_origin on listed_picture (origin);

create table picture_list (
    id bigint primary key,
    changes bigint not null,
    removals bigint not null,
    checked bigint not null,
    checking bigint not null,
    walked text not null,
    released bigint not null
);
