alter table job add column retries bigint not null default 0;
