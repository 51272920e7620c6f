create table account (
    id uuid primary key,
    handle text not null unique,
    email text not null unique,
    password text not null,
    display_name text not null,
    bio text not null,
    avatar text,
    roles text not null,
    request_key bytea,
    created_at timestamptz not null
);
create index account_avatar on account (avatar) where avatar is not null;
create table session (
    id uuid primary key,
    account_id uuid not null references account (id) on delete cascade,
    device text not null,
    request_key bytea,
    family bytea not null unique,
    chain_key bytea not null,
    current_token bytea not null,
    previous_token bytea,
    rotated_at timestamptz,
    created_at timestamptz not null,
    last_seen_at timestamptz not null
);
create index session_account on session (account_id, id);
create index session_idle on session (last_seen_at);
create table signing_key (
    kid text primary key,
    seed bytea not null,
    created_at timestamptz not null,
    signs_from timestamptz not null
);
