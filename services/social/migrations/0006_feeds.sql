create index post_public on post (position) where audience = 'public' and state = 'published';
create table feed_entry (
    owner bigint not null,
    position bigint not null,
    primary key (owner, position)
);
create index feed_entry_position on feed_entry (position);
create table feed_owner (
    owner bigint primary key,
    floor_position bigint not null,
    complete_s bigint not null,
    wanted_us bigint not null,
    seen_s bigint not null
);
create index feed_owner_seen on feed_owner (seen_s);
create table merged_post (
    post uuid primary key,
    author bigint not null,
    position bigint not null,
    after_s bigint not null,
    after_follower bigint not null
);
create index merged_post_author on merged_post (author, position);
create table post_place (
    post uuid primary key,
    place text not null,
    position bigint not null
);
create index post_place_place on post_place (place, position);
create table rising_post (
    edition bigint not null,
    ordinal bigint not null,
    post uuid not null,
    score bigint not null,
    primary key (edition, ordinal)
);
create index rising_post_post on rising_post (post);
