create table device (
    id uuid primary key,
    member uuid not null,
    kind text not null,
    address text not null,
    address_hash text not null,
    public_key text,
    auth_secret text,
    language text,
    registered_us bigint not null,
    foreground_until_us bigint
);
create unique index device_address on device (address_hash);
create index device_member on device (member, registered_us, id);
