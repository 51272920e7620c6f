create table known_network (
    account_id uuid not null references account (id) on delete cascade,
    network bytea not null,
    seen_at timestamptz not null,
    primary key (account_id, network)
);
create index known_network_seen on known_network (seen_at);
