//! The codes of the admin role's own problems: status, code and what to do, one row each.
//!
//! Does not own the codes of operations on mails (`mail::operators`), which this role documents and each role with
//! mails returns.

http_server::codes! {
    /// The codes of the admin role's own problems.
    NO_SUCH_DEAD_LETTER = 404 "admin.dead_letter_not_found",
        "List the dead letters again; this one may have been delivered meanwhile.";
    NO_SUCH_JOB = 404 "admin.job_not_found", "List the jobs; the role and the job must be as they are there.";
}
