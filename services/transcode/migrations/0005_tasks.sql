create table task (
    media text not null,
    name text not null,
    state text not null,
    ordinal bigint not null,
    weight bigint not null,
    permille bigint not null,
    sent bigint not null,
    touched_at timestamptz not null,
    failures bigint not null default 0,
    owner text not null default '',
    queue text not null default '',
    cost bigint not null default 0,
    due bigint not null default 0,
    ticket text,
    primary key (media, name)
);
insert into task (
    media, name, state, ordinal, weight, permille, sent, touched_at, failures, owner, queue, cost, due, ticket
)
select media,
       case
           when name = 'start' then 'probe'
           when name = 'sound' then 'audio'
           when name like 'part-%' then 'chunk-' || substr(name, 6)
           else name
       end,
       case stand when 'queued' then 'claimed' else stand end,
       place,
       weight,
       permille,
       sent,
       touched_at,
       failures,
       owner,
       case queue when 'sound' then 'audio' when 'work' then 'background' else queue end,
       cost,
       due,
       ticket
  from piece;
drop table piece;
create index task_claimed on task (touched_at) where state = 'claimed';
create index task_ready on task (queue, owner, due, ordinal) where state = 'ready';
create index task_ready_since on task (queue, touched_at) where state = 'ready';
create index task_ticket on task (ticket) where state = 'claimed';
create table member_queue (
    queue text not null,
    owner text not null,
    virtual_time bigint not null,
    since bigint not null,
    has_ready bigint not null,
    primary key (queue, owner)
);
insert into member_queue (queue, owner, virtual_time, since, has_ready)
select case queue when 'sound' then 'audio' when 'work' then 'background' else queue end,
       owner,
       turn,
       since,
       waits
  from member_turn;
drop table member_turn;
create index member_queue_next on member_queue (queue, has_ready, virtual_time, since);
create table queue_clock (
    queue text primary key,
    virtual_time bigint not null
);
insert into queue_clock (queue, virtual_time)
select case queue when 'sound' then 'audio' when 'work' then 'background' else queue end,
       turn
  from queue_turn;
drop table queue_turn;
alter table tiles rename column part to chunk;
