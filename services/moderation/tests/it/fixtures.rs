//! A world with the moderation role, and what tests do again and again.
//!
//! Invariant: an event that is published here has been handled when the call returns.

use bus::Envelope;
use chrono::TimeDelta;
use contract::accounts::FindAccounts;
use contract::moderation::{AppealAnswered, Decided, Evidence, Overturned, Released, ReportAnswered, Reported, Thing};
use contract::social::talk::ReportReason;
use contract::{AccountId, Event};
use db::{FromQueryResult, Sql as _};
use http_server::operators::Act;
use serde_json::{Value, json};
use testkit::{FakeRole, TestClient, TestResponse, World, fake_role};
use uuid::Uuid;

pub const QUEUE: &str = "/v1/admin/moderation/queue";

/// A world, and a listener to what moderation publishes.
pub struct Harness {
    pub world: World,
    pub listener: FakeRole,
}

impl Harness {
    pub async fn new() -> Self {
        Self::with("moderation.claim_minutes=15").await
    }

    /// Returns a harness with a setting.
    pub async fn with(setting: &str) -> Self {
        let builder = World::builder().set("moderation.keep_days=10").set(setting);
        let world = builder.start(&[moderation::service()]).await;
        let listener = fake_role("listener")
            .records::<Decided>()
            .records::<Overturned>()
            .records::<Released>()
            .records::<ReportAnswered>()
            .records::<AppealAnswered>()
            .records::<Act>();
        listener.join(&world).await;
        fake_role("accounts").answer::<FindAccounts>(|_| Some(Vec::new())).join(&world).await;
        Self { world, listener }
    }

    pub fn moderator(&self, name: &str) -> TestClient {
        self.world.operator(name, &["moderator"])
    }

    pub async fn publish<E: Event>(&self, event: &E) {
        let payload = serde_json::to_string(event).unwrap();
        let id = Uuid::now_v7().to_string();
        let event = Envelope { id, subject: E::SUBJECT.into(), payload };
        self.world.process.bus.engine().publish(&[event]).await.unwrap();
        self.world.settle().await;
    }

    /// Lets a member report a comment of another one's. Returns the event.
    pub async fn report(&self, by: &TestClient, owner: &TestClient, comment: &str, text: &str) -> Reported {
        // Cases of one moment have no order.
        self.world.clock().advance(TimeDelta::seconds(1));
        let now = self.world.clock().now();
        let report = Reported {
            id: Uuid::now_v7(),
            thing: comment_of(comment),
            owner: AccountId(owner.id),
            reporter: AccountId(by.id),
            reason: ReportReason::Spam,
            text: "The same everywhere.".into(),
            evidence: Evidence::of(text, [], Some("post-1".into())),
            at: now,
        };
        self.publish(&report).await;
        report
    }

    /// Returns how many rows there are: of a table, or of one with a condition.
    pub async fn count(&self, what: &str) -> i64 {
        #[derive(FromQueryResult)]
        struct Count {
            total: i64,
        }
        let text = format!("select count(*) as total from {what}");
        let row: Option<Count> = self.world.context("moderation").db.read().row(&text, vec![]).await.unwrap();
        row.map_or(0, |row| row.total)
    }

    /// Returns the URLs of the open cases, in the order of the queue.
    pub async fn open(&self, moderator: &TestClient) -> Vec<String> {
        let listed = moderator.get(QUEUE).await.expect(200).json();
        let items = listed["items"].as_array().unwrap().iter();
        items.map(|case| format!("{QUEUE}/{}", case["id"].as_str().unwrap())).collect()
    }
}

/// Returns the one item of a list.
pub fn only<T: std::fmt::Debug>(mut items: Vec<T>) -> T {
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0)
}

/// Returns a comment, as social names it.
pub fn comment_of(id: &str) -> Thing {
    Thing { role: "social".into(), kind: "comment".into(), id: id.into() }
}

pub async fn claim(moderator: &TestClient, case: &str) -> TestResponse {
    moderator.post(&format!("{case}/claim"), &json!({})).await
}

/// Decides about a case that is claimed first.
pub async fn decide(moderator: &TestClient, case: &str, change: Value) -> TestResponse {
    claim(moderator, case).await.expect(200);
    decide_unclaimed(moderator, case, change).await
}

pub async fn decide_unclaimed(moderator: &TestClient, case: &str, change: Value) -> TestResponse {
    let mut body = json!({"action": "warn", "statement": "No advertising, please.", "reason": "Third time."});
    body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    moderator.post(&format!("{case}/decide"), &body).await
}
