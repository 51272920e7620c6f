drop index if exists item_taken;

drop index if exists item_facets_taken;

create index item_taken on item (owner, listing, (coalesce(taken_at, created_at)), id);

create index item_facets_taken on item (
    owner, listing, kind, state, visibility, (coalesce(taken_at, created_at)), id
);

create index item_unplaced on item (id)
 where listing = 'library'
   and (not claimed or subject = 'account:avatar');
