create table moderation_case (
    id uuid primary key,
    role text not null,
    kind text not null,
    object text not null,
    owner uuid not null,
    reason text not null,
    urgency bigint not null,
    evidence text not null,
    fingerprint bigint,
    state text not null,
    report_count bigint not null,
    is_held boolean not null,
    appeals uuid,
    appeal_text text not null,
    claimed_by uuid,
    claimed_until_us bigint,
    created_us bigint not null,
    decided_us bigint
);
create unique index moderation_case_open on moderation_case (role, kind, object)
    where state = 'open' and appeals is null;
create unique index moderation_case_appeals on moderation_case (appeals)
    where appeals is not null;
create index moderation_case_queue on moderation_case (state, urgency, id);
create index moderation_case_owner on moderation_case (owner, id);
create index moderation_case_decided on moderation_case (decided_us)
    where decided_us is not null;
create index moderation_case_claimed on moderation_case (claimed_by)
    where claimed_by is not null;
create table case_report (
    id uuid primary key,
    case_id uuid not null,
    reporter uuid not null,
    reason text not null,
    text text not null,
    created_us bigint not null,
    answered_us bigint
);
create index case_report_case on case_report (case_id, id);
create index case_report_reporter on case_report (reporter, id);
create table closed_report (
    id uuid primary key,
    closed_us bigint not null
);
create index closed_report_time on closed_report (closed_us);
create table case_decision (
    id uuid primary key,
    case_id uuid,
    role text not null,
    kind text not null,
    object text not null,
    owner uuid not null,
    action text not null,
    reason text not null,
    statement text not null,
    until_us bigint,
    removes boolean not null,
    blocked_media text not null,
    screened_by text,
    evidence text not null,
    decided_by uuid,
    decided_us bigint not null,
    overturned_us bigint,
    refusal text
);
create unique index case_decision_case on case_decision (case_id)
    where case_id is not null;
create index case_decision_owner on case_decision (owner, id);
create index case_decision_screened on case_decision (owner)
    where screened_by is not null;
create index case_decision_by on case_decision (decided_by)
    where decided_by is not null;
create index case_decision_decided on case_decision (decided_us);
create table moderation_count (
    day text not null,
    name text not null,
    total bigint not null,
    primary key (day, name)
);
create table erased_account (
    account uuid primary key,
    erased_us bigint not null
);
create index erased_account_time on erased_account (erased_us);
