//! A world with the social role, accounts and media that a test plays, and what tests do again and again.
//!
//! Invariant: every name is an account; an event that is published here has been handled when the call returns.

use std::collections::HashMap;
use std::sync::Arc;

use contract::accounts::{AccountState, FindAccounts, FoundAccount, Profile, ProfileChanged, StandingChanged};
use contract::delivery::{FindStreams, SegmentRun, Stream, StreamRendition};
use contract::media::{Conversion, FindOwnedItems, Kind, OwnedItem};
use contract::transcode::Track;
use contract::{AccountId, Event, MediaId};
use db::{FromQueryResult, Lane, Sql as _};
use http::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};
use testkit::{FakeRole, TestClient, TestResponse, World, WorldBuilder, fake_role};
use uuid::Uuid;

/// The accounts that there are, by handle and by id.
type Accounts = Arc<Mutex<HashMap<String, FoundAccount>>>;
/// The libraries, by owner.
type Libraries = Arc<Mutex<HashMap<String, Vec<OwnedItem>>>>;
/// What delivery can play, by item.
type Streams = Arc<Mutex<HashMap<MediaId, Stream>>>;

/// A world with a social role.
pub struct Harness {
    pub world: World,
    pub streams: Streams,
    /// The accounts role, which a test lets fail.
    pub accounts_role: FakeRole,
    accounts: Accounts,
    libraries: Libraries,
}

impl Harness {
    pub async fn new() -> Self {
        Self::with(World::builder()).await
    }

    pub async fn with(builder: WorldBuilder) -> Self {
        let world = builder.start(&[social::service()]).await;
        let (accounts, libraries) = (Accounts::default(), Libraries::default());
        let known = accounts.clone();
        let find_accounts = move |names: &str| {
            let known = known.lock();
            Some(names.split(',').filter_map(|name| known.get(name).cloned()).collect::<Vec<_>>())
        };
        let accounts_role = fake_role("accounts").answer::<FindAccounts>(move |path| find_accounts(path.get("names")));
        accounts_role.join(&world).await;
        let items = libraries.clone();
        let find_items = move |owner: &str, ids: &str| {
            let items = items.lock();
            let is_asked = |item: &&OwnedItem| ids.split(',').any(|id| id == item.id.as_str());
            Some(items.get(owner).into_iter().flatten().filter(is_asked).cloned().collect::<Vec<_>>())
        };
        fake_role("media")
            .answer::<FindOwnedItems>(move |path| find_items(path.get("owner"), path.get("ids")))
            .join(&world)
            .await;
        let streams = Streams::default();
        let playable = streams.clone();
        let find_streams = move |ids: &str| {
            let playable = playable.lock();
            let ids = ids.split(',').filter_map(|id| id.parse::<MediaId>().ok());
            Some(ids.filter_map(|id| playable.get(&id).cloned()).collect::<Vec<_>>())
        };
        fake_role("delivery").answer::<FindStreams>(move |path| find_streams(path.get("ids"))).join(&world).await;
        Self { world, streams, accounts_role, accounts, libraries }
    }

    /// Returns the member with this name, whose account there is from now on.
    pub fn member(&self, name: &str) -> TestClient {
        let member = self.world.member(name);
        let found = FoundAccount {
            profile: self.profile(&member, name, false),
            standing: StandingChanged {
                account: AccountId(member.id),
                state: AccountState::Active,
                until: None,
                version: 0,
            },
        };
        let mut accounts = self.accounts.lock();
        accounts.entry(member.id.to_string()).or_insert_with(|| found.clone());
        accounts.entry(name.to_owned()).or_insert(found);
        member
    }

    pub fn members<const N: usize>(&self, names: [&str; N]) -> [TestClient; N] {
        names.map(|name| self.member(name))
    }

    fn profile(&self, member: &TestClient, name: &str, is_private: bool) -> Profile {
        Profile {
            account: AccountId(member.id),
            handle: name.to_owned(),
            display_name: name.to_uppercase(),
            avatar: None,
            is_private,
            at: self.world.clock().now(),
        }
    }

    /// Makes the profile of a member private, or not.
    pub async fn set_private(&self, member: &TestClient, name: &str, is_private: bool) {
        self.world.clock().advance(chrono::TimeDelta::milliseconds(1));
        for key in [name.to_owned(), member.id.to_string()] {
            self.accounts.lock().get_mut(&key).unwrap().profile.is_private = is_private;
        }
        self.publish(&ProfileChanged { profile: self.profile(member, name, is_private) }).await;
    }

    /// Gives an account a standing.
    pub async fn set_state(&self, member: &TestClient, state: AccountState, version: u64) {
        self.publish(&StandingChanged { account: AccountId(member.id), state, until: None, version }).await;
    }

    /// Forgets an account, as accounts does when it is erased.
    pub fn forget(&self, member: &TestClient, name: &str) {
        let mut accounts = self.accounts.lock();
        accounts.remove(&member.id.to_string());
        accounts.remove(name);
    }

    /// Puts an item into a member's library.
    pub fn item(&self, owner: &TestClient, kind: Kind, state: Conversion) -> MediaId {
        let item = OwnedItem {
            id: MediaId::random(),
            kind,
            state,
            name: "Blue in Green.mp3".into(),
            alt: "from the library".into(),
            width: Some(640),
            height: Some(480),
            duration_ms: None,
            thumbhash: None,
            assets: vec!["poster".into()],
            staged: false,
            version: 1,
            sensitivity: contract::media::Sensitivity::Clear,
            sensitivity_version: 0,
            nudity: None,
        };
        let id = item.id.clone();
        self.libraries.lock().entry(owner.id.to_string()).or_default().push(item);
        id
    }

    /// Puts a video into a member's library that delivery can play: two segments of video and of audio.
    pub fn clip(&self, owner: &TestClient) -> MediaId {
        let id = self.item(owner, Kind::Video, Conversion::Ready);
        self.make_playable(&id);
        id
    }

    /// Makes an item one that delivery can play.
    pub fn make_playable(&self, id: &MediaId) {
        let rendition = |name: &str, track: Track, size: (u32, u32)| StreamRendition {
            name: name.into(),
            track,
            bandwidth: 1_000_000,
            codecs: if track == Track::Video { "avc1.64001f".into() } else { "mp4a.40.2".into() },
            width: size.0,
            height: size.1,
            millifps: 30_000,
            is_complete: true,
            segments: vec![SegmentRun { duration_us: 4_000_000, count: 2 }],
        };
        let renditions = vec![rendition("v720", Track::Video, (1280, 720)), rendition("audio", Track::Audio, (0, 0))];
        self.streams.lock().insert(id.clone(), Stream { id: id.clone(), renditions });
    }

    /// Changes an item in its owner's library, without an event.
    pub fn change_item(&self, owner: &TestClient, id: &MediaId, change: impl FnOnce(&mut OwnedItem)) {
        let mut libraries = self.libraries.lock();
        change(libraries.get_mut(&owner.id.to_string()).unwrap().iter_mut().find(|item| item.id == *id).unwrap());
    }

    /// Takes an item out of its owner's library, without an event.
    pub fn remove_item(&self, owner: &TestClient, id: &MediaId) {
        self.libraries.lock().get_mut(&owner.id.to_string()).unwrap().retain(|item| item.id != *id);
    }

    /// Takes an item out of its owner's library for a moment, without an event.
    pub async fn without_item(&self, owner: &TestClient, id: &MediaId, meanwhile: impl Future<Output = ()>) {
        let held = self.libraries.lock().clone();
        self.remove_item(owner, id);
        meanwhile.await;
        *self.libraries.lock() = held;
    }

    /// Publishes an event and waits until it was handled.
    pub async fn publish<E: Event + Clone + Send + Sync + 'static>(&self, event: &E) {
        let (event, now) = (event.clone(), self.world.clock().now());
        let db = &self.world.context("social").db;
        db.write(Lane::ALL, async move |tx| tx.publish(&event, now)).await.unwrap();
        self.world.settle().await;
    }

    /// Returns the number of rows of a table.
    pub async fn count(&self, table: &str) -> i64 {
        #[derive(FromQueryResult)]
        struct Count {
            total: i64,
        }
        let text = format!("select count(*) as total from {table}");
        let row: Option<Count> = self.world.context("social").db.read().row(&text, vec![]).await.unwrap();
        row.unwrap().total
    }

    /// Fails the test unless every count equals its rows.
    pub async fn assert_no_drift(&self) {
        let (people, drifts) = social::check(&self.world.context("social").db).await.unwrap();
        assert!(people > 0 && drifts.is_empty(), "{people} people: {drifts:?}");
    }
}

/// Sends a PUT to what a member decides about another: `follow`, `block`, `mute`, `close`.
pub async fn put(member: &TestClient, handle: &str, what: &str) -> TestResponse {
    member.send(member.request(Method::PUT, &format!("/v1/accounts/{handle}/{what}"))).await
}

/// Ends it.
pub async fn end(member: &TestClient, handle: &str, what: &str) -> TestResponse {
    member.delete(&format!("/v1/accounts/{handle}/{what}")).await
}

/// Follows a member who is not private.
pub async fn follow(member: &TestClient, handle: &str) {
    assert_eq!(put(member, handle, "follow").await.expect(200).json(), json!({"state": "following"}));
}

/// Writes a post with a text for an audience, and returns it.
pub async fn post(member: &TestClient, text: &str, audience: &str) -> Value {
    member.post("/v1/posts", &json!({"text": text, "audience": audience})).await.expect(201).json()
}

/// Returns the URL of a post.
pub fn url(post: &Value) -> String {
    format!("/v1/posts/{}", post["id"].as_str().unwrap())
}

/// Returns the id of a post.
pub fn id(post: &Value) -> Uuid {
    post["id"].as_str().unwrap().parse().unwrap()
}

/// Returns a field of each item of a list.
pub fn each<'a>(list: &'a Value, field: &str) -> Vec<&'a str> {
    list["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
}

/// Returns a problem without what differs between two requests.
pub fn without_request_id(response: &TestResponse) -> Value {
    let mut problem = response.json();
    problem.as_object_mut().unwrap().remove("request_id");
    problem
}

/// Opens a thread with a clip that can be played.
pub async fn open(harness: &Harness, opener: &TestClient, rule: &str, cap: u32, audience: &str) -> Value {
    let media = harness.clip(opener);
    let body = json!({"title": "Sing the next line", "media": media, "rule": rule, "cap": cap, "audience": audience});
    opener.post("/v1/threads", &body).await.expect(201).json()
}

/// Returns the URL of the parts of a thread.
pub fn parts_url(thread: &Value) -> String {
    format!("/v1/threads/{}/parts", thread["id"].as_str().unwrap())
}

/// Joins a thread with a clip that can be played.
pub async fn join(harness: &Harness, member: &TestClient, thread: &Value) -> TestResponse {
    let media = harness.clip(member);
    member.post(&parts_url(thread), &json!({"media": media})).await
}

/// Returns the URL of a part.
pub fn part_url(part: &Value) -> String {
    format!("/v1/threads/{}/parts/{}", part["thread"].as_str().unwrap(), part["id"].as_str().unwrap())
}

/// Removes a part with a reason.
pub async fn remove(member: &TestClient, part: &Value, reason: &str) -> TestResponse {
    member.send(member.request(Method::DELETE, &part_url(part)).json(&json!({"reason": reason}))).await
}
