//! The events that this role consumes: reports, verdicts of checks, sanctions, and what became of decisions elsewhere.
//! It publishes those of [`contract::moderation`] where its commands write.
//!
//! Invariant: handling an event twice changes nothing more (a report is in one case, a case ends once), so no
//! subscription needs the inbox.

use bus::{Delivery, HandlerError, Subscriptions};
use contract::accounts::{Erased, SanctionImposed, SanctionRefused};
use contract::moderation::{Decided, Reported, Screened};
use contract::social::talk::ReportClosed;

use crate::commands;
use crate::state::Moderation;

/// Returns the durable subscriptions. Their names must never change.
pub(crate) fn subscriptions() -> Subscriptions<Moderation> {
    Subscriptions::new()
        .on("moderation.reports", on_reported, |on| on)
        .on("moderation.verdicts", on_screened, |on| on)
        .on("moderation.answers", on_decided, |on| on)
        .on("moderation.closed", on_report_closed, |on| on)
        .on("moderation.refused", on_sanction_refused, |on| on)
        .on("moderation.imposed", on_sanction_imposed, |on| on)
        .on("moderation.erased", on_erased, |on| on)
}

async fn on_reported(moderation: Moderation, event: Reported, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::record_report(&moderation, event).await?)
}

async fn on_screened(moderation: Moderation, event: Screened, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::record_verdict(&moderation, event).await?)
}

/// Its own event: those who have reported are told in steps, after the decision.
async fn on_decided(moderation: Moderation, event: Decided, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::answer_reporters(&moderation, &event).await?)
}

async fn on_report_closed(moderation: Moderation, event: ReportClosed, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::close_elsewhere(&moderation, event).await?)
}

async fn on_sanction_refused(moderation: Moderation, event: SanctionRefused, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::record_refusal(&moderation, event.decision, event.why).await?)
}

async fn on_sanction_imposed(moderation: Moderation, event: SanctionImposed, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::record_sanction(&moderation, event).await?)
}

async fn on_erased(moderation: Moderation, event: Erased, _: Delivery) -> Result<(), HandlerError> {
    Ok(commands::erase_account(&moderation, event.account).await?)
}
