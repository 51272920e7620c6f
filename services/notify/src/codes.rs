//! The codes of this role's problems: status, code, and what to do.
//!
//! Invariant: a code is in this table once, and nowhere else.

http_server::codes! {
    /// The codes of notify's problems.
    NOT_FOUND = 404 "notify.not_found", "Read the list again: the notification was removed, or has grown.";
    INVALID_MARK = 422 "notify.invalid_mark", "Send either `until` or `ids`; the sentence names the rule.";
    INVALID_PREFERENCES = 422 "notify.invalid_preferences", "Change the preferences; the sentence names the rule.";
    TOO_MANY_STREAMS = 503 "notify.too_many_streams", "Read the list instead, and follow later.";
    TOO_MANY_MUTES = 409 "notify.too_many_mutes", "Unmute posts or threads first.";
    NO_SUCH_DEVICE = 404 "notify.no_such_device", "Register the device again.";
    INVALID_DEVICE = 422 "notify.invalid_device", "Change the device; the sentence names the rule.";
    NO_PUSH_KEY = 409 "notify.no_push_key", "Ask `GET /v1/push/key` which kinds of devices can be reached.";
}
