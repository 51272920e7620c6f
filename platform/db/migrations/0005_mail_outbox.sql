create table mail_outbox (
    id text primary key,
    recipient text not null,
    language text not null,
    template text not null,
    subject text not null,
    body_text text,
    body_html text,
    unsubscribe text,
    state text not null,
    created_at timestamptz not null,
    due_at timestamptz,
    leased_until timestamptz,
    fence bigint not null default 0,
    attempts bigint not null default 0,
    settled_at timestamptz,
    reason text
);
create index mail_outbox_due on mail_outbox (due_at) where due_at is not null;
create index mail_outbox_leased on mail_outbox (leased_until) where leased_until is not null;
create index mail_outbox_recipient on mail_outbox (recipient);
create index mail_outbox_state on mail_outbox (state, id);
create index mail_outbox_bodies on mail_outbox (state, settled_at) where body_html is not null;
create index mail_outbox_settled on mail_outbox (settled_at) where settled_at is not null;
