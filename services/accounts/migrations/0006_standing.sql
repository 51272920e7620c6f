alter table account add column standing_version bigint not null default 0;
create index account_state_until on account (state_until) where state_until is not null;
create table sanction (
    id uuid primary key,
    account_id uuid not null references account (id) on delete cascade,
    state text not null,
    reason text not null,
    ends_at timestamptz,
    imposed_by uuid not null,
    imposed_at timestamptz not null,
    lifted_by uuid,
    lifted_at timestamptz,
    lift_reason text
);
create index sanction_account on sanction (account_id, id);
