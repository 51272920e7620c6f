//! The `[notify]` section.
//!
//! Invariant: every bound of this role that an operator may change is here.

use std::path::PathBuf;

use base::config::Secret;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Notices.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// How many days a notice is kept, 1 to 3650. One that grows is as old as the last that it tells of.
    pub days: u32,
    /// Where notices are kept: `sql`, in the role's own database; `dynamodb`, in the table of `[dynamodb]`. Notices are
    /// not moved from one to the other.
    #[schema(value_type = String)]
    pub history: HistoryEngine,
    /// How many announcements of operators may begin within any seven days before and after one, so that members are
    /// not flooded.
    pub announcements_per_week: u32,
    /// The most devices of a member. One more removes the one that was registered longest ago.
    pub push_max_devices: u32,
    /// For how many hours a push waits for its device or its provider, 1 to 672.
    pub push_ttl_hours: u32,
    /// The most pushes that wait here. While there are more, events wait on the bus; no push is dropped for it.
    pub push_max_waiting: u64,
    /// Networks that the push services of browsers may be in although they are not on the public internet, also without
    /// TLS, such as `["127.0.0.0/8", "::1/128"]` on a developer's machine. Members can then make this server send
    /// requests there.
    pub push_allow_networks: Vec<String>,
    /// A PEM file of certificates to trust in addition to the system's.
    #[schema(value_type = Option<String>)]
    pub push_ca_file: Option<PathBuf>,
    /// The private key for Web Push in PEM, as `tutti keys vapid` makes it. It is safer in a file, or in the
    /// environment as `TUTTI_NOTIFY_PUSH_VAPID_KEY`. Without a key browsers get no pushes; a new key ends their
    /// subscriptions.
    #[schema(value_type = Option<String>)]
    pub push_vapid_key: Option<Secret>,
    /// A file that contains only that key.
    #[schema(value_type = Option<String>)]
    pub push_vapid_key_file: Option<PathBuf>,
    /// Whom the operators of push services can reach: `mailto:you@example.org`, or an `https` URL. Apple refuses those
    /// of `localhost`, and those with spaces.
    pub push_vapid_subject: Option<String>,
    /// The JSON of a service account of Google, for Firebase. It is safer in a file, or in the environment as
    /// `TUTTI_NOTIFY_PUSH_FCM_ACCOUNT`. Without it Android devices get no pushes.
    #[schema(value_type = Option<String>)]
    pub push_fcm_account: Option<Secret>,
    /// A file that contains only that JSON.
    #[schema(value_type = Option<String>)]
    pub push_fcm_account_file: Option<PathBuf>,
    /// The origin of Firebase.
    pub push_fcm_url: String,
    /// The key of Apple (`.p8`). It is safer in a file, or in the environment as `TUTTI_NOTIFY_PUSH_APNS_KEY`. Without
    /// it devices of Apple get no pushes, but for browsers.
    #[schema(value_type = Option<String>)]
    pub push_apns_key: Option<Secret>,
    /// A file that contains only that key.
    #[schema(value_type = Option<String>)]
    pub push_apns_key_file: Option<PathBuf>,
    /// The id of that key.
    pub push_apns_key_id: Option<String>,
    /// The team of Apple that the key belongs to.
    pub push_apns_team_id: Option<String>,
    /// The bundle id of the app.
    pub push_apns_topic: Option<String>,
    /// The origin of Apple's service; `https://api.sandbox.push.apple.com` for apps under development.
    pub push_apns_url: String,
}

/// Where notices are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum HistoryEngine {
    /// In the role's own database.
    Sql,
    /// In a table of DynamoDB.
    Dynamodb,
}

/// The longest time for which notices are kept, in days.
const MAX_DAYS: u32 = 3650;
/// The longest time for which providers keep a push, in hours: four weeks.
const MAX_PUSH_TTL_HOURS: u32 = 672;

impl Config {
    /// Returns how long a notice is kept: a day at least.
    pub(crate) fn age(&self) -> TimeDelta {
        TimeDelta::days(i64::from(self.kept_days()))
    }

    /// Returns the same in days.
    pub(crate) fn kept_days(&self) -> u32 {
        self.days.clamp(1, MAX_DAYS)
    }

    /// Returns for how long a push is worth showing: an hour at least.
    pub(crate) fn push_ttl(&self) -> TimeDelta {
        TimeDelta::hours(i64::from(self.push_ttl_hours.clamp(1, MAX_PUSH_TTL_HOURS)))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            days: 90,
            history: HistoryEngine::Sql,
            announcements_per_week: 7,
            push_max_devices: 20,
            push_ttl_hours: 24,
            push_max_waiting: 1_000_000,
            push_allow_networks: Vec::new(),
            push_ca_file: None,
            push_vapid_key: None,
            push_vapid_key_file: None,
            push_vapid_subject: None,
            push_fcm_account: None,
            push_fcm_account_file: None,
            push_fcm_url: "https://fcm.googleapis.com".to_owned(),
            push_apns_key: None,
            push_apns_key_file: None,
            push_apns_key_id: None,
            push_apns_team_id: None,
            push_apns_topic: None,
            push_apns_url: "https://api.push.apple.com".to_owned(),
        }
    }
}
