//! Replacing the secret of a webhook.
//!
//! Invariant: for a day both secrets sign, so a receiver that changes its own in that time refuses nothing.

use chrono::{DateTime, TimeDelta, Utc};
use db::Lane;
use http_server::operators::{Act, Actor};
use uuid::Uuid;

use crate::error::Error;
use crate::model::{SECRET_BYTES, Secret};
use crate::state::Webhooks;
use crate::store;

/// How long the former secret signs too.
const OVERLAP: TimeDelta = TimeDelta::hours(24);

/// Makes a new secret. Returns it, and until when the former one signs too; one before that signs no more.
pub(crate) async fn rotate_secret(
    webhooks: &Webhooks,
    actor: Actor,
    id: Uuid,
) -> Result<(Secret, DateTime<Utc>), Error> {
    let context = &webhooks.context;
    let now = context.clock.now();
    let (secret, until) = (Secret::new(context.random.bytes::<SECRET_BYTES>()), now + OVERLAP);
    let sealed = webhooks.seal(id, &secret)?;
    context
        .db
        .write(Lane::of(&id), async move |tx| {
            if !store::webhooks::set_secret(tx, id, sealed, until).await? {
                return Err(Error::NotFound);
            }
            Act::new(actor, "webhooks.secret_rotated", now).on("webhook", id).record(tx)?;
            Ok(())
        })
        .await?;
    Ok((secret, until))
}
