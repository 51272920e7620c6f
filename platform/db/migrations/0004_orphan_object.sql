create table orphan_object (
    object text primary key,
    instance text not null,
    boot text not null,
    since timestamptz not null,
    condemned_at timestamptz,
    due_at timestamptz,
    looks bigint not null default 0
);
create index orphan_object_held on orphan_object (instance, boot) where due_at is null;
create index orphan_object_due on orphan_object (due_at) where due_at is not null;
