alter table item_term rename column created to created_us;
