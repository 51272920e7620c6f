//! Counting that a greeting was opened.
//!
//! Invariant: a visitor counts once an hour, and the sender is told of the first opening once.

use contract::social::talk::GreetingOpened;
use db::Lane;

use crate::error::Error;
use crate::model::{Greeting, Person};
use crate::state::Social;
use crate::store::greetings;

/// The most visitors that are known of a greeting at once; further ones are not counted.
const MAX_VISITORS: i64 = 1_000;

/// Counts that a visitor has opened a greeting.
pub(crate) async fn count_opening(
    social: &Social,
    sender: Person,
    greeting: &Greeting,
    visitor: String,
) -> Result<(), Error> {
    let (now, id) = (social.context.clock.now(), greeting.id);
    social
        .context
        .db
        .write(Lane::of(&sender.account), async move |tx| {
            // It may have been revoked meanwhile.
            let Some(greeting) = greetings::find(tx, id, sender.number).await? else { return Ok(()) };
            let is_counted = greetings::count_opening(tx, id, &visitor, MAX_VISITORS, now).await?;
            if is_counted && greeting.opened_at.is_none() {
                tx.publish(&GreetingOpened { id, sender: sender.account, at: now }, now)?;
            }
            Ok::<_, Error>(())
        })
        .await
}
