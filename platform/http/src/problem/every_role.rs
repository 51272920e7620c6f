//! The codes that any role can return: of requests, of access tokens, and of the server itself.
//!
//! Does not own the codes of a role, which are in its own `codes.rs`. Invariant: a code and its status are written here
//! once.

crate::codes! {
    /// The codes of every role.
    MALFORMED = 400 "request.malformed", "Mend the request: its head or its framing is not valid HTTP/1.1.";
    BROKEN_OFF = 400 "request.broken_off", "Send the request again: its body broke off.";
    NOT_JSON = 400 "request.not_json", "Send one JSON value with `Content-Type: application/json`; the sentence says \
        where it ends to be JSON.";
    BAD_QUERY = 400 "request.invalid", "Mend the query or the parameter that the sentence names.";
    UNSUPPORTED_CONTENT_TYPE = 415 "request.not_json", "Send JSON, with `Content-Type: application/json`.";
    CONTENT_ENCODING = 415 "request.content_encoding", "Send the body without `Content-Encoding`.";
    INVALID = 422 "request.invalid", "Mend the field that the sentence names.";
    NO_SUCH_URL = 404 "request.no_such_url", "Check the URL against `/docs`.";
    METHOD_NOT_ALLOWED = 405 "request.method_not_allowed", "Use a method of the `Allow` header.";
    NOT_ACCEPTABLE = 406 "request.not_acceptable", "Accept one of the encodings that the sentence names.";
    TOO_SLOW = 408 "request.too_slow", "Send the body faster, or in smaller parts.";
    INCOMPLETE = 400 "request.incomplete", "Send the whole body.";
    IN_PROGRESS = 409 "request.in_progress", "Wait for the first request with this Idempotency-Key, then send it \
        again.";
    DONE_BEFORE = 409 "request.done_before", "The request was done under this Idempotency-Key; read the resource, and \
        use a new key for a new request.";
    RESULT_REMOVED = 410 "request.result_removed", "What the request created is removed; use a new Idempotency-Key to \
        create another.";
    IDEMPOTENCY_KEY_REUSED = 422 "request.idempotency_key_reused", "Use a new Idempotency-Key: this one belongs to \
        another request.";
    BAD_IDEMPOTENCY_KEY = 400 "request.bad_idempotency_key", "Send an Idempotency-Key of 1 to 255 visible characters.";
    TOO_LARGE = 413 "request.too_large", "Send a smaller body; the limit is in the sentence.";
    URL_TOO_LONG = 414 "request.url_too_long", "Shorten the URL; the limit is in the sentence.";
    TOO_MANY_REQUESTS = 429 "request.too_many", "Wait as long as `Retry-After` says, then send fewer requests.";
    HEAD_TOO_LARGE = 431 "request.head_too_large", "Send fewer or shorter headers.";
    TOO_MANY_HEADERS = 431 "request.too_many_headers", "Send fewer headers; the limit is in the sentence.";
    AUTH_REQUIRED = 401 "auth.required", "Sign in, and send `Authorization: Bearer <access token>`.";
    AUTH_INVALID_TOKEN = 401 "auth.invalid_token", "Sign in again: the access token is not valid.";
    AUTH_SESSION_ENDED = 401 "auth.session_ended", "Sign in again; the token belongs to a session that was ended.";
    AUTH_EXPIRED = 401 "auth.expired", "Get a new access token from `/v1/sessions/refresh`.";
    AUTH_NOT_YET_VALID = 401 "auth.not_yet_valid", "Get a new access token, and check the server's clocks.";
    AUTH_SCOPE = 403 "auth.scope", "Use an API key with the scope that the sentence names.";
    AUTH_ON_BEHALF_OF = 403 "auth.on_behalf_of", "Mend or leave out `Tutti-On-Behalf-Of`; the sentence says what is \
        wrong.";
    AUTH_SUSPENDED = 403 "auth.suspended", "Wait until the time that the sentence names, or sign in with `for_appeals` \
        to read why, to appeal, and to export your data.";
    AUTH_ROLE_REQUIRED = 403 "auth.role_required", "Ask an operator for the role that the sentence names, then sign in \
        again.";
    AUTH_OPERATORS_SESSION = 403 "auth.operators_session_required", "Sign in at the operators' listener; a session of \
        the site is not valid there.";
    AUTH_SECOND_FACTOR_REQUIRED = 403 "auth.second_factor_required", "Add a second factor to the account on the site, \
        then sign in with it.";
    SERVER_FAULT = 500 "server.fault", "Try again; if it stays, quote the request id to the operators.";
    SERVER_UNAVAILABLE = 503 "server.unavailable", "Wait as long as `Retry-After` says, then try again.";
    SERVER_OVERLOADED = 503 "server.overloaded", "Wait as long as `Retry-After` says, then try again; signed-in \
        members are served first.";
    SERVER_TURNED_OFF = 503 "server.turned_off", "Wait as long as `Retry-After` says, then try again; the operators \
        have turned this off for now.";
    SERVER_TOO_LATE = 504 "server.too_late", "Try again; the request may have been carried out.";
    SERVER_STORAGE_FULL = 507 "server.storage_full", "Try again later; an operator must make room.";
}
