//! What clients have spent of their rates, shared by the gateways of a fleet over the bus's broadcast.
//!
//! Owns the messages, not the rates. A gateway collects for a twentieth of a second what clients have spent by parts of
//! a burst, and sends that in one message: no request waits for another process. Invariants: a message and what waits
//! for one are bounded; a lost message lets through more, it never refuses.

use std::sync::Arc;
use std::time::Duration;

use base::tasks::Tasks;
use bus::{Broadcast, BroadcastMessage, Subscriber};
use http_server::rate_table::Spent;
use serde::{Deserialize, Serialize};
use service::Context;

use super::rate_limits::RateLimits;
use super::rate_reports::Reports;
use crate::Config;

/// The broadcast topic.
const TOPIC: &str = "gateway.spent";
/// How long a gateway collects before it sends.
const COLLECTION_TIME: Duration = Duration::from_millis(50);
/// What the key of the hashes is derived for.
const KEY_SCOPE: &str = "gateway.rates";

/// What gateways need to share rates: the broadcast, a secret that they have in common, and the name of this one.
pub(super) struct RateSharing {
    broadcast: Broadcast,
    key: String,
    own_name: String,
}

/// A message, as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Message {
    /// The name of the gateway that sent it.
    from: String,
    /// The name of a limit, the hash of a client and the requests that it has spent, for each.
    spent: Vec<(String, u64, u32)>,
}

impl RateSharing {
    /// Returns what a process needs to share rates; `None` if its bus reaches no other one.
    pub(super) fn of(context: &Context) -> Option<Self> {
        let broadcast = context.bus.broadcast();
        broadcast.reaches_other_processes().then(|| Self {
            broadcast: broadcast.clone(),
            // It expired in 1970, so it is good for nothing but a key that every process of the installation has.
            key: context.url_signer.sign_until(KEY_SCOPE, "", chrono::DateTime::UNIX_EPOCH),
            own_name: context.random.id(),
        })
    }

    /// Returns limits that are shared until the process stops.
    pub(super) fn start(self, config: &Config, tasks: &Tasks) -> Arc<RateLimits> {
        let reports = Arc::<Reports>::default();
        let rates = Arc::new(RateLimits::shared(config, &self.key, &reports));
        let (following, subscriber, owner) = (rates.clone(), self.broadcast.subscribe(TOPIC), tasks.clone());
        let own_name = self.own_name.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = follow(&following, subscriber, &own_name) => {}
                () = owner.stopping() => {}
            }
        });
        let owner = tasks.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = self.publish(&reports) => {}
                () = owner.stopping() => {}
            }
        });
        rates
    }

    async fn publish(&self, reports: &Reports) {
        loop {
            reports.some().await;
            tokio::time::sleep(COLLECTION_TIME).await;
            let spent = reports.take().into_iter();
            let spent: Vec<_> = spent.map(|(limit, spent)| (limit.to_owned(), spent.client, spent.requests)).collect();
            if spent.is_empty() {
                continue;
            }
            match serde_json::to_string(&Message { from: self.own_name.clone(), spent }) {
                Ok(text) => self.broadcast.publish(TOPIC, &text),
                Err(error) => tracing::error!(%error, "the spent rates can't be written"),
            }
        }
    }
}

/// Counts what the other gateways report.
async fn follow(rates: &RateLimits, mut subscriber: Subscriber, own_name: &str) {
    while let Some(message) = subscriber.next().await {
        let BroadcastMessage::Update(_, text) = message else { continue };
        // An older or newer release may write something else; then the rates of both are their own.
        let Ok(message) = serde_json::from_str::<Message>(&text) else { continue };
        if message.from == own_name {
            continue;
        }
        for (limit, client, requests) in message.spent {
            rates.add(&limit, Spent { client, requests });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use uuid::Uuid;

    use super::*;
    use crate::guard::request_class::RequestClass;
    use crate::stream_budget::ClientKey;

    /// Returns the limits of two gateways of a fleet.
    fn two_gateways(config: &Config, tasks: &Tasks) -> [Arc<RateLimits>; 2] {
        let broadcast = Broadcast::default();
        ["one", "two"].map(|name| {
            let sharing = RateSharing { broadcast: broadcast.clone(), key: "secret".into(), own_name: name.into() };
            sharing.start(config, tasks)
        })
    }

    /// Sends write requests until one is refused, and returns how many were admitted.
    fn spend(rates: &RateLimits, client: ClientKey, address: IpAddr) -> u32 {
        let check = || rates.check(RequestClass::Role, false, client, address).is_ok();
        (0..1000).take_while(|_| check()).count() as u32
    }

    #[tokio::test(start_paused = true)]
    async fn two_gateways_share_the_budget_of_a_client() {
        let config = Config { writes_per_second: 16, anonymous_writes_per_second: 16, ..Config::default() };
        let tasks = Tasks::default();
        let [one, two] = two_gateways(&config, &tasks);
        let address = IpAddr::from([192, 0, 2, 1]);
        let member = ClientKey::Member(Uuid::from_u128(1));
        assert_eq!(spend(&one, ClientKey::Prefix(address), address), 160);
        tokio::time::sleep(COLLECTION_TIME * 2).await;
        // A tenth of a second adds one or two.
        let more = spend(&two, ClientKey::Prefix(address), address);
        assert!(more <= 2, "the other gateway knows what was spent here, and admitted {more}");
        let refusal = two.check(RequestClass::Role, false, ClientKey::Prefix(address), address).unwrap_err();
        assert_eq!(refusal.problem.status, 429);
        assert_eq!(spend(&two, member, address), 160, "a member at the same address has a budget of its own");
        // Both at once overshoot once, and wait for it.
        let other = IpAddr::from([192, 0, 2, 2]);
        assert_eq!([&one, &two].map(|rates| spend(rates, ClientKey::Prefix(other), other)), [160, 160]);
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!([&one, &two].map(|rates| spend(rates, ClientKey::Prefix(other), other)), [0, 0]);
        tokio::time::sleep(Duration::from_secs(12)).await;
        assert!(spend(&one, ClientKey::Prefix(other), other) > 0);
        assert!(tasks.stop(Duration::from_secs(1)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn messages_that_are_not_understood_are_passed_over() {
        let (broadcast, tasks) = (Broadcast::default(), Tasks::default());
        let sharing = RateSharing { broadcast: broadcast.clone(), key: "secret".into(), own_name: "one".into() };
        let rates = sharing.start(&Config::default(), &tasks);
        for text in ["", "{}", r#"{"from":"x","spent":[["of a later release",1,1]]}"#] {
            broadcast.publish(TOPIC, text);
        }
        tokio::time::sleep(COLLECTION_TIME).await;
        let address = IpAddr::from([192, 0, 2, 1]);
        assert!(rates.check(RequestClass::Role, true, ClientKey::Prefix(address), address).is_ok());
        assert!(tasks.stop(Duration::from_secs(1)).await);
    }
}
