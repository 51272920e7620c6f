create table item (
    id text primary key,
    owner text not null,
    name text not null,
    kind text not null,
    format text not null,
    content_type text not null,
    state text not null,
    visibility text not null,
    bytes bigint not null,
    sha256 text not null,
    object text not null,
    scrub text,
    width bigint,
    height bigint,
    duration_ms bigint,
    orientation bigint not null,
    tags text not null,
    words text not null,
    taken_at timestamptz,
    camera text,
    thumbhash text,
    assets text not null,
    percent bigint,
    remaining_ms bigint,
    failure_code text,
    failure_detail text,
    claimed boolean not null,
    claim_by timestamptz,
    subject text,
    version bigint not null,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create index item_library on item (owner, claimed, created_at, id);

create index item_same_bytes on item (owner, sha256);

create index item_object on item (object);

create index item_claim_by on item (claim_by) where claim_by is not null;

create table upload (
    id text primary key,
    owner text not null,
    length bigint not null,
    name text not null,
    tags text not null,
    visibility text not null,
    claim_later boolean not null,
    received bigint not null,
    object text,
    engine_state text not null,
    hash_state bytea,
    format text,
    epoch bigint not null,
    item text,
    created_at timestamptz not null,
    expires_at timestamptz not null
);

create index upload_open on upload (owner) where item is null;

create index upload_expires on upload (expires_at);

create index upload_object on upload (object) where object is not null;

create table usage (
    owner text primary key,
    bytes bigint not null,
    items bigint not null,
    hour_began_at timestamptz not null,
    hour_uploads bigint not null
);

create table pending_object (
    object text primary key,
    instance text not null,
    boot text not null,
    registered_at timestamptz not null
);

create index pending_registered on pending_object (registered_at);

create table loose_object (
    object text primary key,
    since timestamptz not null
);
