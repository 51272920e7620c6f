alter table schedule_run add column requested_by text;
create index schedule_run_open on schedule_run (job, slot) where finished_at is null;
create table schedule_job (
    job text primary key,
    timing text not null,
    catch_up text not null,
    jitter_seconds bigint not null,
    max_running bigint not null,
    registered_at timestamptz not null,
    seen_at timestamptz not null,
    paused_at timestamptz,
    paused_by text,
    paused_reason text
);
