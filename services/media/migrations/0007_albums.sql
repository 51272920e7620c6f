create table album (
    id text primary key,
    owner text not null,
    title text not null,
    description text not null,
    visibility text not null,
    cover text,
    items bigint not null,
    numbering bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index album_list on album (owner, created_at, id);

create table album_item (
    album text not null,
    media text not null,
    rank bigint not null,
    added_at timestamptz not null,
    primary key (album, media)
);

create index album_item_order on album_item (album, rank);

create index album_item_media on album_item (media, album);
