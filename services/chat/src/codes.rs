//! The codes of this role's problems: status, code, and what to do.
//!
//! Invariant: a code is in this table once, and nowhere else.

http_server::codes! {
    /// The codes of chat's problems.
    NOT_FOUND = 404 "chat.not_found", "Check the id; if it is right, it is gone or not yours to see.";
    NO_SUCH_PERSON = 404 "chat.no_such_person", "Check the handle; the account is gone or not shown to you.";
    NO_SUCH_MEDIA = 422 "chat.no_such_media", "Send ids of items of your own library, at most 10.";
    NO_SUCH_INVITE = 404 "chat.no_such_invite", "Ask an admin of the group for a new link.";
    INVALID_TEXT = 422 "chat.invalid_text", "Change the text; the sentence names the rule.";
    INVALID_MEMBERS = 422 "chat.invalid_members", "Name one to 49 other members.";
    ACCOUNT_LIMITED = 403 "chat.account_limited", "Wait until the limit of your account has ended.";
    BLOCKED = 403 "chat.blocked", "Unblock the account first.";
    NOT_A_MEMBER = 403 "chat.not_a_member", "You are not in this conversation any more; ask an admin to bring you in \
        again.";
    NOT_ACCEPTED = 403 "chat.not_accepted", "Accept the request first.";
    NOT_ADMIN = 403 "chat.not_admin", "Ask an admin of the group.";
    NOT_A_GROUP = 409 "chat.not_a_group", "A conversation of two has none of this. Create a group.";
    GROUP_FULL = 409 "chat.group_full", "Remove members first, or create another group: one takes 1,000 in its time.";
    TOO_LATE = 403 "chat.too_late", "Send a new message, or delete this one.";
    NOT_AUTHOR = 403 "chat.not_author", "Only the author may do this. You can delete the message for yourself.";
    REFUSED = 403 "chat.refused", "Read the reason; appeal if `can_appeal` says so.";
    SLOW_DOWN = 429 "chat.slow_down", "Wait for the time in Retry-After, then send it again.";
    INVALID_REPORT = 422 "chat.invalid_report", "Change the report; the sentence names the rule.";
    REPORTED_ALREADY = 409 "chat.reported_already", "You have reported it; wait until a moderator has read it.";
    TOO_OFTEN = 429 "chat.too_often", "Wait for the time in Retry-After, then report it.";
    CHANGES_RESET = 410 "chat.changes_reset", "Read the conversation again, then its changes after `last_seq`.";
    NOT_A_WEBSOCKET = 400 "chat.not_a_websocket", "Open it with a WebSocket client, over HTTP/1.1.";
    TOO_MANY_STREAMS = 503 "chat.too_many_streams", "Connect again after the time in Retry-After.";
}
