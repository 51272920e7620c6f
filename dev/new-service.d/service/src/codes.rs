//! The codes of this role's problems: status, code, and what to do.
//!
//! Invariant: a code is in this table once, and nowhere else.

http_server::codes! {
    /// The codes of newservice's problems.
    NOT_FOUND = 404 "newservice.not_found", "Check the id; if it is right, the entry is gone or is not yours to see.";
    INVALID_TEXT = 422 "newservice.invalid_text", "Change the text; the sentence names the rule.";
    TOO_MANY_ENTRIES = 403 "newservice.too_many_entries", "Remove entries that you no longer need, then try again.";
}
