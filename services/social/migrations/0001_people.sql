create table person (
    number bigint primary key,
    account uuid not null unique,
    handle text not null,
    display_name text not null,
    avatar text,
    is_private boolean not null,
    profile_us bigint not null,
    state text not null,
    state_until_us bigint,
    standing_version bigint not null
);
create index person_handle on person (handle);
create table person_counts (
    person bigint primary key,
    follower_count bigint not null,
    following_count bigint not null,
    post_count bigint not null
);
create table erased_account (
    account uuid primary key,
    erased_us bigint not null
);
create index erased_account_erased on erased_account (erased_us);
create table action_budget (
    person bigint not null,
    kind text not null,
    hour bigint not null,
    used bigint not null,
    primary key (person, kind)
);
create index action_budget_hour on action_budget (hour);
