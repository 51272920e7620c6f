create table greeting (
    id uuid primary key,
    sender bigint not null,
    token_hash text not null unique,
    to_name text not null,
    text text not null,
    created_us bigint not null,
    expires_us bigint not null,
    opened_us bigint,
    open_count bigint not null
);
create index greeting_sender on greeting (sender, id);
create index greeting_expiry on greeting (expires_us);
create table greeting_visit (
    greeting uuid not null,
    visitor text not null,
    hour bigint not null,
    primary key (greeting, visitor)
);
create index greeting_visit_hour on greeting_visit (hour);
