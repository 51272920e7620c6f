//! The events that this role consumes: deleted photos, disabled webhooks, decisions of moderation and what ends them,
//! and its own requests for a new password and for an export. It publishes [`contract::accounts::Erased`] where an
//! account is erased, [`contract::accounts::ProfileChanged`] where one is created or a profile changes,
//! [`contract::accounts::PrivacyChanged`] where its privacy is set, [`contract::accounts::StandingChanged`] where an
//! account is suspended or restored, [`contract::accounts::SanctionImposed`] where that is no decision of moderation,
//! [`contract::accounts::SanctionRefused`] where one is not followed, and [`contract::accounts::SessionsEnded`] where
//! sessions or API keys end.
//!
//! Invariant: once the event has been handled by which a photo was deleted, moved to the trash or made private, no
//! profile shows that photo; an act that is delivered twice is in the audit trail once, and a mail is sent once.

use std::time::Duration;

use base::config::Config;
use bus::{Delivery, HandlerError, Subscriptions};
use contract::media::{Changed, Deleted, Visibility};
use contract::moderation::{Decided, Overturned};
use contract::webhooks::Disabled;
use http_server::operators::Act;

use crate::commands::{self, AUDIT_CONSUMER, ExportRequested, ResetRequested};
use crate::state::Accounts;

const RESET_REQUESTED: &str = "accounts.reset_requested";
const EXPORT_REQUESTED: &str = "accounts.export_requested";
/// Exports that a process builds at once.
const MAX_CONCURRENT_EXPORTS: usize = 2;
const WEBHOOK_DISABLED: &str = "accounts.webhook_disabled";

/// Returns the durable subscriptions. Their names must never change.
pub(crate) fn subscriptions(_: &Config) -> Subscriptions<Accounts> {
    Subscriptions::new()
        .on("accounts.avatar", on_media_deleted, |on| on)
        .on("accounts.avatar_changed", on_media_changed, |on| on)
        .on(RESET_REQUESTED, on_reset_requested, |on| on)
        .on(EXPORT_REQUESTED, on_export_requested, |on| on.concurrency(MAX_CONCURRENT_EXPORTS))
        .on(WEBHOOK_DISABLED, on_webhook_disabled, |on| on)
        .on("accounts.decided", on_decided, |on| on)
        .on("accounts.overturned", on_overturned, |on| on)
        // The trail has one lane, so more at once would only wait.
        .on(AUDIT_CONSUMER, on_act, |on| on.concurrency(1))
}

/// Appends an act that another role recorded to the audit trail.
async fn on_act(accounts: Accounts, act: Act, delivery: Delivery) -> Result<(), HandlerError> {
    Ok(commands::record_act(&accounts, act, delivery.event.id).await?)
}

/// Handling an event twice changes nothing, so no inbox is needed.
async fn on_media_deleted(accounts: Accounts, deleted: Deleted, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::clear_avatar(&accounts, deleted.owner, deleted.id).await?)
}

/// As [`on_media_deleted`]: handling an event twice changes nothing.
async fn on_media_changed(accounts: Accounts, changed: Changed, _: Delivery) -> Result<(), HandlerError> {
    if changed.visibility != Visibility::Private && !changed.trashed {
        return Ok(());
    }
    commands::clear_hidden_avatar(&accounts, changed.id).await?;
    Ok(())
}

async fn on_reset_requested(
    accounts: Accounts,
    requested: ResetRequested,
    delivery: Delivery,
) -> Result<(), HandlerError> {
    Ok(commands::mail_password_reset(&accounts, requested, RESET_REQUESTED, delivery.event.id).await?)
}

/// An export is ready once, so no inbox is needed. One that takes long begins anew in the next process.
async fn on_export_requested(
    accounts: Accounts,
    requested: ExportRequested,
    delivery: Delivery,
) -> Result<(), HandlerError> {
    let tasks = accounts.context.tasks.clone();
    tokio::select! {
        built = commands::build_export(&accounts, requested, delivery.attempt) => Ok(built?),
        () = tasks.stopping() => Err(HandlerError::Later(Duration::ZERO)),
    }
}

async fn on_webhook_disabled(accounts: Accounts, disabled: Disabled, delivery: Delivery) -> Result<(), HandlerError> {
    Ok(commands::mail_disabled_webhook(&accounts, disabled, WEBHOOK_DISABLED, delivery.event.id).await?)
}

/// A sanction has the id of its decision, so no inbox is needed.
async fn on_decided(accounts: Accounts, decided: Decided, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::follow_decision(&accounts, decided).await?)
}

/// As [`on_decided`]: handling an event twice changes nothing.
async fn on_overturned(accounts: Accounts, overturned: Overturned, _: Delivery) -> Result<(), HandlerError> {
    commands::follow_won_appeal(&accounts, &overturned).await?;
    Ok(commands::follow_appeal(&accounts, overturned).await?)
}
