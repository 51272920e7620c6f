create index account_with_roles on account (id) where roles <> 'member';
