create table removal_hold (
    holder text primary key,
    token text not null,
    until timestamptz not null
);
create table restored (
    restored_at timestamptz primary key,
    point text not null
);
