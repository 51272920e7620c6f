create table log (
    position integer primary key autoincrement,
    id text not null unique,
    subject text not null,
    payload text not null,
    published_at timestamptz not null
);
create index log_published on log (published_at);
create table consumer (
    name text not null,
    subject text not null,
    primary key (name, subject)
);
create table delivery (
    consumer text not null,
    position bigint not null,
    due_at bigint not null,
    attempts bigint not null,
    lease text,
    primary key (consumer, position)
);
create index delivery_due on delivery (consumer, due_at, position);
create index delivery_position on delivery (position);
create table dead (
    consumer text not null,
    position bigint not null,
    attempts bigint not null,
    reason text not null,
    died_at timestamptz not null,
    primary key (consumer, position)
);
