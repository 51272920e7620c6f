create table push (
    id uuid primary key,
    device uuid not null,
    member uuid not null,
    provider text not null,
    group_id uuid not null,
    notice uuid not null,
    kind text not null,
    action text not null,
    state text not null,
    priority bigint not null,
    attempts bigint not null,
    due_us bigint not null,
    expires_us bigint not null,
    lease uuid
);
create unique index push_group on push (device, group_id);
create index push_due on push (provider, priority, due_us) where state = 'waiting';
create index push_shown on push (member, notice) where state = 'shown';
create index push_member on push (member);
create index push_expiry on push (expires_us);
