alter table webhook add column request_key bytea;
create index webhook_request_key on webhook (request_key) where request_key is not null;
