//! Devices and pushes that wait in notify's database, as its own statements would have written them.
//!
//! Does not own the schema: the server has made it. Invariant: each member has one unseen notice and one device of each
//! kind, and a push is of that notice, so that none is skipped.

use base::Random;
use chrono::{DateTime, TimeDelta, Utc};
use db::{Db, Lane, Sql as _, Value};
use uuid::Uuid;

use crate::Error;
use crate::community::rows::insert;
use crate::notices::{self, Authors};

/// The keys of a browser in the example of RFC 8291, appendix A.
const BROWSER_PUBLIC_KEY: &str =
    "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
const BROWSER_SECRET: &str = "BTBZMqHH6r4Tts7J_aSIgg";
/// When a push is no longer worth showing: the default of `notify.push_ttl_hours`.
const TTL: TimeDelta = TimeDelta::hours(24);
/// The rank of a push that is not urgent.
const NORMAL: i64 = 1;

const DEVICE: &str = "device (id, member, kind, address, address_hash, public_key, auth_secret, registered_us)";
const PUSH: &str = "push (
    id, device, member, provider, group_id, notice, kind, action, state, priority, attempts, due_us, expires_us
)";

/// A service that brings pushes to devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// Firebase Cloud Messaging.
    Fcm,
    /// The Apple Push Notification service.
    Apns,
    /// The push service of a browser.
    Webpush,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Fcm, Self::Apns, Self::Webpush];

    /// Returns its name in the database.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fcm => "fcm",
            Self::Apns => "apns",
            Self::Webpush => "webpush",
        }
    }
}

/// Members who are told of one thing each.
#[derive(Debug)]
pub struct Recipients {
    members: Vec<Uuid>,
    notices: Vec<Uuid>,
    /// The first device of each member; the others are the next numbers.
    devices: Vec<Uuid>,
}

impl Recipients {
    /// Makes members with a notice and a device of each kind. `url` is where the browsers' push service is.
    pub async fn insert(db: &Db, count: usize, url: &str, random: &Random, now: DateTime<Utc>) -> Result<Self, Error> {
        let authors = Authors::insert(db, 1, random).await?;
        let draw = || (0..count).map(|_| random.uuid_v4()).collect::<Vec<Uuid>>();
        let (mut members, devices) = (draw(), draw());
        members.sort_unstable();
        let notices = notices::insert_one_each(db, &members, &authors, random, now).await?;
        let recipients = Self { members, notices, devices };
        for provider in Provider::ALL {
            let rows = (0..count).map(|at| recipients.device_row(provider, at, url, now));
            insert(db, DEVICE, rows).await?;
        }
        Ok(recipients)
    }

    fn device(&self, provider: Provider, at: usize) -> Uuid {
        Uuid::from_u128(self.devices[at].as_u128() ^ provider as u128)
    }

    fn device_row(&self, provider: Provider, at: usize, url: &str, now: DateTime<Utc>) -> [Value; 8] {
        let id = self.device(provider, at);
        let (address, keys) = match provider {
            Provider::Fcm => (format!("bench:{}", id.simple()), None),
            Provider::Apns => (format!("{0}{0}", id.simple()), None),
            Provider::Webpush => {
                (format!("{url}/web/{}", id.simple()), Some((BROWSER_PUBLIC_KEY.to_owned(), BROWSER_SECRET.to_owned())))
            }
        };
        let (public_key, secret) = keys.unzip();
        [
            id.into(),
            self.members[at].into(),
            provider.name().into(),
            address.into(),
            // Only registering reads it.
            format!("bench {}", id.simple()).into(),
            public_key.into(),
            secret.into(),
            now.timestamp_micros().into(),
        ]
    }

    /// Makes one push of a provider due for each member. Returns how many.
    pub async fn insert_pushes(
        &self,
        db: &Db,
        provider: Provider,
        random: &Random,
        now: DateTime<Utc>,
    ) -> Result<usize, Error> {
        let rows = (0..self.members.len()).map(|at| {
            let (notice, due_us) = (self.notices[at], now.timestamp_micros());
            [
                random.uuid_v7(now).into(),
                self.device(provider, at).into(),
                self.members[at].into(),
                provider.name().into(),
                notice.into(),
                notice.into(),
                "posted".into(),
                "show".into(),
                "waiting".into(),
                NORMAL.into(),
                0_i64.into(),
                due_us.into(),
                (now + TTL).timestamp_micros().into(),
            ]
        });
        insert(db, PUSH, rows).await?;
        Ok(self.members.len())
    }
}

const REMOVE: &str = "
    delete from push
     where provider = $1";

/// Removes the pushes of a provider, which devices show.
pub async fn remove(db: &Db, provider: Provider) -> Result<(), Error> {
    let name = provider.name();
    db.write(Lane::NONE, async move |tx| tx.execute(REMOVE, vec![name.into()]).await).await?;
    Ok(())
}
