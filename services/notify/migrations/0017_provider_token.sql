create table provider_token (
    provider text not null,
    key_id text not null,
    token bytea not null,
    issued_us bigint not null,
    primary key (provider, key_id)
);
