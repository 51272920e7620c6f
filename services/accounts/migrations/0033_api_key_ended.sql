alter table api_key add column ended_at timestamptz;
create index api_key_expiry on api_key (expires_at) where ended_at is null;
