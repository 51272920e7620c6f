alter table piece add column failures bigint not null default 0;
