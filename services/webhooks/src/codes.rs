//! The codes of this role's problems: status, code, and what to do.
//!
//! Invariant: a code is in this table once, and nowhere else.

http_server::codes! {
    /// The codes of webhooks's problems.
    NOT_FOUND = 404 "webhooks.not_found", "Check the id; if it is right, the webhook was removed.";
    DELIVERY_NOT_FOUND = 404 "webhooks.delivery_not_found", "Check the id; deliveries are kept for 30 days.";
    INVALID_URL = 422 "webhooks.invalid_url", "Give the `https` URL of a receiver on the public internet; the sentence \
        names the rule.";
    INVALID = 422 "webhooks.invalid", "Change the events or the description; the sentence names the rule.";
    TOO_MANY = 409 "webhooks.too_many", "Remove a webhook, or raise `webhooks.max_webhooks`.";
    DISABLED = 409 "webhooks.disabled", "Enable the webhook first: `PATCH` it with `{\"state\": \"active\"}`.";
}
