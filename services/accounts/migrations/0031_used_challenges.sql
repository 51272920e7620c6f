create table used_challenge (
    id bytea primary key,
    expires_at timestamptz not null
);
create index used_challenge_expires on used_challenge (expires_at);
