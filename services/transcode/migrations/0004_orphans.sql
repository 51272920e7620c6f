insert into orphan_object (object, instance, boot, since)
select object, '', '', since
  from loose
 where true
    on conflict do nothing;
drop table loose;
