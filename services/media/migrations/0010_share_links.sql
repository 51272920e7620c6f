create table share_link (
    id text primary key,
    item text not null,
    owner text not null,
    token_hash text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
);

create unique index share_link_token on share_link (token_hash);

create index share_link_item on share_link (item, id);

create index share_link_expires on share_link (expires_at);
