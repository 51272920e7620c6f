create table environment (
    id bigint primary key,
    name text not null,
    fingerprint text not null,
    recorded_at timestamptz not null
);
create table retirement (
    id bigint primary key,
    reason text not null,
    retired_at timestamptz not null
);
