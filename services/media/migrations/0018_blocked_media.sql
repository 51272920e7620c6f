create table blocked_media (
    sha256 text not null,
    decision uuid not null,
    blocked_at timestamptz not null,
    primary key (sha256, decision)
);

create index blocked_media_decision on blocked_media (decision);
