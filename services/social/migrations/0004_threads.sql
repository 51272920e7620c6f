create table thread (
    id uuid primary key,
    rule text not null,
    cap bigint not null,
    part_count bigint not null,
    last_number bigint not null,
    created_us bigint not null
);
create table thread_moderator (
    thread uuid not null,
    person bigint not null,
    primary key (thread, person)
);
create index thread_moderator_person on thread_moderator (person, thread);
create table thread_invitation (
    thread uuid not null,
    person bigint not null,
    primary key (thread, person)
);
create index thread_invitation_person on thread_invitation (person, thread);
alter table post add column thread uuid;
alter table post add column part_state text;
alter table post add column part_number bigint;
alter table post add column answers uuid;
alter table post add column removal_reason text;
create index post_thread on post (thread, part_number, id) where thread is not null;
create index post_answers on post (answers) where answers is not null;
