//! `/v1/me/sign-ins`: where and when the account was signed in to.
//!
//! Invariant: a member sees only the sign-ins of their own account, and of an address only its network.

use axum::extract::State;
use axum::response::IntoResponse;
use http_server::{Json, List, Page, Query};
use uuid::Uuid;

use super::authenticated::Authenticated;
use super::views::{NO_STORE, SignInView};
use crate::error::Error;
use crate::queries;
use crate::state::Accounts;

/// Lists the sign-ins of the last 90 days, newest first, with attempts that failed.
///
/// Failed attempts from one device and network within an hour are one item.
#[utoipa::path(
    get,
    path = "/v1/me/sign-ins",
    operation_id = "list_sign_ins",
    tag = "accounts",
    params(Page),
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "A page of sign-ins",
            body = List<SignInView>,
        ),
    ),
    extensions(
        ("x-codes" = json!(["request.invalid"])),
    ),
)]
pub(super) async fn list(
    State(accounts): State<Accounts>,
    Authenticated(current): Authenticated,
    Query(page): Query<Page>,
) -> Result<impl IntoResponse, Error> {
    let after = page.after.as_deref().map(str::parse::<Uuid>).transpose().map_err(|_| Error::BadCursor)?;
    let (sign_ins, next) = queries::sign_ins_page(&accounts, &current, after, page.size()).await?;
    let items = sign_ins.into_iter().map(SignInView::from).collect();
    Ok((NO_STORE, Json(List { items, next: next.map(|id| id.to_string()) })))
}
