create table ended_session (
    id uuid primary key,
    ended_at timestamptz not null
);
create index ended_session_ended_at on ended_session (ended_at);
