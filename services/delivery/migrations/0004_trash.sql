alter table item add column trashed boolean not null default false;
