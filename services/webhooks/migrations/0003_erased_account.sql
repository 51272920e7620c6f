create table erased_account (
    account uuid primary key,
    erased_at timestamptz not null
);
create index erased_account_erased on erased_account (erased_at);
