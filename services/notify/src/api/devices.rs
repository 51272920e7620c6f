//! `/v1/devices` and `/v1/push/key`: the devices that the caller's notices are pushed to.
//!
//! Invariant: no response has a token, an endpoint or a key of a subscription.

use axum::extract::State;
use chrono::{DateTime, Utc};
use contract::AccountId;
use http::StatusCode;
use http_server::auth::Member;
use http_server::{Json, List, Path};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::commands;
use crate::error::Error;
use crate::model::{Address, DeviceKind, Language, Subscription};
use crate::state::Notify;
use crate::store::devices;
use crate::store::devices::Device;

/// A device to register.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDevice, example = json!({
    "kind": "fcm",
    "token": "cX7aQm2kT0:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx",
    "language": "fr",
}))]
pub(super) struct DeviceBody {
    /// How it is reached.
    kind: DeviceKind,
    /// The token of Firebase or Apple.
    #[schema(max_length = 2048)]
    token: Option<String>,
    /// The subscription of a browser.
    subscription: Option<Subscription>,
    /// The language of what it shows; `null` for that of the preferences.
    language: Option<Language>,
}

/// A device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Device, example = json!({
    "id": "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63",
    "kind": "fcm",
    "language": "fr",
    "registered_at": "2026-11-30T08:00:00Z",
}))]
pub(super) struct DeviceView {
    /// The id.
    id: Uuid,
    /// How it is reached.
    kind: DeviceKind,
    /// The language of what it shows; `null` for that of the preferences.
    #[schema(required)]
    language: Option<Language>,
    /// When it was registered, or last registered again.
    registered_at: DateTime<Utc>,
}

impl From<Device> for DeviceView {
    fn from(device: Device) -> Self {
        let (id, kind) = (device.id, device.address.kind());
        Self { id, kind, language: device.language, registered_at: device.registered_at }
    }
}

/// Whether a device shows the app.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DeviceForeground, example = json!({"foreground": true}))]
pub(super) struct ForegroundBody {
    /// Whether it does.
    foreground: bool,
}

/// Which devices can be reached.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PushKey, example = json!({
    "public_key": "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8",
    "kinds": ["webpush"],
}))]
pub(super) struct PushKeyView {
    /// The public key for subscriptions of browsers (`applicationServerKey`); `null` if they can't be reached.
    #[schema(required)]
    public_key: Option<String>,
    /// The kinds of devices that this installation can reach.
    kinds: Vec<DeviceKind>,
}

/// Registers a device for pushes, or renews it.
///
/// The same token or endpoint is one device, however often it is registered: an app does it at every start. A device
/// that another member had registered is the caller's from now on. There is a limit; the device that was registered
/// longest ago makes room. When the session or the API key ends in which it was registered last, it is removed.
#[utoipa::path(
    post,
    path = "/v1/devices",
    operation_id = "register_device",
    tag = "notifications",
    security(("token" = [])),
    request_body = DeviceBody,
    responses(
        (
            status = 200,
            description = "The device",
            body = DeviceView,
        ),
    ),
    extensions(
        ("x-codes" = json!(["notify.invalid_device", "notify.no_push_key"])),
    ),
)]
pub(super) async fn register(
    State(notify): State<Notify>,
    member: Member,
    Json(body): Json<DeviceBody>,
) -> Result<Json<DeviceView>, Error> {
    let address = Address::parse(body.kind, body.token.as_deref(), body.subscription.as_ref(), &notify.push.rules)?;
    let device =
        commands::register_device(&notify, (AccountId(member.id()), member.0.sid), address, body.language).await?;
    Ok(Json(device.into()))
}

/// Lists the caller's devices, the newest first.
///
/// All on one page.
#[utoipa::path(
    get,
    path = "/v1/devices",
    operation_id = "list_devices",
    tag = "notifications",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The devices",
            body = List<DeviceView>,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
    ),
)]
pub(super) async fn list(State(notify): State<Notify>, member: Member) -> Result<Json<List<DeviceView>>, Error> {
    let max = usize::try_from(notify.config.push_max_devices).unwrap_or(usize::MAX);
    let found = devices::list(notify.context.db.read(), AccountId(member.id()), max).await?;
    Ok(Json(List { items: found.into_iter().map(DeviceView::from).collect(), next: None }))
}

/// Removes a device.
///
/// Nothing is pushed to it any more, also not what waits. An app does it when its member signs out.
#[utoipa::path(
    delete,
    path = "/v1/devices/{id}",
    operation_id = "remove_device",
    tag = "notifications",
    security(("token" = [])),
    params(
        ("id" = Uuid, Path, description = "The device's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63"),
    ),
    responses(
        (
            status = 204,
            description = "Removed",
        ),
    ),
    extensions(
        ("x-codes" = json!(["notify.no_such_device"])),
    ),
)]
pub(super) async fn remove(
    State(notify): State<Notify>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, Error> {
    commands::remove_device(&notify, AccountId(member.id()), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says whether a device shows the app.
///
/// While it does, nothing is pushed to it: the app shows it itself. It ends after 90 seconds; an app that stays in the
/// foreground says it again every minute, and says when it leaves.
#[utoipa::path(
    post,
    path = "/v1/devices/{id}/foreground",
    operation_id = "set_device_foreground",
    tag = "notifications",
    security(("token" = [])),
    request_body = ForegroundBody,
    params(
        ("id" = Uuid, Path, description = "The device's id", example = "0198f3a2-6c1e-7b40-9d52-3f8e1c7a4b63"),
    ),
    responses(
        (
            status = 204,
            description = "Done",
        ),
    ),
    extensions(
        ("x-codes" = json!(["notify.no_such_device"])),
    ),
)]
pub(super) async fn set_foreground(
    State(notify): State<Notify>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(body): Json<ForegroundBody>,
) -> Result<StatusCode, Error> {
    commands::set_foreground(&notify, AccountId(member.id()), id, body.foreground).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns which devices can be reached, and the public key for browsers.
///
/// A page gives the key to `PushManager.subscribe()`. A subscription with another key is to be made anew.
#[utoipa::path(
    get,
    path = "/v1/push/key",
    operation_id = "show_push_key",
    tag = "notifications",
    security(("token" = [])),
    responses(
        (
            status = 200,
            description = "The kinds of devices, and the key",
            body = PushKeyView,
        ),
    ),
    extensions(
        ("x-codes" = json!([])),
    ),
)]
pub(super) async fn push_key(_: Member, State(notify): State<Notify>) -> Json<PushKeyView> {
    let kinds = DeviceKind::ALL.into_iter().filter(|kind| notify.push.has(*kind)).collect();
    Json(PushKeyView { public_key: notify.push.vapid_public_key.clone(), kinds })
}
