alter table gone rename to tombstone;
drop index gone_since;
create index tombstone_since on tombstone (since);
