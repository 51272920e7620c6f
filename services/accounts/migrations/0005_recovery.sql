alter table account add column mail_address text;
update account
   set mail_address = email;
create unique index account_confirmed_address on account (mail_address) where email_confirmed_at is not null;
create index account_mail_address on account (mail_address);
create table mailed_code (
    id uuid primary key,
    account_id uuid not null references account (id) on delete cascade,
    purpose text not null,
    mail_address text not null,
    link bytea not null unique,
    code bytea,
    created_at timestamptz not null,
    expires_at timestamptz not null
);
create index mailed_code_account on mailed_code (account_id, purpose, created_at);
create index mailed_code_expires_at on mailed_code (expires_at);
create table sign_in (
    id uuid primary key,
    account_id uuid not null references account (id) on delete cascade,
    device text not null,
    network text not null,
    succeeded boolean not null,
    attempts bigint not null,
    last_at timestamptz not null
);
create index sign_in_account on sign_in (account_id, id);
create index sign_in_last_at on sign_in (last_at);
