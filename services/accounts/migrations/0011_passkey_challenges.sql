create table passkey_challenge (
    id bytea primary key,
    account_id uuid references account (id) on delete cascade,
    state text not null,
    expires_at timestamptz not null
);
create index passkey_challenge_account on passkey_challenge (account_id, expires_at);
create index passkey_challenge_expires on passkey_challenge (expires_at);
