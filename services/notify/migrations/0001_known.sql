create table person (
    account uuid primary key,
    handle text not null,
    display_name text not null,
    avatar text,
    is_private boolean not null,
    profile_us bigint not null,
    state text not null,
    state_until_us bigint,
    standing_version bigint not null
);
create table erased_account (
    account uuid primary key,
    erased_us bigint not null
);
create index erased_account_time on erased_account (erased_us);
create table relation (
    member uuid not null,
    other uuid not null,
    kind text not null,
    is_on boolean not null,
    until_us bigint,
    at_us bigint not null,
    primary key (member, other, kind)
);
create index relation_other on relation (other, kind, member);
create index relation_off on relation (at_us) where is_on = false;
create table settings (
    member uuid primary key,
    document text not null
);
create table subject_mute (
    member uuid not null,
    subject text not null,
    muted_us bigint not null,
    primary key (member, subject)
);
create table removed_subject (
    subject text primary key,
    removed_us bigint not null
);
create index removed_subject_time on removed_subject (removed_us);
create table media_owner (
    media text primary key,
    owner uuid not null,
    kind text not null,
    at_us bigint not null
);
create index media_owner_owner on media_owner (owner);
create index media_owner_time on media_owner (at_us);
create table fan_out (
    post uuid primary key,
    author uuid not null,
    last_member uuid not null,
    is_done boolean not null,
    started_us bigint not null
);
create index fan_out_author on fan_out (author);
create index fan_out_time on fan_out (started_us);
