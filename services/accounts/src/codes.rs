//! The codes of this role's problems: status, code, and what to do.
//!
//! Invariant: a code is in this table once, and nowhere else.

http_server::codes! {
    /// The codes of accounts' problems.
    INVALID_HANDLE = 422 "accounts.invalid_handle", "Choose another handle; the sentence names the rule.";
    INVALID_EMAIL = 422 "accounts.invalid_email", "Check the e-mail address; it should look like ada@example.org.";
    DISPOSABLE_EMAIL = 422 "accounts.disposable_email", "Use an e-mail address that you keep.";
    WEAK_PASSWORD = 422 "accounts.weak_password", "Choose another password; the sentence names the rule.";
    INVALID_PROFILE = 422 "accounts.invalid_profile", "Change the field that the sentence names.";
    PROFILE_REFUSED = 403 "accounts.profile_refused", "Read the reason; appeal against the verdict if `can_appeal` \
        says so.";
    SLOW_DOWN = 429 "accounts.slow_down", "Wait for the time in `Retry-After`, then change the profile again.";
    INVALID_AVATAR = 422 "accounts.invalid_avatar", "Send the id of a photo of your own that is unlisted or public.";
    HANDLE_TAKEN = 409 "accounts.handle_taken", "Choose another handle.";
    EMAIL_TAKEN = 409 "accounts.email_taken", "Sign in to the account that has confirmed this address, or use another.";
    EMAIL_CONFIRMED = 409 "accounts.email_confirmed", "Nothing is left to do; the address is confirmed.";
    INVALID_CODE = 422 "accounts.invalid_code", "Ask for a new mail; a link or code works once, for a limited time.";
    CODE_NEEDS_LOGIN = 422 "accounts.code_needs_login", "Send `login` beside a short code, or the code of the link.";
    TOO_MANY_MAILS = 429 "accounts.too_many_mails", "Use the newest mail, or wait for the time in `Retry-After`.";
    WRONG_LOGIN = 401 "auth.wrong_login", "Check the handle and the password, then sign in again.";
    WRONG_PASSWORD = 403 "auth.wrong_password", "Check the current password, then send it again.";
    PROOF_REQUIRED = 403 "auth.proof_required", "Send one of `proofs` to `/v1/me/proof`, then repeat the request.";
    SECOND_FACTOR = 401 "auth.second_factor", "Sign in again with a `factor`; `factors` names what is possible.";
    WRONG_FACTOR = 401 "auth.wrong_factor", "Sign in again with a new code, or with a response to a new challenge.";
    FACTOR_REFUSED = 403 "auth.factor_refused", "Send a new code, or a response to a new challenge.";
    FACTOR_NOT_FOUND = 404 "accounts.factor_not_found", "List the factors again; this one may have been removed.";
    TOO_MANY_FACTORS = 409 "accounts.too_many_factors", "Remove a factor of this kind first.";
    PASSKEYS_OFF = 409 "accounts.passkeys_off", "Use an authenticator app; passkeys need a fitting `mail.site_url`.";
    NO_FACTOR = 409 "accounts.no_factor", "Add an authenticator app or a passkey first.";
    ROLE_NEEDS_FACTOR = 409 "accounts.role_needs_factor", "Ask the member to add a second factor, then give the role.";
    LAST_FACTOR = 409 "accounts.last_factor", "Add another second factor first, or have your roles taken.";
    INVALID_REFRESH = 401 "auth.invalid_refresh", "Sign in again; the refresh token is unknown or has expired.";
    NO_SESSION = 401 "auth.no_session", "Sign in; the request has no session cookie.";
    CROSS_SITE = 403 "auth.cross_site", "Leave out `Tutti-Session`; the cookie is for the site's own page only.";
    UNKNOWN_TOKEN_TRANSPORT = 400 "auth.unknown_token_transport", "Send `Tutti-Session: cookie`, or leave it out.";
    REFRESH_REUSED = 401 "auth.refresh_reused", "Sign in again, and send each refresh token only once.";
    TOO_MANY_ATTEMPTS = 429 "auth.too_many_attempts", "Wait for the time in `Retry-After`, then try again.";
    TOO_MANY_SIGN_UPS = 429 "accounts.too_many_sign_ups", "Wait for the time in `Retry-After`, then sign up again.";
    WORK_REQUIRED = 403 "accounts.work_required", "Solve `challenge` (ALTCHA), then send the sign-up again with \
        `altcha`.";
    BUSY = 503 "accounts.busy", "Try again after the time in `Retry-After`.";
    NOT_FOUND = 404 "accounts.not_found", "Check the handle; the account may have been erased.";
    SESSION_NOT_FOUND = 404 "accounts.session_not_found", "List the sessions again; this one may have ended.";
    INVALID_API_KEY = 422 "accounts.invalid_api_key", "Change the field that the sentence names.";
    TOO_MANY_API_KEYS = 403 "accounts.too_many_api_keys", "Revoke an API key first.";
    API_KEY_NOT_FOUND = 404 "accounts.api_key_not_found", "List the API keys again; this one may have been revoked.";
    FLAG_NOT_FOUND = 404 "accounts.flag_not_found", "Use one of the names that `GET /v1/admin/flags` lists.";
    EXPORT_NOT_FOUND = 404 "accounts.export_not_found", "List the exports again; this one is gone, or not ready yet.";
    TOO_MANY_EXPORTS = 429 "accounts.too_many_exports", "Wait for the time in `Retry-After`, then ask again.";
    RANGE_NOT_SATISFIABLE = 416 "request.range_not_satisfiable",
        "Ask for a range within the file; its size is in `Content-Range` and in the sentence.";
    PRECONDITION_FAILED = 412 "request.precondition_failed",
        "The file has changed: fetch it again without `If-Match`, and continue from that.";
    INVALID_SANCTION = 422 "accounts.invalid_sanction", "Change the field that the sentence names.";
    BEYOND_ROLE = 403 "accounts.beyond_role", "Ask an operator; the sentence says what your role allows.";
    OWN_OPERATOR_ROLE = 409 "accounts.own_operator_role", "Ask another operator to take this role from you.";
    UNKNOWN_ROLE = 422 "accounts.unknown_role", "Use one of the roles that the sentence names.";
}
