create table post_audience (
    post uuid primary key,
    author uuid not null,
    audience text not null,
    version bigint not null,
    changed_us bigint not null
);
create index post_audience_author on post_audience (author);
create index post_audience_time on post_audience (changed_us);
create index notice_subject_member on notice (subject, member) where subject is not null;
drop index notice_subject;
