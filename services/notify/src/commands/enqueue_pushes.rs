//! Enqueuing the pushes of an event.
//!
//! A member's preferences decide whether a kind is pushed; in quiet hours it waits for their end. Invariant: an event
//! enqueues its pushes once, however often it is delivered; one that is delivered after their time is counted.

use std::collections::{BTreeSet, HashMap};

use contract::AccountId;
use contract::notify::{Notified, NotifiedMember};
use db::Lane;

use crate::error::Error;
use crate::model::Preferences;
use crate::state::Notify;
use crate::store::devices::DeviceOf;
use crate::store::pushes::NewPush;
use crate::store::{devices, people, pushes, settings};

/// The durable consumer of the events.
pub(crate) const CONSUMER: &str = "notify.push";
/// Rows of one transaction.
const MAX_ROWS: usize = 500;

/// Enqueues pushes for the devices of the members of an event. `event_id` is the id under which it was delivered.
pub(crate) async fn enqueue_pushes(notify: &Notify, event: &Notified, event_id: &str) -> Result<(), Error> {
    let of_each_notice = pushes_of_each(notify, event).await?;
    let devices_of_each = usize::try_from(notify.config.push_max_devices).unwrap_or(usize::MAX).max(1);
    // The chunks are those of the notices, so that they are the same when the event is delivered again.
    let chunk = (MAX_ROWS / devices_of_each).max(1);
    for (number, pushes) in of_each_notice.chunks(chunk).enumerate() {
        let pushes: Vec<NewPush> = pushes.iter().flatten().cloned().collect();
        if !pushes.is_empty() {
            insert(notify, pushes, format!("{event_id}#{number}")).await?;
        }
    }
    Ok(())
}

/// Inserts pushes, once for a key.
async fn insert(notify: &Notify, pushes: Vec<NewPush>, key: String) -> Result<(), Error> {
    let now = notify.context.clock.now();
    let (expired, rows): (Vec<NewPush>, Vec<NewPush>) = pushes.into_iter().partition(|push| push.expires_at <= now);
    let is_first = notify
        .context
        .db
        .write(Lane::of_each(rows.iter().map(|push| push.member)), async move |tx| {
            if !tx.record_once(CONSUMER, &key, now).await? {
                return Ok(false);
            }
            let erased = people::list_erased(tx, &unique(rows.iter().map(|push| push.member))).await?;
            let rows = rows.into_iter().filter(|push| !erased.contains(&push.member)).collect();
            pushes::insert_each(tx, rows).await?;
            Ok::<_, Error>(true)
        })
        .await?;
    if is_first {
        notify.metrics.pushes_expired.inc_by(expired.len() as u64);
        notify.push.recorded.notify_waiters();
    }
    Ok(())
}

/// Returns the pushes of each notice of an event; nothing at all if no member is to be told.
async fn pushes_of_each(notify: &Notify, event: &Notified) -> Result<Vec<Vec<NewPush>>, Error> {
    let (sql, now) = (notify.context.db.read(), notify.context.clock.now());
    if !notify.push.is_on() {
        return Ok(Vec::new());
    }
    let members = unique(event.notices.iter().map(|notice| notice.member));
    let mut devices: HashMap<AccountId, Vec<DeviceOf>> = HashMap::new();
    for device in devices::list_of_each(sql, &members).await?.into_iter().filter(|one| notify.push.has(one.kind)) {
        devices.entry(device.member).or_default().push(device);
    }
    if devices.is_empty() {
        return Ok(Vec::new());
    }
    let preferences: HashMap<AccountId, Preferences> = settings::list(sql, &members).await?.into_iter().collect();
    let defaults = Preferences::default();
    let of_notice = |notice: &NotifiedMember| -> Vec<NewPush> {
        let preferences = preferences.get(&notice.member).unwrap_or(&defaults);
        let devices = devices.get(&notice.member).filter(|_| preferences.of(event.kind).push);
        let quiet_until = preferences.quiet_hours.as_ref().and_then(|quiet| quiet.end_after(now));
        let push = |device: &DeviceOf| NewPush {
            id: notify.context.random.uuid_v7(now),
            device: device.device,
            member: notice.member,
            provider: device.kind,
            group: notice.group,
            notice: notice.notice,
            kind: event.kind,
            due_at: quiet_until.unwrap_or(now),
            expires_at: quiet_until.unwrap_or(event.at) + notify.config.push_ttl(),
        };
        devices.into_iter().flatten().map(push).collect()
    };
    Ok(event.notices.iter().map(of_notice).collect())
}

/// Returns each account once, in one order.
fn unique(accounts: impl Iterator<Item = AccountId>) -> Vec<AccountId> {
    accounts.collect::<BTreeSet<AccountId>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use base::config::Secret;
    use chrono::{DateTime, TimeDelta, Utc};
    use contract::notify::NoticeKind;
    use testkit::World;
    use uuid::Uuid;

    use super::*;
    use crate::commands::{Settled, lease_pushes, register_device, settle_pushes};
    use crate::config::Config;
    use crate::model::{Address, DeviceKind, WebAddress};
    use crate::push::new_vapid_key;

    const ADA: AccountId = AccountId(Uuid::from_u128(1));

    /// Returns the event of a notice with this id, always of the same group.
    fn event(notice: u128, at: DateTime<Utc>) -> Notified {
        let notice = NotifiedMember { member: ADA, notice: Uuid::from_u128(notice), group: Uuid::from_u128(9) };
        Notified { kind: NoticeKind::Followed, notices: vec![notice], at }
    }

    /// Leases what is due. Returns the lease, and the id and the notice of each push.
    async fn lease(notify: &Notify) -> (Uuid, Vec<(Uuid, u128)>) {
        let (lease, pushes) = lease_pushes(notify, DeviceKind::Webpush, 100).await.unwrap();
        (lease, pushes.iter().map(|push| (push.id, push.notice.as_u128())).collect())
    }

    #[tokio::test]
    async fn an_event_is_pushed_once_and_a_newer_one_takes_the_place_of_what_is_being_sent() {
        let world = World::of(&[crate::service()]).await;
        let context = world.context("notify").clone();
        let (pem, public_key) = new_vapid_key(&context.random).unwrap();
        let config = Config {
            push_vapid_key: Some(Secret::from(pem)),
            push_vapid_subject: Some("mailto:ops@example.org".to_owned()),
            ..Config::default()
        };
        // The world's own role has no key, so it sends nothing.
        let (notify, now) = (Notify::new(context, config).unwrap(), world.clock().now());
        let web = WebAddress::of_stored("https://push.example/1", &public_key, "BTBZMqHH6r4Tts7J_aSIgg").unwrap();
        register_device(&notify, (ADA, Uuid::nil()), Address::Webpush(web), None).await.unwrap();
        for _ in 0..2 {
            enqueue_pushes(&notify, &event(5, now), "a").await.unwrap();
        }
        let (first, pushes) = lease(&notify).await;
        let [(id, 5)] = pushes[..] else { panic!("{pushes:?}") };
        assert!(lease(&notify).await.1.is_empty(), "it is leased");
        enqueue_pushes(&notify, &event(6, now), "b").await.unwrap();
        settle_pushes(&notify, DeviceKind::Webpush, first, vec![(id, Settled::Done)]).await.unwrap();
        let (second, pushes) = lease(&notify).await;
        let [(id, 6)] = pushes[..] else { panic!("{pushes:?}") };
        settle_pushes(&notify, DeviceKind::Webpush, second, vec![(id, Settled::Done)]).await.unwrap();
        // A lease that ends by itself would give it back.
        world.clock().advance(TimeDelta::minutes(5));
        enqueue_pushes(&notify, &event(5, now), "a").await.unwrap();
        assert!(lease(&notify).await.1.is_empty(), "both were sent");

        world.clock().advance(TimeDelta::hours(25));
        enqueue_pushes(&notify, &event(7, now), "c").await.unwrap();
        assert!(lease(&notify).await.1.is_empty(), "it is past its time");
        assert_eq!(notify.metrics.pushes_expired.get(), 1);
        world.end().await;
    }
}
