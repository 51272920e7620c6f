create table notice_mail (
    member uuid not null,
    group_id uuid not null,
    kind text not null,
    added_us bigint not null,
    due_us bigint,
    primary key (member, group_id)
);
create index notice_mail_due on notice_mail (due_us, member);
create index notice_mail_time on notice_mail (added_us);
create table mailed_member (
    member uuid primary key,
    mailed_us bigint not null
);
create index mailed_member_time on mailed_member (mailed_us);
