alter table item add column examined_at timestamptz;

create index item_unexamined on item (created_at, id)
 where examined_at is null
   and kind = 'photo';

create table replaced_object (
    object text primary key,
    replacement text not null,
    replaced_at timestamptz not null
);

create index replaced_object_time on replaced_object (replaced_at);

create index replaced_object_replacement on replaced_object (replacement);
