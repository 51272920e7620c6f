//! The codes of this role's problems: status, code, and what to do.
//!
//! Invariant: a code is in this table once, and nowhere else.

http_server::codes! {
    /// The codes of moderation's problems.
    NO_SUCH_CASE = 404 "moderation.no_such_case", "Read the queue again: the case was removed, or never was.";
    CLAIMED = 409 "moderation.claimed", "Take another case: a moderator has this one, until the time that it says.";
    NOT_CLAIMED = 409 "moderation.not_claimed", "Claim the case first, then decide; a claim ends by itself.";
    DECIDED_ALREADY = 409 "moderation.decided_already", "Read the case again: it was decided about.";
    OWN_CASE = 403 "moderation.own_case", "Leave it to another moderator: it is about you, about a decision of \
        yours, or you have reported it.";
    BEYOND_ROLE = 403 "moderation.beyond_role", "Leave it to an operator: moderators limit and suspend for seven days \
        at most, and don't ban.";
    INVALID_DECISION = 422 "moderation.invalid_decision", "Change the decision; the sentence names the rule.";
    NO_SUCH_DECISION = 404 "moderation.no_such_decision", "Read `GET /v1/me/decisions`: it is not among them, or can't \
        be appealed any more.";
    APPEALED_ALREADY = 409 "moderation.appealed_already", "Wait for the answer: a decision is appealed once.";
    TOO_MANY_APPEALS = 429 "moderation.too_many_appeals", "Wait until some of your appeals have been answered, then \
        appeal again.";
    INVALID_APPEAL = 422 "moderation.invalid_appeal", "Change the text; the sentence names the rule.";
}
