create table verdict_sender (
    account uuid primary key,
    credit bigint not null,
    credit_at timestamptz not null,
    rate_free_at timestamptz,
    recent bytea not null,
    reply_count bigint not null,
    answer_count bigint not null,
    report_count bigint not null,
    exempt text not null
);
create table verdict_text (
    id uuid primary key,
    fingerprint bigint not null,
    sender uuid not null,
    at timestamptz not null
);
create index verdict_text_sender on verdict_text (sender);
create table verdict_domain (
    domain text primary key,
    first_at timestamptz not null,
    last_at timestamptz not null
);
create index verdict_domain_last on verdict_domain (last_at);
create table verdict (
    id uuid primary key,
    account uuid not null,
    place uuid not null,
    object uuid,
    outcome text not null,
    reason text,
    rules_version bigint not null,
    facts text not null,
    created_at timestamptz not null
);
create index verdict_account on verdict (account, id);
