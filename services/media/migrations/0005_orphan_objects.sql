insert into orphan_object (object, instance, boot, since)
    select object, instance, boot, registered_at
      from pending_object
     where not exists (select 1 from item where item.object = pending_object.object)
       and not exists (select 1 from upload where upload.object = pending_object.object)
    on conflict do nothing;

insert into orphan_object (object, instance, boot, since, due_at)
    select object, '', '', since, since
      from loose_object
     where true
    on conflict do nothing;

drop table pending_object;

drop table loose_object;
