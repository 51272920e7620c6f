alter table item add column retries bigint not null default 0;

create index item_owner_created on item (owner, created_at, id);

create index item_failed on item (created_at, id) where state = 'failed';
