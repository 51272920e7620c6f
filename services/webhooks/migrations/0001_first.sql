create table webhook (
    id uuid primary key,
    url text not null,
    events text not null,
    description text not null,
    state text not null,
    secret bytea not null,
    previous_secret bytea,
    previous_secret_until timestamptz,
    made_by uuid,
    created_at timestamptz not null,
    disabled_at timestamptz,
    disabled_reason text,
    failing_since timestamptz,
    paused_until timestamptz,
    leased_until timestamptz,
    fence bigint not null default 0
);
create index webhook_state on webhook (state, id);
create index webhook_made_by on webhook (made_by) where made_by is not null;
create index webhook_leased on webhook (leased_until) where leased_until is not null;
create table webhook_delivery (
    id uuid primary key,
    webhook uuid not null,
    event_id text not null,
    event_type text not null,
    payload text not null,
    account uuid,
    state text not null,
    created_at timestamptz not null,
    due_at timestamptz,
    attempts bigint not null default 0,
    tries bigint not null default 0,
    tried_since timestamptz
);
create index webhook_delivery_due on webhook_delivery (webhook, due_at, id) where due_at is not null;
create index webhook_delivery_newest on webhook_delivery (webhook, id);
create index webhook_delivery_state on webhook_delivery (webhook, state, id);
create index webhook_delivery_created on webhook_delivery (created_at);
create index webhook_delivery_account on webhook_delivery (account) where account is not null;
create table webhook_attempt (
    delivery uuid not null,
    number bigint not null,
    at timestamptz not null,
    status bigint,
    error text,
    response text,
    milliseconds bigint not null,
    primary key (delivery, number)
);
