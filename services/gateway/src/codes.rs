//! The codes of the gateway's own problems: status, code and what to do, one row each.
//!
//! Does not own the codes that every role has (`http_server::problem::every_role`), which the guard returns.

http_server::codes! {
    /// The codes of the gateway's problems.
    NOTHING_TO_EMBED = 404 "oembed.not_found",
        "Check the URL: it must be that of the page of a public or unlisted item.";
    WRONG_CURSOR = 422 "home.wrong_cursor", "Begin home again, without `after`: the cursor is of another feed.";
    NO_SUCH_PROFILE = 404 "profiles.not_found", "Check the handle; if it is right, the account is gone or is not \
        shown to you.";
    NO_SUCH_FORMAT = 501 "oembed.no_such_format", "Ask for `format=json`, or leave it out.";
}
