create table flag (
    name text primary key,
    is_on boolean not null,
    changed_at timestamptz not null,
    changed_by text not null
);
