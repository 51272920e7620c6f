alter table export add column missing_count bigint;
