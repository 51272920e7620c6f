create table account_rule (
    account_id uuid primary key references account (id) on delete cascade,
    is_denied boolean not null,
    reason text not null,
    ends_at timestamptz,
    min_version bigint not null,
    changed_at timestamptz not null
);
create index account_rule_changed on account_rule (changed_at, account_id);
