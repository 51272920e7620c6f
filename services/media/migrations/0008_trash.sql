alter table item add column listing text not null default 'library';

alter table item add column removed_at timestamptz;

alter table item add column purges_at timestamptz;

drop index item_library;

drop index item_facets;

create index item_added on item (owner, listing, created_at, id);

create index item_facets_added on item (owner, listing, kind, state, visibility, created_at, id);

create index item_trash on item (owner, removed_at, id) where removed_at is not null;

create index item_purges_at on item (purges_at) where purges_at is not null;
