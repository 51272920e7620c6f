create table member_standing (
    owner text primary key,
    state text not null,
    ends_at timestamptz,
    version bigint not null
);
create index member_standing_ends_at on member_standing (ends_at) where ends_at is not null;
