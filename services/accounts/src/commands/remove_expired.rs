//! Removing idle sessions, expired networks, mailed codes, sign-ins and challenges, factors that were never confirmed,
//! and what is stored of sessions and suspensions that ended long ago; and announcing the end of API keys that have
//! expired.
//!
//! Invariant: it can run at any time and any number of times, and removes only what is due.

use chrono::TimeDelta;
use db::Lane;
use db::schedule::Run;
use http_server::auth::KEPT;
use screening_store::{FIRST_TEXT_AGE, texts, verdicts};

use crate::error::Error;
use crate::model::MAIL_WINDOW;
use crate::state::Accounts;
use crate::store;
use crate::store::verdicts::HOME;

/// Rows of each kind per transaction. Small, so that other writes never wait long.
const BATCH_ROWS: u64 = 500;
/// How long a verdict is kept: as long as a decision of moderation about it, by default.
const VERDICT_AGE: TimeDelta = TimeDelta::days(180);
/// After how long without a link to it a site is new again for verdicts.
const DOMAIN_AGE: TimeDelta = TimeDelta::days(365);

/// Removes all sessions that were idle for too long, all networks that were not used for too long, all ended sessions
/// and suspensions whose tokens have ended too, all mailed codes that can't be used, all old sign-ins, all factors
/// and challenges whose time is over, and what verdicts compare with no more, in batches. What was set up with an API
/// key that has expired ends with it.
pub(crate) async fn remove_expired(accounts: &Accounts, run: &Run) -> Result<(), Error> {
    let now = accounts.context.clock.now();
    let idle_since = now - accounts.config.session_idle_timeout();
    // A token is valid for less than a session may be idle, unless that is configured to be very short.
    let operators_idle_since = now - accounts.config.session_limits(true).idle.max(KEPT);
    loop {
        let run = run.clone();
        // A batch has rows of many accounts. In lanes of their own, refreshes could use a session between its selection
        // and its removal, and sign-outs could lock the same rows in another order.
        let removed = accounts
            .context
            .db
            .write(Lane::ALL, async move |tx| {
                run.fence(tx).await?;
                let idle_sessions = store::sessions::remove_idle(tx, idle_since, BATCH_ROWS, now).await?;
                let idle_operators =
                    store::sessions::remove_idle_operators(tx, operators_idle_since, BATCH_ROWS, now).await?;
                let ended_sessions = store::ended_sessions::remove(tx, now - KEPT, BATCH_ROWS).await?;
                let removed_networks = store::known_networks::remove_expired(tx, now, BATCH_ROWS).await?;
                // An expired code still counts as a mail of the last hour.
                let codes = store::mailed_codes::remove_expired(tx, now - MAIL_WINDOW, BATCH_ROWS).await?;
                let sign_ins = store::sign_ins::remove_expired(tx, now, BATCH_ROWS).await?;
                let lifted_rules = store::account_rules::remove(tx, now - KEPT, BATCH_ROWS).await?;
                let factors = store::factors::remove_expired(tx, now, BATCH_ROWS).await?;
                let challenges = store::passkey_challenges::remove_expired(tx, now, BATCH_ROWS).await?;
                let used_challenges = store::used_challenges::remove_expired(tx, now, BATCH_ROWS).await?;
                let ended_keys = store::api_keys::end_expired(tx, now, BATCH_ROWS).await?;
                let rows = BATCH_ROWS as usize;
                let texts = texts::remove_old_first(tx, &HOME, now - FIRST_TEXT_AGE, rows).await?;
                let domains = texts::remove_old_domains(tx, &HOME, now - DOMAIN_AGE, rows).await?;
                let verdicts = verdicts::remove_old(tx, &HOME, now - VERDICT_AGE, rows).await?;
                Ok::<_, db::Error>([
                    texts,
                    domains,
                    verdicts,
                    idle_sessions,
                    idle_operators,
                    ended_sessions,
                    removed_networks,
                    codes,
                    sign_ins,
                    lifted_rules,
                    factors,
                    challenges,
                    used_challenges,
                    ended_keys,
                ])
            })
            .await?;
        if removed.iter().all(|rows| *rows < BATCH_ROWS) {
            return Ok(());
        }
    }
}
