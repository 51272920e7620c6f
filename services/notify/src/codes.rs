//! The codes of this role's problems: status, code, and what to do.
//!
//! Invariant: a code is in this table once, and nowhere else.

http_server::codes! {
    /// The codes of notify's problems.
    NOT_FOUND = 404 "notify.not_found", "Read the list again: the notification was removed, or has grown.";
    INVALID_MARK = 422 "notify.invalid_mark", "Send either `until` or `ids`; the sentence names the rule.";
    INVALID_LINK = 404 "notify.invalid_link", "Sign in, and stop mails in the settings instead.";
    INVALID_PREFERENCES = 422 "notify.invalid_preferences", "Change the preferences; the sentence names the rule.";
    NO_SUCH_REMINDER = 404 "notify.no_such_reminder", "Read the list of reminders again: it was removed.";
    NO_SUCH_DATE = 404 "notify.no_such_date", "Send the id of something that has a date, or `at` and `zone`.";
    INVALID_REMINDER = 422 "notify.invalid_reminder", "Change the reminder; the sentence names the rule.";
    TOO_MANY_REMINDERS = 409 "notify.too_many_reminders", "Remove reminders first.";
    NO_SUCH_ANNOUNCEMENT = 404 "notify.no_such_announcement", "Read the list of announcements again.";
    INVALID_ANNOUNCEMENT = 422 "notify.invalid_announcement", "Change the announcement; the sentence names the rule.";
    TOO_MANY_ANNOUNCEMENTS = 409 "notify.too_many_announcements", "Cancel an announcement, or choose a later time.";
    TOO_MANY_STREAMS = 503 "notify.too_many_streams", "Read the list instead, and follow later.";
    TOO_MANY_MUTES = 409 "notify.too_many_mutes", "Unmute posts or threads first.";
    NO_SUCH_DEVICE = 404 "notify.no_such_device", "Register the device again.";
    INVALID_DEVICE = 422 "notify.invalid_device", "Change the device; the sentence names the rule.";
    NO_PUSH_KEY = 409 "notify.no_push_key", "Ask `GET /v1/push/key` which kinds of devices can be reached.";
}
