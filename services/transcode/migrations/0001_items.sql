create table job (
    media text primary key,
    state text not null,
    received text not null,
    plan text,
    percent bigint not null,
    code text,
    detail text,
    width bigint,
    height bigint,
    duration_ms bigint,
    started_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index job_open on job (updated_at) where state in ('processing', 'playable');
create index job_deleted on job (updated_at) where state = 'deleted';
create table piece (
    media text not null,
    name text not null,
    stand text not null,
    place bigint not null,
    weight bigint not null,
    permille bigint not null,
    sent bigint not null,
    touched_at timestamptz not null,
    primary key (media, name)
);
create index piece_queued on piece (touched_at) where stand = 'queued';
create table rendition (
    media text not null,
    name text not null,
    track text not null,
    body text not null,
    header text not null,
    primary key (media, name)
);
create table segment (
    media text not null,
    rendition text not null,
    number bigint not null,
    duration_us bigint not null,
    object text not null,
    bytes bigint not null,
    primary key (media, rendition, number)
);
create table asset (
    media text not null,
    name text not null,
    content_type text not null,
    object text not null,
    bytes bigint not null,
    primary key (media, name)
);
create table tiles (
    media text not null,
    part bigint not null,
    object text not null,
    count bigint not null,
    primary key (media, part)
);
create table loose (
    object text primary key,
    since timestamptz not null
);
create index loose_since on loose (since);
