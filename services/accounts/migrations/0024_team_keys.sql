alter table api_key add column request_key bytea;
create table team_key (
    id uuid primary key,
    name text not null,
    scopes text not null,
    key_hash text not null unique,
    request_key bytea,
    created_by uuid not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    last_used_at timestamptz
);
create index team_key_created_by on team_key (created_by, id);
