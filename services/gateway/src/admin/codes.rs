//! The codes of the admin role's own problems: status, code and what to do, one row each.
//!
//! Does not own the codes of operations on mails (`mail::operators`) and timed jobs (`http_server::jobs`), which this
//! role documents and each role with a database returns.

http_server::codes! {
    /// The codes of the admin role's own problems.
    NO_SUCH_DEAD_LETTER = 404 "admin.dead_letter_not_found",
        "List the dead letters again; this one may have been delivered meanwhile.";
}
