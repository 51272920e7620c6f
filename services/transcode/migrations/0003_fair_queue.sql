alter table piece add column owner text not null default '';
alter table piece add column queue text not null default '';
alter table piece add column cost bigint not null default 0;
alter table piece add column due bigint not null default 0;
alter table piece add column ticket text;
create index piece_ready on piece (queue, owner, due, place) where stand = 'ready';
create index piece_ready_since on piece (queue, touched_at) where stand = 'ready';
create index piece_ticket on piece (ticket) where stand = 'queued';
create table member_turn (
    queue text not null,
    owner text not null,
    turn bigint not null,
    since bigint not null,
    waits bigint not null,
    primary key (queue, owner)
);
create index member_turn_next on member_turn (queue, waits, turn, since);
create table queue_turn (
    queue text primary key,
    turn bigint not null
);
