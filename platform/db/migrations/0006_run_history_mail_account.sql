alter table schedule_run add column started_at timestamptz;
alter table schedule_run add column process text;
alter table mail_outbox add column account text;
create index mail_outbox_account on mail_outbox (account, id) where account is not null;
create table mail_forgotten (
    id text primary key,
    due_at timestamptz not null,
    again_at timestamptz
);
create index mail_forgotten_due on mail_forgotten (due_at);
