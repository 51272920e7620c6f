alter table chat_settings add column presence text not null default 'everyone';
create table chat_last_seen (
    account uuid primary key,
    seen_at timestamptz not null
);
create index chat_last_seen_at on chat_last_seen (seen_at);
