//! Erasing an account proves itself: a member with everything is erased, and then every value of every database, every
//! object and every other file is searched for what belonged to them.
//!
//! Invariant: what may stay is in one table here, with its reason.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use http_server::operators::Actor;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{TestClient, World, app_code, stored_values, unzip};

use crate::wav::wave;

const PASSWORD: &str = "a fine long password";
/// Words that nothing else has: of the handle and the address, the name, the texts and the file names.
const WORDS: [&str; 4] = ["zephyrine", "quillfeather", "nightjar", "wolfsbane"];

/// What may stay of an erased account: a service (or all), a column, and why.
const ALLOWED: [(&str, &str, &str); 15] = [
    ("", "outbox.payload", "events of the last days, which are sent again if the bus has lost them"),
    ("accounts", "audit_entry.target_id", "the audit trail is never changed: it says on whom an act was"),
    ("accounts", "audit_entry.before_json", "the same: what an act changed"),
    ("accounts", "audit_entry.after_json", "the same: what an act changed"),
    ("media", "usage.owner", "a closed account: tokens that are still valid upload nothing more"),
    ("delivery", "member_standing.owner", "hides what is deleted one by one, for 30 days"),
    ("delivery", "tombstone.item", "the id of a deleted item: a late event does not bring it back, for 30 days"),
    ("transcode", "job.media", "the same, for 8 days"),
    ("social", "erased_account.account", "the id: a late event does not bring the member back, for 30 days"),
    ("webhooks", "erased_account.account", "the id: a late event that names it is not recorded, for 30 days"),
    ("social", "post.thread", "the id of a thread that is gone: it keeps the parts of others from being shown"),
    ("notify", "erased_account.account", "the same"),
    ("chat", "erased_account.account", "the same"),
    ("notify", "dated_subject.subject", "the id of a story that is gone: no reminder follows its end, for 30 days"),
    ("notify", "removed_subject.subject", "the id of a post or file that is gone: nobody is told of it, for 30 days"),
];

/// A member with everything, and what belongs to them.
struct Everything {
    member: TestClient,
    needles: Vec<String>,
}

/// Sends a request with a body of another type than JSON.
async fn send(member: &TestClient, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Value {
    let request = member.request(method, path).header("content-type", kind).body(body);
    let response = member.send(request).await;
    assert!(response.status.is_success(), "{path}: {response}");
    serde_json::from_slice(&response.body).unwrap_or_default()
}

/// Makes a member with a profile, an address, factors, keys, sessions, uploads, albums, captions, links, follows,
/// posts, comments, a greeting and an export.
async fn with_everything(world: &World) -> Everything {
    let body = json!({"handle": "zephyrine", "email": "zephyrine@wolfsbane.example", "password": PASSWORD});
    let signed_in = world.anonymous().post("/v1/accounts", &body).await.expect(201).json();
    let member = world.anonymous().with_token(signed_in["access_token"].as_str().unwrap());
    let profile = json!({
        "display_name": "Quillfeather",
        "bio": "Nightjar songs.",
        "place": "Wolfsbane",
        "links": ["https://nightjar.example/"],
    });
    member.patch("/v1/me", &profile).await.expect(200);
    let key = json!({"name": "Nightjar server", "scopes": ["media:read"]});
    member.post("/v1/me/api-keys", &key).await.expect(201);
    let app = member.post("/v1/me/factors", &json!({"kind": "totp", "name": "Nightjar"})).await.expect(201).json();
    let code = || app_code(app["secret"].as_str().unwrap(), world.clock().now().timestamp());
    let confirm = format!("/v1/me/factors/{}/confirm", app["id"].as_str().unwrap());
    member.post(&confirm, &json!({"code": code()})).await.expect(200);
    let (db, now) = (world.context("accounts").db.clone(), world.clock().now());
    accounts::assign(&db, "zephyrine", "curator", Actor::machine("root"), "", now).await.unwrap();
    member.post("/v1/me/recovery-codes", &json!({})).await.expect(201);
    world.clock().advance(TimeDelta::seconds(30));
    let factor = json!({"kind": "totp", "code": code()});
    let login = json!({"login": "zephyrine", "password": PASSWORD, "device": "Nightjar phone", "factor": factor});
    world.anonymous().post("/v1/sessions", &login).await.expect(201);
    world.anonymous().post("/v1/passwords/forgotten", &json!({"login": "zephyrine"})).await.expect(202);

    let mut needles: Vec<String> = WORDS.map(str::to_owned).to_vec();
    let account = signed_in["account"]["id"].as_str().unwrap();
    needles.extend([account.to_owned(), account.replace('-', "")]);
    let mut items = library(world, &member).await;
    items.push(upload_clip(world, &member, "Nightjar").await);
    needles.extend(social_life(world, &member, &items).await);
    needles.extend(items);
    let export = member.post("/v1/me/export", &json!({})).await.expect(202).json();
    let path = format!("/v1/me/exports/{}", export["id"].as_str().unwrap());
    let is_ready = async || (member.get(&path).await.expect(200).json()["state"] == "ready").then_some(());
    world.wait_for("the archive is ready", is_ready).await;
    let files = unzip(&member.get(&format!("{path}/archive")).await.expect(200).body);
    for word in WORDS {
        assert!(files.values().any(|file| contains(file, word)), "the archive has {word}");
    }
    assert!(files.keys().any(|name| name.starts_with("originals/")), "{:?}", files.keys());
    for (name, word) in [
        ("posts", "nightjar duet"),
        ("follows", "eve-blocked"),
        ("comments", "a nightjar sings"),
        ("reports", "a nightjar sings"),
        ("settings", "wolfsbane"),
        ("greetings", "nightjar wishes"),
        ("posts", "a nightjar joins"),
        ("threads", "invited"),
    ] {
        assert!(contains(&files[&format!("social/{name}.json")], word), "{name}.json has {word}");
    }
    Everything { member, needles }
}

/// Fills the library of a member. Returns the ids of what is in it.
async fn library(world: &World, member: &TestClient) -> Vec<String> {
    let path = "/v1/media?name=Nightjar&visibility=public&tags=wolfsbane&alt=Quillfeather&description=Zephyrine";
    let item = send(member, Method::POST, path, "audio/wav", wave(&vec![9; 88_200])).await;
    let id = item["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/media/{id}");
    let is_ready = async || (member.get(&path).await.expect(200).json()["state"] == "ready").then_some(());
    world.wait_for("the song is ready", is_ready).await;
    let captions = b"WEBVTT\n\n00:00.000 --> 00:01.000\nNightjar\n".to_vec();
    send(member, Method::PUT, &format!("{path}/captions/en"), "text/vtt", captions).await;
    member.post(&format!("{path}/links"), &json!({"expires_in": 3600})).await.expect(201);
    member.get(&format!("{path}/original")).await.expect(200);
    let album = member.post("/v1/albums", &json!({"title": "Wolfsbane"})).await.expect(201).json();
    let album = album["id"].as_str().unwrap().to_owned();
    member.post(&format!("/v1/albums/{album}/items"), &json!({"ids": [id]})).await.expect(200);
    let removed = send(member, Method::POST, "/v1/media?name=Wolfsbane", "audio/wav", wave(&vec![7; 44_100])).await;
    let removed = removed["id"].as_str().unwrap().to_owned();
    member.delete(&format!("/v1/media/{removed}")).await.expect(204);
    let begun = member
        .request(Method::POST, "/v1/uploads")
        .header("tus-resumable", "1.0.0")
        .header("upload-length", 100_000)
        .header("upload-metadata", format!("filename {}", STANDARD.encode("Nightjar.wav")));
    let location = member.send(begun).await.expect(201).header("location").to_owned();
    let patch = member
        .request(Method::PATCH, &location)
        .header("tus-resumable", "1.0.0")
        .header("upload-offset", 0)
        .header("content-type", "application/offset+octet-stream")
        .body(wave(&vec![1; 60_000]));
    member.send(patch).await.expect(204);
    vec![id, album, removed]
}

/// Uploads a second of video, and waits until it is ready. Returns its id.
async fn upload_clip(world: &World, member: &TestClient, name: &str) -> String {
    let path = world.folder().join(format!("{name}.mp4"));
    let source = ["-f", "lavfi", "-i", "testsrc2=s=128x72:r=10:d=1", "-pix_fmt", "yuv420p"];
    testkit::ffmpeg(&[source.as_slice(), &[path.to_str().unwrap()]].concat());
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let item = send(member, Method::POST, &format!("/v1/media?name={name}"), "video/mp4", bytes).await;
    let id = item["id"].as_str().unwrap().to_owned();
    let url = format!("/v1/media/{id}");
    let is_ready = async || (member.get(&url).await.expect(200).json()["state"] == "ready").then_some(());
    world.wait_for("the clip is ready", is_ready).await;
    id
}

/// Makes two others, lets the member and them decide about each other, and lets the member post, and open and join
/// threads. `items` begins with a song and ends with a clip. Returns the ids of the posts.
async fn social_life(world: &World, member: &TestClient, items: &[String]) -> Vec<String> {
    let (song, clip) = (&items[0], &items[items.len() - 1]);
    let mut others = Vec::new();
    for handle in ["bob-friend", "eve-blocked"] {
        let body = json!({"handle": handle, "email": format!("{handle}@example.org"), "password": PASSWORD});
        let signed_in = world.anonymous().post("/v1/accounts", &body).await.expect(201).json();
        others.push(world.anonymous().with_token(signed_in["access_token"].as_str().unwrap()));
    }
    for (who, path) in [
        (member, "accounts/bob-friend/follow"),
        (member, "accounts/bob-friend/close"),
        (member, "accounts/bob-friend/mute"),
        (member, "topics/tag/wolfsbane/follow"),
        (&others[0], "accounts/zephyrine/follow"),
        (&others[0], "accounts/zephyrine/close"),
        (&others[1], "accounts/zephyrine/mute"),
        (member, "accounts/eve-blocked/block"),
    ] {
        who.send(who.request(Method::PUT, &format!("/v1/{path}"))).await.expect(200);
    }
    let post = json!({
        "text": "Nightjar duet with @bob-friend. #wolfsbane",
        "media": [song],
        "alts": ["Quillfeather"],
        "place": "Wolfsbane",
        "song": song,
        "audience": "public",
    });
    let for_link = json!({"text": "A nightjar again.", "audience": "link"});
    let mut posts = Vec::new();
    for body in [post, for_link] {
        posts.push(id_of(&member.post("/v1/posts", &body).await.expect(201).json()));
    }
    talk(member, &others[0], &posts[0], song).await;
    posts.extend(sing(world, member, &others[0], clip).await);
    posts.iter().flat_map(|id| [id.clone(), id.replace('-', "")]).collect()
}

fn id_of(created: &Value) -> String {
    created["id"].as_str().unwrap().to_owned()
}

/// Lets the member and a friend open a thread each and join that of the other. The member answers, invites, moderates,
/// and removes a part with a reason; the friend's clip is gone in the end, and what it was in stays. Returns the ids of
/// the member's thread and parts.
async fn sing(world: &World, member: &TestClient, friend: &TestClient, clip: &str) -> Vec<String> {
    let of_friend = upload_clip(world, friend, "friend").await;
    let open = async |who: &TestClient, title: &str, media: &str| {
        let body = json!({"title": title, "media": media, "rule": "open", "cap": 5, "audience": "public"});
        id_of(&who.post("/v1/threads", &body).await.expect(201).json())
    };
    let (own, other) =
        (open(member, "A nightjar choir", clip).await, open(friend, "A choir of another", &of_friend).await);
    let join = async |who: &TestClient, thread: &str, media: &str, answers: Option<&str>, text: &str| {
        let body = json!({"media": media, "text": text, "answers": answers});
        id_of(&who.post(&format!("/v1/threads/{thread}/parts"), &body).await.expect(201).json())
    };
    let part = join(member, &other, clip, None, "A nightjar joins.").await;
    join(friend, &other, &of_friend, Some(part.as_str()), "An answer.").await;
    let removed = join(friend, &own, &of_friend, None, "Too loud.").await;
    join(friend, &own, &of_friend, None, "Better.").await;
    for (who, path) in [
        (member, format!("{own}/invitations/bob-friend")),
        (member, format!("{own}/moderators/bob-friend")),
        (friend, format!("{other}/invitations/zephyrine")),
        (friend, format!("{other}/moderators/zephyrine")),
    ] {
        who.send(who.request(Method::PUT, &format!("/v1/threads/{path}"))).await.expect(204);
    }
    let removal = member.request(Method::DELETE, &format!("/v1/threads/{own}/parts/{removed}"));
    member.send(removal.json(&json!({"reason": "Wolfsbane says no."}))).await.expect(204);
    friend.delete(&format!("/v1/media/{of_friend}?purge=true")).await.expect(204);
    vec![own, part]
}

/// Lets the member and a friend read home, and say something about a post of each other's. The friend's post has the
/// member's song. The member also wishes what others may say, and sends a greeting and a message.
async fn talk(member: &TestClient, friend: &TestClient, own: &str, song: &str) {
    let body = json!({"text": "Of another.", "audience": "public", "song": song});
    let of_friend = friend.post("/v1/posts", &body).await.expect(201).json();
    friend.send(friend.request(Method::PUT, &format!("/v1/topics/song/{song}/follow"))).await.expect(200);
    for (who, post, text) in
        [(member, of_friend["id"].as_str().unwrap(), "A nightjar sings."), (friend, own, "What a voice, @zephyrine!")]
    {
        let put = |what: &str| who.request(Method::PUT, &format!("/v1/posts/{post}/{what}"));
        who.post(&format!("/v1/posts/{post}/comments"), &json!({"text": text})).await.expect(201);
        who.send(put("reaction").json(&json!({"kind": "like"}))).await.expect(200);
        who.send(put("save")).await.expect(200);
        who.post(&format!("/v1/posts/{post}/repost"), &json!({})).await.expect(201);
        let report = json!({"kind": "post", "id": post, "reason": "other", "text": text});
        who.post("/v1/reports", &report).await.expect(201);
        who.get("/v1/feeds/home").await.expect(200);
    }
    let settings = json!({"approval": false, "watched_words": ["wolfsbane"]});
    member.send(member.request(Method::PUT, "/v1/me/talk").json(&settings)).await.expect(200);
    let greeting = json!({"media": song, "to_name": "Quillfeather", "text": "Nightjar wishes."});
    member.post("/v1/greetings", &greeting).await.expect(201);
    let begun = member.post("/v1/conversations", &json!({"members": ["bob-friend"]})).await.expect(201).json();
    let messages = format!("/v1/conversations/{}/messages", begun["id"].as_str().unwrap());
    let message = json!({"client_id": "1", "text": "A nightjar for you.", "media": [song]});
    member.post(&messages, &message).await.expect(201);
}

/// Returns whether bytes have a word in them, in whatever case.
fn contains(bytes: &[u8], word: &str) -> bool {
    String::from_utf8_lossy(bytes).to_ascii_lowercase().contains(&word.to_ascii_lowercase())
}

/// Returns each place of the databases in which something of the member is, as `service: table.column`.
async fn traces(world: &World, needles: &[String]) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for (service, db) in &world.process.databases {
        for (place, value) in stored_values(db).await {
            if needles.iter().any(|needle| contains(value.as_bytes(), needle)) {
                found.push((*service, place));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

fn is_allowed(service: &str, place: &str) -> bool {
    ALLOWED.iter().any(|(of, column, _)| (of.is_empty() || *of == service) && *column == place)
}

/// Returns the files below a folder, except databases (whose rows are searched), and the mails, which have left.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name == "mail" || name.contains(".db") {
                return Vec::new();
            }
            if path.is_dir() { files(&path) } else { vec![path] }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_an_erased_member_is_left_anywhere() {
    let cheap = ["accounts.argon2_memory_kib=64", "accounts.argon2_passes=1", "accounts.throttle_delay_ms=1"];
    let builder =
        cheap.into_iter().fold(World::builder().with_real_accounts().with_running_clock(), testkit::WorldBuilder::set);
    let roles = [
        accounts::service(),
        media::service(),
        transcode::service(),
        delivery::service(),
        social::service(),
        notify::service(),
        chat::service(),
    ];
    let world = builder.start(&roles).await;
    let Everything { member, needles } = with_everything(&world).await;
    world.settle().await;
    let before = traces(&world, &needles).await;
    for service in roles.map(|role| role.name) {
        let rows = before.iter().filter(|(of, place)| *of == service && !place.starts_with("outbox."));
        assert!(rows.count() > 1, "the search finds nothing in {service}: {before:?}");
    }

    member.delete("/v1/me").await.expect(204);
    world.settle().await;
    let objects = &world.process.objects;
    let is_empty = async || objects.list_all().await.unwrap().is_empty().then_some(());
    world.wait_for("every object is removed", is_empty).await;
    let mut left = traces(&world, &needles).await;
    left.retain(|(service, place)| !is_allowed(service, place));
    assert!(left.is_empty(), "something of the member is left: {left:?}");
    for path in files(&world.folder().join("data")) {
        let (name, bytes) = (path.to_string_lossy(), std::fs::read(&path).unwrap());
        let trace = needles.iter().find(|needle| contains(&bytes, needle) || contains(name.as_bytes(), needle));
        assert_eq!(trace, None, "{name}");
    }
    world.end().await;
}
