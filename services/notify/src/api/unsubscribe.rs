//! `/v1/notifications/unsubscribe`: stopping mails with a link from one, without signing in.
//!
//! Mail programs send the POST by themselves (RFC 8058); people come by GET. Invariant: a GET changes nothing, because
//! scanners of mails follow links.

use axum::extract::State;
use axum::response::Redirect;
use contract::notify::NoticeKind;
use http::StatusCode;
use http_server::Query;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::commands;
use crate::error::Error;
use crate::state::Notify;
use crate::unsubscribe::Unsubscription;

/// Which mails are stopped.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UnsubscribeParams {
    /// The token of the link.
    #[param(example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63~mentioned~tkz2o0.3hW9dKx0Qp7LmT2vBnYc4R")]
    token: String,
    /// Only this one of the kinds that the mail was about.
    #[param(example = "mentioned")]
    kind: Option<NoticeKind>,
}

impl UnsubscribeParams {
    fn read(&self, notify: &Notify) -> Result<Unsubscription, Error> {
        let (signer, now) = (&notify.context.url_signer, notify.context.clock.now());
        Unsubscription::read(&self.token, signer, now).ok_or(Error::InvalidLink)
    }
}

/// Leads to the page on which mails are stopped.
///
/// For those who open the link of `List-Unsubscribe`. Nothing is stopped by it.
#[utoipa::path(
    get,
    path = "/v1/notifications/unsubscribe",
    operation_id = "show_unsubscribe_page",
    tag = "notifications",
    params(UnsubscribeParams),
    responses(
        (
            status = 303,
            description = "The page is at `Location`",
        ),
    ),
    extensions(
        ("x-codes" = json!(["notify.invalid_link", "request.invalid"])),
    ),
)]
pub(super) async fn show(
    State(notify): State<Notify>,
    Query(params): Query<UnsubscribeParams>,
) -> Result<Redirect, Error> {
    params.read(&notify)?;
    Ok(Redirect::to(&format!("/unsubscribe?token={}", params.token)))
}

/// Stops the mails that a mail was about.
///
/// The body is ignored: mail programs send `List-Unsubscribe=One-Click`. Nothing changes if they are stopped already.
/// The member can have them again by the preferences.
#[utoipa::path(
    post,
    path = "/v1/notifications/unsubscribe",
    operation_id = "unsubscribe_from_mails",
    tag = "notifications",
    params(UnsubscribeParams),
    responses(
        (
            status = 204,
            description = "Stopped",
        ),
    ),
    extensions(
        ("x-codes" = json!(["notify.invalid_link", "request.invalid"])),
    ),
)]
pub(super) async fn stop(
    State(notify): State<Notify>,
    Query(params): Query<UnsubscribeParams>,
) -> Result<StatusCode, Error> {
    let Unsubscription { member, mut kinds } = params.read(&notify)?;
    if let Some(kind) = params.kind {
        kinds.retain(|of_mail| *of_mail == kind);
    }
    commands::unsubscribe(&notify, member, kinds).await?;
    Ok(StatusCode::NO_CONTENT)
}
