create table conversation (
    id uuid primary key,
    kind text not null,
    pair text,
    name text,
    picture text,
    invite_hash text,
    epoch bigint not null,
    last_seq bigint not null,
    created_at timestamptz not null
);
create unique index conversation_pair on conversation (pair);
create unique index conversation_invite on conversation (invite_hash);
create index conversation_empty on conversation (created_at)
    where last_seq = 0;
create table conversation_member (
    conversation uuid not null,
    account uuid not null,
    state text not null,
    is_admin boolean not null,
    is_taken_out boolean not null,
    inviter uuid,
    from_seq bigint not null,
    until_seq bigint,
    read_seq bigint not null,
    delivered_seq bigint not null,
    told_read_seq bigint not null,
    told_delivered_seq bigint not null,
    position bigint not null,
    joined_at timestamptz not null,
    primary key (conversation, account)
);
create index conversation_member_account on conversation_member (account, state, position, conversation);
create index conversation_member_inviter on conversation_member (inviter, account, conversation);
create table chat_message (
    id uuid primary key,
    conversation uuid not null,
    seq bigint not null,
    author uuid not null,
    client_id text not null,
    text text not null,
    reply_to uuid,
    state text not null,
    outcome text not null,
    reason text,
    verdict uuid,
    is_blurred boolean not null,
    edited_at timestamptz,
    created_at timestamptz not null
);
create unique index chat_message_client on chat_message (conversation, author, client_id);
create unique index chat_message_seq on chat_message (conversation, seq);
create index chat_message_author on chat_message (author, id);
create index chat_message_created on chat_message (created_at);
create table chat_change (
    conversation uuid not null,
    seq bigint not null,
    kind text not null,
    actor uuid,
    message uuid,
    value bigint,
    only_for uuid,
    at timestamptz not null,
    primary key (conversation, seq)
);
create index chat_change_actor on chat_change (actor, conversation, seq);
create index chat_change_at on chat_change (at);
create table hidden_message (
    account uuid not null,
    message uuid not null,
    primary key (account, message)
);
create index hidden_message_message on hidden_message (message);
create table message_media (
    message uuid not null,
    ordinal bigint not null,
    media text not null,
    kind text not null,
    state text not null,
    alt text not null,
    width bigint,
    height bigint,
    duration_ms bigint,
    thumbhash text,
    assets text not null,
    primary key (message, ordinal)
);
create index message_media_media on message_media (media);
create table message_reaction (
    message uuid not null,
    account uuid not null,
    reaction text not null,
    is_withheld boolean not null,
    primary key (message, account)
);
create index message_reaction_account on message_reaction (account, message);
create table chat_person (
    account uuid primary key,
    handle text not null,
    display_name text not null,
    avatar text,
    profile_at timestamptz not null
);
create table chat_standing (
    account uuid primary key,
    state text not null,
    until timestamptz,
    version bigint not null
);
create table chat_settings (
    account uuid primary key,
    allows_strangers boolean not null,
    sends_receipts boolean not null
);
create table chat_block (
    blocker uuid not null,
    blocked uuid not null,
    primary key (blocker, blocked)
);
create index chat_block_blocked on chat_block (blocked, blocker);
create table chat_sender (
    account uuid primary key,
    credit bigint not null,
    credit_at timestamptz not null,
    rate_free_at timestamptz,
    recent bytea not null,
    reply_count bigint not null,
    answer_count bigint not null,
    report_count bigint not null,
    exempt text not null
);
create table first_text (
    id uuid primary key,
    fingerprint bigint not null,
    sender uuid not null,
    at timestamptz not null
);
create index first_text_sender on first_text (sender);
create table chat_domain (
    domain text primary key,
    first_at timestamptz not null,
    last_at timestamptz not null
);
create index chat_domain_last on chat_domain (last_at);
create table chat_verdict (
    id uuid primary key,
    account uuid not null,
    conversation uuid not null,
    message uuid,
    outcome text not null,
    reason text,
    rules_version bigint not null,
    facts text not null,
    created_at timestamptz not null
);
create index chat_verdict_account on chat_verdict (account, id);
create table message_report (
    id uuid primary key,
    message uuid not null,
    reporter uuid not null,
    reason text not null,
    text text not null,
    created_at timestamptz not null
);
create unique index message_report_once on message_report (message, reporter);
create index message_report_reporter on message_report (reporter, id);
create table erased_account (
    account uuid primary key,
    erased_at timestamptz not null
);
