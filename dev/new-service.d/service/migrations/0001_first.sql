create table entry (
    id uuid primary key,
    owner uuid not null,
    text text not null,
    created_at timestamptz not null
);
create index entry_owner on entry (owner, id);
create index entry_created on entry (created_at);
