//! The HTTP API of this role.
//!
//! Owns parsing, authorisation and responses; the rules are elsewhere. Invariant: every public handler takes a
//! `Member`, or the token of a link from a mail, and touches the notices and settings of that member only; one below
//! `/v1/admin/` takes an `Operator`.
#![allow(unused_qualifications, reason = "utoipa's macros write them")]

mod announcements;
mod devices;
mod internal;
mod list;
mod marks;
mod mutes;
mod preferences;
mod reminders;
mod stream;
mod unsubscribe;
mod view;

use axum::Router;
use axum::middleware::from_fn_with_state;
use contract::AccountId;
use http::{HeaderMap, header};
use http_server::{Idempotency, compress_json};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::error::Error;
use crate::model::Language;
use crate::state::Notify;
use crate::store::settings;

#[derive(utoipa::OpenApi)]
#[openapi(tags(
    (name = "notifications", description = "What concerns a member: the list, live, and what they want to hear of.")
))]
struct ApiDoc;

fn documented_routes() -> OpenApiRouter<Notify> {
    OpenApiRouter::with_openapi(ApiDoc::openapi())
        .routes(routes!(list::list))
        .routes(routes!(list::remove))
        .routes(routes!(marks::seen))
        .routes(routes!(marks::read))
        .routes(routes!(stream::follow))
        .routes(routes!(preferences::show, preferences::set))
        .routes(routes!(announcements::list, announcements::create))
        .routes(routes!(announcements::cancel))
        .routes(routes!(reminders::list, reminders::create))
        .routes(routes!(reminders::remove))
        .routes(routes!(reminders::snooze))
        .routes(routes!(unsubscribe::show, unsubscribe::stop))
        .routes(routes!(mutes::list))
        .routes(routes!(mutes::mute, mutes::unmute))
        .routes(routes!(devices::list, devices::register))
        .routes(routes!(devices::remove))
        .routes(routes!(devices::set_foreground))
        .routes(routes!(devices::push_key))
}

/// Returns the OpenAPI part of this role.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    documented_routes().into_openapi()
}

/// Returns the routes, public and internal.
pub(crate) fn router(notify: &Notify) -> Router {
    let (router, _) = documented_routes().split_for_parts();
    let routes = router.with_state(notify.clone());
    let context = &notify.context;
    let idempotency = Idempotency::new(context.db.clone(), context.clock.clone(), routes.clone());
    let routes = routes
        .layer(from_fn_with_state(idempotency, Idempotency::layer))
        .merge(internal::router().with_state(notify.clone()));
    compress_json(routes)
}

/// Returns the language of what a member reads: that of the preferences, else that of the request.
async fn language_of(notify: &Notify, member: AccountId, headers: &HeaderMap) -> Result<Language, Error> {
    let preferences = settings::find(notify.context.db.read(), member).await?;
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Ok(preferences.language.unwrap_or_else(|| Language::of_header(wanted)))
}
