//! The codes of this role's problems: status, code, and what to do.
//!
//! Invariant: a code is in this table once, and nowhere else.

http_server::codes! {
    /// The codes of social's problems.
    NOT_FOUND = 404 "social.not_found", "Check the id; if it is right, the post is gone or is not yours to see.";
    NO_SUCH_PERSON = 404 "social.no_such_person", "Check the handle; if it is right, the account is gone or is not \
        shown to you.";
    NO_SUCH_REQUEST = 404 "social.no_such_request", "Read the list of requests again: it was withdrawn or answered.";
    YOURSELF = 422 "social.yourself", "Name another member: this one is you.";
    BLOCKED = 409 "social.blocked", "Unblock the member first.";
    ACCOUNT_LIMITED = 403 "social.account_limited", "Wait until the limitation of the account ends.";
    TOO_MANY_FOLLOWS = 429 "social.too_many_follows", "Wait as long as `Retry-After` says, then follow more.";
    TOO_MANY = 403 "social.too_many", "End some of what the sentence names first: follows, blocks, mutes, or close \
        friends.";
    TOO_MANY_POSTS = 429 "social.too_many_posts", "Wait as long as `Retry-After` says, then post again.";
    INVALID_POST = 422 "social.invalid_post", "Change the post; the sentence names the rule.";
    INVALID_TOPIC = 422 "social.invalid_topic", "Change the name; the sentence says what it can be.";
    TOO_MANY_TOPICS = 403 "social.too_many_topics", "Unfollow tags, places or songs first.";
    WRONG_CURSOR = 422 "social.wrong_cursor", "Begin the list again, without a cursor: this one is of another list, or \
        too old.";
    NO_SUCH_MEDIA = 422 "social.no_such_media", "Post media of your own library only; the sentence names the item.";
    NO_SUCH_SONG = 422 "social.no_such_song", "Name an audio item of your own library that is ready, or one of a \
        public post that is shown to you.";
    NO_SUCH_COMMENT = 404 "social.no_such_comment", "Check the id; if it is right, the comment is gone or is not yours \
        to see.";
    NO_SUCH_GREETING = 404 "social.no_such_greeting", "Ask the sender for a new link: this one has ended, was revoked, \
        or never was.";
    NOT_ALLOWED = 403 "social.not_allowed", "Read the post again and offer only what its `can` allows.";
    COMMENT_PENDING = 409 "social.comment_pending", "Wait until the comment is approved, or approve it first.";
    INVALID_COMMENT = 422 "social.invalid_comment", "Change the comment; the sentence names the rule.";
    INVALID_TALK_SETTINGS = 422 "social.invalid_talk_settings", "Change the words; the sentence names the rule.";
    INVALID_REPORT = 422 "social.invalid_report", "Change the report; the sentence names the rule.";
    NO_SUCH_REPORT = 404 "social.no_such_report", "Check the id; if it is right, the report was closed long ago and \
        removed.";
    INVALID_DECISION = 422 "social.invalid_decision", "Change the decision; the sentence names the rule.";
    OWN_REPORT = 403 "social.own_report", "Leave it to another moderator: it is about something of yours, or you have \
        reported it.";
    REPORT_CLOSED = 409 "social.report_closed", "Read the report again: somebody has decided about it.";
    REPORTED_ALREADY = 409 "social.reported_already", "Wait for the decision: your first report is in the queue.";
    INVALID_GREETING = 422 "social.invalid_greeting", "Change the greeting; the sentence names the rule.";
    MEDIA_NOT_READY = 409 "social.media_not_ready", "Wait until the item is playable, then make the greeting.";
    TOO_OFTEN = 429 "social.too_often", "Wait as long as `Retry-After` says, then continue.";
    REFUSED = 403 "social.refused", "Read the reason; appeal against the verdict if `can_appeal` says so.";
    SLOW_DOWN = 429 "social.slow_down", "Wait as long as `Retry-After` says, then do it again.";
    NOT_A_CLIP = 422 "social.not_a_clip", "Join with one video of your own library that can be converted.";
    THREAD_FULL = 409 "social.thread_full", "Join another thread, or ask the opener for a higher cap.";
    THREAD_CLOSED = 409 "social.thread_closed", "Join another thread: nobody joins this one any more.";
    MAY_NOT_JOIN = 403 "social.may_not_join", "Show *Join* if and only if `can.join` says so; ask the opener for an \
        invitation.";
    TOO_MANY_WAITING = 409 "social.too_many_waiting", "Try again when the opener has approved or removed parts.";
    TOO_MANY_IN_THREAD = 409 "social.too_many_in_thread", "Remove moderators or invitations first.";
    NOT_MODERATOR = 403 "social.not_moderator", "Leave it to the opener of the thread, or to its moderators.";
    PROGRAMME_CHANGED = 410 "social.programme_changed", "Load `programme.m3u8` again, without `v` and `list`.";
    PROGRAMME_NOT_READY = 404 "social.programme_not_ready", "Try again in a moment: the first clip is still converted.";
}
