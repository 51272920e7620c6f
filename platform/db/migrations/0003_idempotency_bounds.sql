alter table idempotency add column member text;
alter table idempotency add column number bigint;
alter table idempotency add column fingerprint text;
alter table idempotency add column fingerprint_bytes bigint;
alter table idempotency add column replay text;
create index idempotency_member on idempotency (member, number);
create index idempotency_bodies on idempotency (member, number) where body is not null;
