create table outbox (
    id text primary key,
    subject text not null,
    payload text not null,
    created_at timestamptz not null,
    sent_at timestamptz
);
create index outbox_unsent on outbox (id) where sent_at is null;
create index outbox_sent on outbox (sent_at) where sent_at is not null;
create table inbox (
    consumer text not null,
    event_id text not null,
    seen_at timestamptz not null,
    primary key (consumer, event_id)
);
create index inbox_seen on inbox (seen_at);
create table schedule_run (
    job text not null,
    slot timestamptz not null,
    fence bigint not null,
    lease_until timestamptz not null,
    finished_at timestamptz,
    failure text,
    primary key (job, slot)
);
create table idempotency (
    key text primary key,
    status bigint,
    content_type text,
    location text,
    body bytea,
    created_at timestamptz not null
);
create index idempotency_created on idempotency (created_at);
