alter table push add column is_shown boolean not null default false;
