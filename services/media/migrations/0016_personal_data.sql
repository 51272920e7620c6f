create index item_owner on item (owner, id);
