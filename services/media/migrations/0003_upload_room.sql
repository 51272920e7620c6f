create index upload_room on upload (owner, item, id, length);

drop index upload_open;
