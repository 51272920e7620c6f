create table reaction (
    post uuid not null,
    person bigint not null,
    kind text not null,
    since_s bigint not null,
    primary key (post, person)
);
create index reaction_person on reaction (person, post);
create table saved_post (
    person bigint not null,
    post uuid not null,
    position bigint not null,
    primary key (person, post)
);
create index saved_post_position on saved_post (person, position);
create index saved_post_post on saved_post (post);
create table repost (
    post uuid not null,
    person bigint not null,
    position bigint not null,
    is_pending boolean not null,
    primary key (post, person)
);
create index repost_person on repost (person, position);
