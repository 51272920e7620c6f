create table api_key (
    id uuid primary key,
    account_id uuid not null references account (id) on delete cascade,
    name text not null,
    scopes text not null,
    key_hash text not null unique,
    created_at timestamptz not null,
    expires_at timestamptz,
    last_used_at timestamptz
);
create index api_key_account on api_key (account_id, id);
