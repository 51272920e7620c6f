create table removal (
    author bigint not null,
    object uuid not null,
    kind text not null,
    position bigint not null,
    reason text not null,
    message text not null,
    excerpt text not null,
    primary key (author, object)
);
create index removal_author on removal (author, position);
create index removal_position on removal (position);
