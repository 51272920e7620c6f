alter table item add column captions text not null default '[]';
