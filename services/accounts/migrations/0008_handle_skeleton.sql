alter table account add column handle_skeleton text;
create unique index account_handle_skeleton on account (handle_skeleton);
create index account_without_skeleton on account (id) where handle_skeleton is null;
