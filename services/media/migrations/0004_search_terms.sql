create index item_facets on item (owner, claimed, kind, state, visibility, created_at, id);

create table item_term (
    term bigint not null,
    created bigint not null,
    item text not null,
    primary key (term, created, item)
);

alter table item add column indexed_version bigint not null default 0;

create index item_unindexed on item (owner) where indexed_version <> version;
