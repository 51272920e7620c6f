create table post_comment (
    id uuid primary key,
    post uuid not null,
    post_author bigint not null,
    author bigint not null,
    parent uuid not null,
    position bigint not null unique,
    is_pending boolean not null,
    text text not null,
    answer_count bigint not null,
    created_us bigint not null
);
create index post_comment_parent on post_comment (parent, position);
create index post_comment_post on post_comment (post);
create index post_comment_author on post_comment (author, id);
create index post_comment_pending on post_comment (post_author, position) where is_pending;
create table talk_settings (
    person bigint primary key,
    approval boolean not null,
    watched_words text not null
);
create table post_remains (
    post uuid primary key
);
