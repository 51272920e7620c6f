create table song (
    media text primary key,
    owner bigint not null,
    title text not null,
    duration_ms bigint,
    is_hidden boolean not null,
    may_be_unused boolean not null,
    version bigint not null
);
create index song_owner on song (owner, media);
create index song_unused on song (media) where may_be_unused;
create table post_song (
    post uuid primary key,
    media text not null,
    position bigint not null
);
create index post_song_media on post_song (media, position);
