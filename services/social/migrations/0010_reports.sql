create table report (
    id uuid primary key,
    reporter bigint not null,
    kind text not null,
    object uuid not null,
    owner bigint not null,
    reason text not null,
    text text not null,
    state text not null,
    created_us bigint not null
);
create unique index report_open on report (reporter, kind, object) where state = 'open';
create index report_state on report (state, id);
create index report_owner on report (owner, id);
create index report_reporter on report (reporter, id);
