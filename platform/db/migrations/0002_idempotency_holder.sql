alter table idempotency add column holder text;
