create table member_standing (
    owner text primary key,
    state text not null,
    ends_at timestamptz,
    version bigint not null
);
