create table item (
    id text primary key,
    owner text not null,
    kind text not null,
    format text not null,
    content_type text not null,
    name text not null,
    bytes bigint not null,
    sha256 text not null,
    object text not null,
    scrub text,
    visibility text not null,
    width bigint,
    height bigint,
    orientation bigint not null,
    version bigint not null,
    created_at timestamptz not null
);

create table gone (
    item text primary key,
    since timestamptz not null
);
create index gone_since on gone (since);

create table rendition (
    item text not null,
    name text not null,
    track text not null,
    bandwidth bigint not null,
    codecs text not null,
    width bigint not null,
    height bigint not null,
    millifps bigint not null,
    init text not null,
    total_segments bigint,
    primary key (item, name)
);

create table segment (
    item text not null,
    rendition text not null,
    number bigint not null,
    duration_us bigint not null,
    object text not null,
    bytes bigint not null,
    primary key (item, rendition, number)
);

create table asset (
    item text not null,
    name text not null,
    content_type text not null,
    object text not null,
    bytes bigint not null,
    primary key (item, name)
);

create table image (
    item text not null,
    variant text not null,
    object text not null,
    bytes bigint not null,
    read_at timestamptz not null,
    primary key (item, variant)
);
create index image_read on image (read_at);

create table loose (
    object text primary key,
    since timestamptz not null
);
create index loose_since on loose (since);
