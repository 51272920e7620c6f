alter table usage add column closed boolean not null default false;
