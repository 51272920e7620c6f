alter table item add column description text not null default '';

alter table item add column alt text not null default '';

alter table upload add column description text not null default '';

alter table upload add column alt text not null default '';

create table private_member (
    owner text primary key,
    is_private boolean not null,
    changed_at timestamptz not null
);
