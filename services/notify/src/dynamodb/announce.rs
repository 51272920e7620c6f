//! Publishing what was added, in the role's own database, which shares no transaction with the table.
//!
//! The events are recorded after the notices are stored. A process may be killed in between; then the event that was
//! handled comes again, its entries are there already, and are published then. Invariant: a notice is published once
//! for each id that it has, however often that happens.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use contract::notify::{NoticeKind, Notified, NotifiedMember};
use db::{Error, Lane};

use super::add::Added;
use super::history::DynamoHistory;

/// The name under which the inbox remembers what was published.
const PUBLISHER: &str = "notify.history";
/// How long after it was stored a notice is published at all. An event is delivered again within this time, and the
/// inbox remembers for longer; what is undone and done again later is not news.
const REPEATED: TimeDelta = TimeDelta::days(7);

impl DynamoHistory {
    /// Publishes what was added, and what was added before and may not have been published.
    pub(super) async fn publish(&self, added: &[Added], now: DateTime<Utc>) -> Result<(), Error> {
        let mut by_kind: BTreeMap<NoticeKind, Vec<NotifiedMember>> = BTreeMap::new();
        for Added { member, entry, is_new } in added {
            let millis = i64::try_from(entry.notice.as_u128() >> 80).unwrap_or_default();
            let is_recent = now.timestamp_millis() - millis < REPEATED.num_milliseconds();
            if entry.is_filtered || !(*is_new || is_recent) {
                continue;
            }
            let notified = NotifiedMember { member: *member, notice: entry.notice, group: entry.group };
            // What was added is of a kind that this release knows.
            if let Some(kind) = entry.kind.known() {
                by_kind.entry(kind).or_default().push(notified);
            }
        }
        for (kind, notices) in by_kind {
            self.publish_once(kind, notices, now).await?;
        }
        Ok(())
    }

    async fn publish_once(
        &self,
        kind: NoticeKind,
        notices: Vec<NotifiedMember>,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let write = self.db.write(Lane::NONE, async move |tx| {
            let ids: Vec<String> = notices.iter().map(|notified| notified.notice.to_string()).collect();
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let first = tx.record_once_each(PUBLISHER, &ids, now).await?;
            let is_first = |notified: &NotifiedMember| first.contains(&notified.notice.to_string());
            let notices: Vec<NotifiedMember> = notices.iter().copied().filter(is_first).collect();
            if !notices.is_empty() {
                tx.publish(&Notified { kind, notices, at: now }, now)?;
            }
            Ok::<_, Error>(())
        });
        write.await
    }
}
