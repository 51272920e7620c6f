create index notice_unread on notice (member, is_filtered, id) where is_read = false;
