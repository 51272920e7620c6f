create table follow (
    follower bigint not null,
    followee bigint not null,
    since_s bigint not null,
    primary key (follower, followee)
);
create index follow_followee on follow (followee, since_s, follower);
create index follow_follower on follow (follower, since_s, followee);
create table follow_request (
    followee bigint not null,
    follower bigint not null,
    since_s bigint not null,
    primary key (followee, follower)
);
create index follow_request_follower on follow_request (follower, followee);
create table block (
    blocker bigint not null,
    blocked bigint not null,
    since_s bigint not null,
    primary key (blocker, blocked)
);
create index block_blocked on block (blocked, blocker);
create table mute (
    muter bigint not null,
    muted bigint not null,
    until_s bigint,
    primary key (muter, muted)
);
create index mute_muted on mute (muted, muter);
create table close_friend (
    owner bigint not null,
    friend bigint not null,
    primary key (owner, friend)
);
create index close_friend_friend on close_friend (friend, owner);
create table topic_follow (
    follower bigint not null,
    kind text not null,
    topic text not null,
    since_s bigint not null,
    primary key (follower, kind, topic)
);
create index topic_follow_topic on topic_follow (kind, topic, follower);
