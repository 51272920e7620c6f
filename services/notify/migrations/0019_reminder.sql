create table dated_subject (
    subject uuid primary key,
    date_us bigint,
    zone text not null,
    version bigint not null,
    ends_us bigint not null
);
create index dated_subject_end on dated_subject (ends_us);
create table dated_member (
    subject uuid not null,
    member uuid not null,
    primary key (subject, member)
);
create index dated_member_member on dated_member (member);
create table reminder (
    id uuid primary key,
    member uuid not null,
    text text not null,
    zone text,
    local_time text,
    subject uuid,
    days_before bigint,
    time_of_day text,
    subject_version bigint not null,
    at_us bigint not null,
    state text not null,
    is_snoozed boolean not null,
    version bigint not null,
    ended_us bigint
);
create index reminder_member on reminder (member, id);
create index reminder_due on reminder (state, at_us);
create index reminder_subject on reminder (subject, id);
create index reminder_end on reminder (ended_us);
