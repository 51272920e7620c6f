alter table device add column session uuid;
create table ended_session (
    session uuid primary key,
    ended_us bigint not null
);
create index ended_session_time on ended_session (ended_us);
