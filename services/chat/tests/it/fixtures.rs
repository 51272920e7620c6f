//! A world with the chat role, people and media that a test plays, and what tests do again and again.
//!
//! Invariant: every name is an account; an event that is published here has been handled when the call returns.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use chrono::TimeDelta;
use contract::media::{Conversion, FindOwnedItems, Kind, OwnedItem, Sensitivity};
use contract::social::views::PersonView;
use contract::social::{Blocked, Contact, FindContacts};
use contract::{AccountId, Event, MediaId};
use db::Lane;
use http::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};
use testkit::{TestClient, TestResponse, World, fake_role};
use uuid::Uuid;

/// What social knows.
#[derive(Default)]
struct People {
    by_name: HashMap<String, PersonView>,
    /// Follower and followee.
    follows: HashSet<(Uuid, Uuid)>,
    /// Blocker and blocked.
    blocks: HashSet<(Uuid, Uuid)>,
    /// How many friends each two have in common.
    friends_in_common: u64,
    /// How many answers are from before the blocks.
    stale_answers: u32,
}

impl People {
    fn contact(&self, member: Uuid, name: &str) -> Option<Contact> {
        let person = self.by_name.get(name)?.clone();
        let other = person.id.0;
        Some(Contact {
            is_hidden: false,
            follows_member: self.follows.contains(&(other, member)),
            is_followed: self.follows.contains(&(member, other)),
            blocks_member: self.blocks.contains(&(other, member)),
            is_blocked: self.blocks.contains(&(member, other)),
            friends_in_common: self.friends_in_common,
            person,
        })
    }
}

/// A world with a chat role.
pub struct Harness {
    pub world: World,
    people: Arc<Mutex<People>>,
    libraries: Arc<Mutex<HashMap<String, Vec<OwnedItem>>>>,
}

impl Harness {
    pub async fn new() -> Self {
        Self::with("chat.message_days=0").await
    }

    /// Returns a harness with a setting.
    pub async fn with(setting: &str) -> Self {
        Self::with_all(&[setting]).await
    }

    /// Returns a harness with settings.
    pub async fn with_all(settings: &[&str]) -> Self {
        let builder = settings.iter().fold(World::builder(), |builder, setting| builder.set(setting));
        let world = builder.start(&[chat::service()]).await;
        let people: Arc<Mutex<People>> = Arc::default();
        let known = people.clone();
        fake_role("social")
            .answer::<FindContacts>(move |path| {
                let mut known = known.lock();
                let member = path.get("member").parse().ok()?;
                let found = path.get("names").split(',').filter_map(|name| known.contact(member, name));
                let is_stale = known.stale_answers > 0;
                let found: Vec<Contact> =
                    found.map(|contact| Contact { is_blocked: contact.is_blocked && !is_stale, ..contact }).collect();
                known.stale_answers = known.stale_answers.saturating_sub(1);
                Some(found)
            })
            .join(&world)
            .await;
        let libraries: Arc<Mutex<HashMap<String, Vec<OwnedItem>>>> = Arc::default();
        let items = libraries.clone();
        fake_role("media")
            .answer::<FindOwnedItems>(move |path| {
                let (items, ids) = (items.lock(), path.get("ids"));
                let is_asked = |item: &&OwnedItem| ids.split(',').any(|id| id == item.id.as_str());
                Some(items.get(path.get("owner")).into_iter().flatten().filter(is_asked).cloned().collect())
            })
            .join(&world)
            .await;
        Self { world, people, libraries }
    }

    /// Returns the member with this name, whom social knows from now on.
    pub fn member(&self, name: &str) -> TestClient {
        let member = self.world.member(name);
        let person = PersonView {
            id: AccountId(member.id),
            handle: name.to_owned(),
            display_name: name.to_uppercase(),
            avatar: None,
            is_private: false,
        };
        let mut people = self.people.lock();
        people.by_name.insert(member.id.to_string(), person.clone());
        people.by_name.insert(name.to_owned(), person);
        drop(people);
        member
    }

    pub fn members<const N: usize>(&self, names: [&str; N]) -> [TestClient; N] {
        names.map(|name| self.member(name))
    }

    /// Lets one member follow another.
    pub fn follow(&self, follower: &TestClient, followee: &TestClient) {
        self.people.lock().follows.insert((follower.id, followee.id));
    }

    /// Gives each two friends in common.
    pub fn set_friends_in_common(&self, count: u64) {
        self.people.lock().friends_in_common = count;
    }

    /// Lets one member block another.
    pub async fn block(&self, blocker: &TestClient, blocked: &TestClient) {
        self.people.lock().blocks.insert((blocker.id, blocked.id));
        let (blocker, blocked) = (AccountId(blocker.id), AccountId(blocked.id));
        self.publish(&Blocked { blocker, blocked, at: self.world.clock().now() }).await;
    }

    /// Lets social's next answer be one from before the blocks, as one that was given before a block and arrives late.
    pub fn answer_once_without_blocks(&self) {
        self.people.lock().stale_answers = 1;
    }

    /// Puts a photo into a member's library.
    pub fn photo(&self, owner: &TestClient) -> MediaId {
        let item = OwnedItem {
            id: MediaId::random(),
            kind: Kind::Photo,
            state: Conversion::Ready,
            name: "cat.jpg".into(),
            alt: "a cat".into(),
            width: Some(640),
            height: Some(480),
            duration_ms: None,
            thumbhash: None,
            assets: Vec::new(),
            staged: false,
            version: 1,
            sensitivity: Sensitivity::Clear,
            sensitivity_version: 0,
            nudity: None,
        };
        let id = item.id.clone();
        self.libraries.lock().entry(owner.id.to_string()).or_default().push(item);
        id
    }

    /// Lets media know how sensitive a photo is, and what a classifier has scored it.
    pub fn score(&self, owner: &TestClient, photo: &MediaId, sensitivity: Sensitivity, nudity: u16) {
        let mut libraries = self.libraries.lock();
        let items = libraries.get_mut(&owner.id.to_string()).unwrap();
        let item = items.iter_mut().find(|item| item.id == *photo).unwrap();
        (item.sensitivity, item.sensitivity_version, item.nudity) = (sensitivity, 1, Some(nudity));
    }

    /// Publishes an event and waits until it was handled.
    pub async fn publish<E: Event + Clone + Send + Sync + 'static>(&self, event: &E) {
        let (event, now) = (event.clone(), self.world.clock().now());
        let db = &self.world.context("chat").db;
        db.write(Lane::ALL, async move |tx| tx.publish(&event, now)).await.unwrap();
        self.world.settle().await;
    }

    /// Begins a conversation and returns its URL.
    pub async fn begin(&self, member: &TestClient, members: &[&str], name: Option<&str>) -> String {
        let body = json!({"members": members, "name": name});
        let begun = member.post("/v1/conversations", &body).await.expect(201).json();
        format!("/v1/conversations/{}", begun["id"].as_str().unwrap())
    }

    /// Sends a text and returns the response. Each text comes long enough after the one before for every rate.
    pub async fn say(&self, member: &TestClient, conversation: &str, text: &str) -> TestResponse {
        self.world.clock().advance(TimeDelta::seconds(10));
        let mut hasher = DefaultHasher::new();
        (member.id, text).hash(&mut hasher);
        let body = json!({"client_id": hasher.finish().to_string(), "text": text});
        member.post(&format!("{conversation}/messages"), &body).await
    }
}

/// Returns a box of a member.
pub async fn boxed(member: &TestClient, name: &str) -> Vec<Value> {
    let list = member.get(&format!("/v1/conversations?box={name}")).await.expect(200).json();
    list["items"].as_array().unwrap().clone()
}

/// Returns the texts of the history, the newest first.
pub async fn texts(member: &TestClient, conversation: &str) -> Vec<String> {
    let list = member.get(&format!("{conversation}/messages")).await.expect(200).json();
    list["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap().to_owned()).collect()
}

/// Returns the kinds of the changes after a place, after checking that there is no gap.
pub async fn changes(member: &TestClient, conversation: &str, after: i64) -> Vec<String> {
    let page = member.get(&format!("{conversation}/changes?after={after}&limit=100")).await.expect(200).json();
    let found = page["changes"].as_array().unwrap();
    let seqs: Vec<i64> = found.iter().map(|change| change["seq"].as_i64().unwrap()).collect();
    let last = page["last_seq"].as_i64().unwrap();
    assert_eq!(seqs, (after + 1..=last).collect::<Vec<_>>(), "a gap");
    found.iter().map(|change| change["kind"].as_str().unwrap().to_owned()).collect()
}

/// Sends a PUT.
pub async fn put(member: &TestClient, path: &str, body: &Value) -> TestResponse {
    member.send(member.request(Method::PUT, path).json(body)).await
}
