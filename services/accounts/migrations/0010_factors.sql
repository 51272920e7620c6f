create table factor (
    id uuid primary key,
    account_id uuid not null references account (id) on delete cascade,
    kind text not null,
    name text not null,
    secret bytea not null,
    credential bytea unique,
    last_step bigint,
    pending_until timestamptz,
    created_at timestamptz not null,
    last_used_at timestamptz
);
create index factor_account on factor (account_id, id);
create index factor_pending on factor (pending_until) where pending_until is not null;
create table recovery_code (
    account_id uuid not null references account (id) on delete cascade,
    code bytea not null,
    primary key (account_id, code)
);
