//! A world with the notify role, events of the other roles that a test publishes, and a client that follows the stream.
//!
//! Invariant: an event that is published here has been handled when the call returns.

use std::time::Duration;

use bus::Envelope;
use contract::accounts::{Profile, ProfileChanged};
use contract::social::Followed;
use contract::social::talk::{Reacted, ReactionKind};
use contract::{AccountId, Event};
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http::Method;
use serde_json::Value;
use testkit::{TestClient, World};
use uuid::Uuid;

pub const LIST: &str = "/v1/notifications";
pub const STREAM: &str = "/v1/notifications/stream";

/// Returns a world with these members, whose profiles notify knows.
pub async fn world_of<const N: usize>(names: [&str; N]) -> (World, [TestClient; N]) {
    world_with(&[], names).await
}

/// Returns the same with settings.
pub async fn world_with<const N: usize>(settings: &[String], names: [&str; N]) -> (World, [TestClient; N]) {
    let builder = settings.iter().fold(World::builder(), |builder, setting| builder.set(setting));
    let world = builder.start(&[notify::service()]).await;
    let members = names.map(|name| world.member(name));
    let profile = |(name, member): (&str, &TestClient)| ProfileChanged {
        profile: Profile {
            account: AccountId(member.id),
            handle: name.to_owned(),
            display_name: name.to_uppercase(),
            avatar: None,
            is_private: false,
            at: world.clock().now(),
        },
    };
    let profiles: Vec<ProfileChanged> = names.into_iter().zip(&members).map(profile).collect();
    publish_all(&world, &profiles).await;
    (world, members)
}

/// Publishes events, and waits until they were handled.
pub async fn publish_all<E: Event>(world: &World, events: &[E]) {
    let envelope = |event: &E| Envelope {
        id: base::Random::system().id(),
        subject: E::SUBJECT.into(),
        payload: serde_json::to_string(event).unwrap(),
    };
    let envelopes: Vec<Envelope> = events.iter().map(envelope).collect();
    world.process.bus.engine().publish(&envelopes).await.unwrap();
    world.settle().await;
}

/// Returns the event of a reaction to a post.
pub fn reaction(world: &World, actor: &TestClient, author: &TestClient, post: u128) -> Reacted {
    Reacted {
        post: Uuid::from_u128(post),
        post_author: AccountId(author.id),
        member: AccountId(actor.id),
        kind: ReactionKind::Like,
        at: world.clock().now(),
    }
}

/// Lets a member react to a post of another.
pub async fn react(world: &World, actor: &TestClient, author: &TestClient, post: u128) {
    publish_all(world, &[reaction(world, actor, author, post)]).await;
}

/// Lets a member follow another.
pub async fn follow(world: &World, follower: &TestClient, followee: &TestClient) {
    let (follower, followee) = (AccountId(follower.id), AccountId(followee.id));
    publish_all(world, &[Followed { follower, followee, by_request: false, at: world.clock().now() }]).await;
}

/// Returns the list with a query.
pub async fn list(member: &TestClient, query: &str) -> Value {
    member.get(&format!("{LIST}?{query}")).await.expect(200).json()
}

/// Returns the ids of the items of a list.
pub fn ids(list: &Value) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// An event of the stream.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    pub id: String,
    pub event: String,
    pub data: Value,
}

/// A client that follows the stream.
pub struct Follower {
    chunks: BoxStream<'static, String>,
    text: String,
}

impl Follower {
    /// Opens the stream, after the event with this id if there is one.
    pub async fn open(member: &TestClient, last_event: Option<&str>) -> Self {
        let mut request = member.request(Method::GET, STREAM);
        if let Some(id) = last_event {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let chunks = response.bytes_stream().map(|chunk| String::from_utf8_lossy(&chunk.unwrap()).into_owned());
        Self { chunks: chunks.boxed(), text: String::new() }
    }

    /// Returns the next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Frame> {
        tokio::time::timeout(Duration::from_secs(60), self.read()).await.expect("the stream goes on, or ends")
    }

    async fn read(&mut self) -> Option<Frame> {
        loop {
            while let Some((frame, _)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let found = frame.lines().find_map(|line| line.strip_prefix(name));
                    found.map(|value| value.trim().to_owned())
                };
                let parsed = field("event:").map(|event| Frame {
                    event,
                    id: field("id:").unwrap_or_default(),
                    data: serde_json::from_str(&field("data:").unwrap()).unwrap(),
                });
                let end = frame.len() + 2;
                self.text.drain(..end);
                if parsed.is_some() {
                    return parsed;
                }
            }
            let chunk = self.chunks.next().await?;
            self.text.push_str(&chunk);
        }
    }
}
