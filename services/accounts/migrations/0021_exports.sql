create table export (
    id uuid primary key,
    account_id uuid not null references account (id) on delete cascade,
    state text not null,
    object text,
    bytes bigint,
    created_at timestamptz not null,
    ready_at timestamptz,
    expires_at timestamptz,
    due_at timestamptz not null
);
create index export_account on export (account_id, id);
create index export_due on export (due_at);
