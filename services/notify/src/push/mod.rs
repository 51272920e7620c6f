//! The services that bring pushes to devices, behind one narrow trait.
//!
//! Owns the protocols, and when something is sent (`sender.rs`). Does not own the queue (`store/pushes.rs`). Invariant:
//! a request takes 10 s at most and keeps a few kilobytes of a response, whatever the other side does; no token,
//! endpoint or text is in a log or an error.
//!
//! # Lanes
//!
//! | write | lanes | what they protect |
//! |---|---|---|
//! | device: registered, removed, shown; its session | the member's account | their number; none comes back |
//! | pushes of an event; those of what was read | each member's account | none comes back after the erasure |
//! | pushes: leased, sent | the provider | two processes don't lease the same ones |
//! | provider token of Apple | its key | one is made at a time |
//! | pushes that have expired | all | rows of many members, in any order |

mod allow_list;
mod apns;
mod breakers;
mod fcm;
mod keys;
mod options;
mod outcome;
mod prepare;
mod provider_token;
mod requests;
pub(crate) mod sender;
mod servers;
mod webpush;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use base::Environment;
use chrono::{DateTime, Utc};
use outgoing::AddressRules;
use service::{BootError, Context};
use tokio::sync::Notify as Signal;
use uuid::Uuid;

pub use keys::new_vapid_key;
pub(crate) use options::{PushOptions, check_section, secret_files};
pub(crate) use outcome::Outcome;

use crate::model::{Address, DeviceKind, Priority};
use crate::stored_kind::StoredKind;
use breakers::Breakers;
use servers::Servers;

/// Requests to a provider at once: with a provider that answers after 100 ms, 5,000 a second.
const MAX_REQUESTS: usize = 512;

/// What a push says.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// A notice.
    Show {
        /// Its id.
        notice: Uuid,
        /// Its sentence, in the language of the device.
        text: String,
        /// Where it leads.
        url: String,
    },
    /// A notice that was read elsewhere, and is to be removed from the device.
    Withdraw,
}

/// A push, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Its id.
    pub id: Uuid,
    /// The notice's group: a push of the same group replaces an earlier one at the device.
    pub group: Uuid,
    /// What the notice is about.
    pub kind: StoredKind,
    /// How urgent it is.
    pub priority: Priority,
    /// When it is no longer worth showing.
    pub expires_at: DateTime<Utc>,
    /// Unseen notices of the member.
    pub badge: u64,
    /// What it says.
    pub content: Content,
}

impl Message {
    /// Returns for how many seconds a provider keeps it.
    fn ttl_seconds(&self, now: DateTime<Utc>) -> i64 {
        (self.expires_at - now).num_seconds().max(0)
    }

    /// Returns what apps and the page get beside the text.
    fn data(&self) -> BTreeMap<&'static str, String> {
        let mut data = BTreeMap::from([
            ("group", self.group.to_string()),
            ("kind", self.kind.as_str().to_owned()),
            ("badge", self.badge.to_string()),
        ]);
        match &self.content {
            Content::Show { notice, text, url } => {
                data.insert("action", "show".to_owned());
                data.insert("notice", notice.to_string());
                data.insert("text", text.clone());
                data.insert("url", url.clone());
            }
            Content::Withdraw => {
                data.insert("action", "withdraw".to_owned());
            }
        }
        data
    }
}

/// A service that brings pushes to devices of one kind.
#[async_trait]
pub(crate) trait Provider: Send + Sync {
    /// Returns the server that a push to this address goes to: what fails together has one breaker.
    fn server(&self, address: &Address) -> String;

    /// Sends a push, once.
    async fn send(&self, address: &Address, message: &Message) -> Outcome;
}

/// The push half of the role: which services are configured, and what they can take at the moment.
pub(crate) struct Push {
    /// The addresses that a browser's push service may have.
    pub rules: AddressRules,
    /// The public key of this installation for Web Push (RFC 8292 §3.2), in base64url.
    pub vapid_public_key: Option<String>,
    /// To whom pushes may go.
    allow_list: allow_list::AllowList,
    /// The services that are configured.
    providers: BTreeMap<DeviceKind, Arc<dyn Provider>>,
    /// Servers that fail.
    breakers: Breakers,
    /// Servers of Web Push that answer.
    servers: Servers,
    /// Notifies the senders when pushes were recorded.
    pub recorded: Signal,
    /// About how many pushes wait.
    waiting: AtomicU64,
}

impl Push {
    /// Creates the providers that the options have keys for.
    pub(crate) fn new(context: &Context, options: &PushOptions) -> Result<Self, BootError> {
        let mut providers: BTreeMap<DeviceKind, Arc<dyn Provider>> = BTreeMap::new();
        if let Some(account) = &options.fcm {
            providers.insert(DeviceKind::Fcm, Arc::new(fcm::Fcm::new(context, options, account)?));
        }
        if let Some(key) = &options.apns {
            providers.insert(DeviceKind::Apns, Arc::new(apns::Apns::new(context, options, key)?));
        }
        if let Some(vapid) = &options.vapid {
            providers.insert(DeviceKind::Webpush, Arc::new(webpush::Webpush::new(context, options, vapid)));
        }
        Ok(Self {
            rules: options.rules.clone(),
            vapid_public_key: options.vapid.as_ref().map(|vapid| vapid.public_key.clone()),
            allow_list: allow_list::AllowList::new(Environment::of(&context.config)?),
            providers,
            breakers: Breakers::default(),
            servers: Servers::default(),
            recorded: Signal::new(),
            waiting: AtomicU64::new(0),
        })
    }

    /// Whether devices of a kind can be reached.
    pub(crate) fn has(&self, kind: DeviceKind) -> bool {
        self.providers.contains_key(&kind)
    }

    /// Whether any device can be reached.
    pub(crate) fn is_on(&self) -> bool {
        !self.providers.is_empty()
    }

    /// Whether there are devices from which a notice can be removed.
    pub(crate) fn can_withdraw(&self) -> bool {
        self.has(DeviceKind::Fcm) || self.has(DeviceKind::Apns)
    }

    /// Returns about how many pushes wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    fn set_waiting(&self, count: u64) {
        self.waiting.store(count, Ordering::Relaxed);
    }
}
