create index relation_until on relation (until_us) where until_us is not null;
