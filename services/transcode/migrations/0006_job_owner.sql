alter table job add column owner text not null default '';
-- only sqlite
update job
   set owner = coalesce(json_extract(received, '$.owner'), '')
 where received <> '';
-- only postgresql
update job
   set owner = coalesce(cast(received as json) ->> 'owner', '')
 where received <> '';
create index job_owner on job (owner, media) where owner <> '';
