create table post (
    id uuid primary key,
    author bigint not null,
    position bigint not null unique,
    state text not null,
    audience text not null,
    text text not null,
    place text,
    comment_policy text not null,
    repost_policy text not null,
    join_policy text not null,
    link_token text,
    is_story boolean not null,
    version bigint not null,
    created_us bigint not null,
    published_us bigint,
    edited_us bigint,
    expires_us bigint
);
create index post_author on post (author, position);
create index post_expiry on post (expires_us) where expires_us is not null;
create index post_waiting on post (created_us) where state = 'waiting';
create table post_counts (
    post uuid primary key,
    comment_count bigint not null,
    reaction_count bigint not null,
    repost_count bigint not null
);
create table post_media (
    post uuid not null,
    ordinal bigint not null,
    media text not null,
    kind text not null,
    state text not null,
    alt text not null,
    width bigint,
    height bigint,
    duration_ms bigint,
    thumbhash text,
    assets text not null,
    is_hidden boolean not null,
    version bigint not null,
    primary key (post, ordinal)
);
create index post_media_media on post_media (media, post);
create table post_tag (
    post uuid not null,
    tag text not null,
    position bigint not null,
    primary key (post, tag)
);
create index post_tag_tag on post_tag (tag, position);
create table post_mention (
    post uuid not null,
    ordinal bigint not null,
    person bigint not null,
    primary key (post, ordinal)
);
create index post_mention_person on post_mention (person, post);
