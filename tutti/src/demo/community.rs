//! Loading the demo's community: people, follows, posts, threads, comments, reactions and reposts.
//!
//! Does not own what they say (`posts`) or who they are (`people`). Invariant: what is there already is found and not
//! made again, so a run that was interrupted is finished by the next one; each wait for a conversion is bounded.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::items::{generate_clip, generate_picture, upload_quietly};
use super::people::{DemoPerson, PEOPLE, follows};
use super::posts::{DemoPost, DemoThread, POSTS, REPOSTS, Shown, THREADS, reaction};
use crate::CommandError;
use crate::client::Client;
use crate::terminal::say;

/// One person of so many has a picture of their own.
const AVATAR_EVERY: usize = 3;
/// So many of the most followed people are followed by the demo account.
const FOLLOWED_BY_DEMO: usize = 12;
/// One person of so many follows the demo account.
const FOLLOWS_DEMO_EVERY: usize = 5;
/// How long a post may wait for its media.
const VISIBLE_TIMEOUT: Duration = Duration::from_secs(120);
const VISIBLE_PAUSE: Duration = Duration::from_millis(250);
/// The most items that a page has.
const PAGE: &str = "limit=100";

/// A person of the community who is signed in.
struct Resident {
    person: &'static DemoPerson,
    client: Client,
    /// The ids of the posts that they have written, by text.
    posts: HashMap<String, String>,
}

/// The community as far as it is loaded.
struct Community<'a> {
    residents: Vec<Resident>,
    scratch: &'a Path,
}

/// Returns the password of a person: it follows from that of the demo account, so that anyone who may sign in there may
/// also see the site as another member.
pub(super) fn password_of(handle: &str, demo_password: &str) -> String {
    format!("{demo_password}-{handle}")
}

/// Loads what is missing of the community. `demo` is the demo account, called `demo_handle`.
pub(super) async fn load(
    server: &str,
    demo: &Client,
    (demo_handle, demo_password): (&str, &str),
    scratch: &Path,
) -> Result<(), CommandError> {
    let mut community = Community { residents: Vec::with_capacity(PEOPLE.len()), scratch };
    for (place, person) in PEOPLE.iter().enumerate() {
        let resident = settle(server, demo_password, person, place, scratch).await?;
        community.residents.push(resident);
    }
    say!("loaded {} people", community.residents.len());
    community.follow(demo, demo_handle).await?;
    // First, so that their clips are converted while the others write.
    let mut threads = Vec::with_capacity(THREADS.len());
    for thread in &THREADS {
        threads.push(community.open(thread).await?);
    }
    let mut posts = Vec::with_capacity(POSTS.len() + THREADS.len());
    for post in &POSTS {
        posts.push((post, community.write(post).await?));
    }
    say!("loaded {} posts", posts.len());
    posts.extend(THREADS.iter().map(|thread| &thread.opening).zip(threads.iter().cloned()));
    for (place, (post, id)) in posts.iter().enumerate() {
        community.talk(place, post, id).await?;
    }
    for (thread, id) in THREADS.iter().zip(&threads) {
        community.join(thread, id).await?;
    }
    community.repost(&posts).await?;
    say!("loaded {} threads, comments, reactions and reposts", threads.len());
    Ok(())
}

/// Creates the account of a person, or signs in if it is there.
async fn settle(
    server: &str,
    demo_password: &str,
    person: &'static DemoPerson,
    place: usize,
    scratch: &Path,
) -> Result<Resident, CommandError> {
    let (handle, password) = (person.handle, password_of(person.handle, demo_password));
    let email = format!("{handle}@tutti.example");
    let client = match Client::sign_up(server, handle, &email, &password).await? {
        Some(client) => client,
        None => Client::sign_in(server, handle, &password)
            .await
            .map_err(|error| format!("the server has an account called `{handle}` that is not the demo's: {error}"))?,
    };
    let me = client.get("/v1/me").await?;
    if me["display_name"] != person.name || me["bio"] != person.bio {
        client.patch("/v1/me", &json!({ "display_name": person.name, "bio": person.bio })).await?;
    }
    if place.is_multiple_of(AVATAR_EVERY) && me["avatar"].is_null() {
        let path = scratch.join(format!("{handle}.jpg"));
        generate_picture(person.colours, "400x400", &path).await?;
        let avatar = upload_quietly(&client, &path, "portrait").await?;
        client.patch("/v1/me", &json!({ "avatar": avatar })).await?;
    }
    let written = client.get(&format!("/v1/accounts/{handle}/posts?{PAGE}")).await?;
    let found = items(&written).iter().filter_map(|post| Some((text_of(post)?, post["id"].as_str()?.to_owned())));
    Ok(Resident { person, posts: found.collect(), client })
}

/// Returns the items of a page.
fn items(page: &Value) -> &[Value] {
    page["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text_of(item: &Value) -> Option<String> {
    item["text"].as_str().map(str::to_owned)
}

fn id_of(created: &Value) -> Result<String, CommandError> {
    Ok(created["id"].as_str().ok_or("the server sent no id for what it has created")?.to_owned())
}

/// Waits until a reader may see a post, because its media can be shown. Returns whether that is so.
async fn is_visible(reader: &Client, id: &str) -> bool {
    let began = Instant::now();
    while began.elapsed() < VISIBLE_TIMEOUT {
        if reader.get(&format!("/v1/posts/{id}")).await.is_ok() {
            return true;
        }
        tokio::time::sleep(VISIBLE_PAUSE).await;
    }
    false
}

impl Community<'_> {
    /// Returns the person with a handle.
    fn resident(&self, handle: &str) -> Result<&Resident, CommandError> {
        let found = self.residents.iter().find(|resident| resident.person.handle == handle);
        found.ok_or_else(|| format!("the demo has no member called `{handle}`").into())
    }

    /// Makes everyone follow whom they follow. Nothing changes where they do.
    async fn follow(&self, demo: &Client, demo_handle: &str) -> Result<(), CommandError> {
        for (follower, resident) in self.residents.iter().enumerate() {
            for (followee, person) in PEOPLE.iter().enumerate() {
                if follows(follower, followee) {
                    resident.client.put(&format!("/v1/accounts/{}/follow", person.handle), None).await?;
                }
            }
            if follower.is_multiple_of(FOLLOWS_DEMO_EVERY) {
                resident.client.put(&format!("/v1/accounts/{demo_handle}/follow"), None).await?;
            }
        }
        for person in PEOPLE.iter().take(FOLLOWED_BY_DEMO) {
            demo.put(&format!("/v1/accounts/{}/follow", person.handle), None).await?;
        }
        Ok(())
    }

    /// Generates what a post shows and uploads it to the library of its author. Returns the item's id.
    async fn upload(&self, author: &Resident, shown: Shown) -> Result<Option<String>, CommandError> {
        let handle = author.person.handle;
        let (path, tags) = match shown {
            Shown::Nothing => return Ok(None),
            Shown::Picture(colours) => {
                let path = self.scratch.join(format!("Picture of {handle}.jpg"));
                generate_picture(colours, "1200x900", &path).await?;
                (path, "picture")
            }
            Shown::Clip(hertz) => {
                let path = self.scratch.join(format!("Clip of {handle}, {hertz} Hz.mp4"));
                generate_clip(author.person.colours, hertz, &path).await?;
                (path, "video")
            }
        };
        upload_quietly(&author.client, &path, tags).await.map(Some)
    }

    /// Writes a post, unless it is there. Returns its id.
    async fn write(&self, post: &DemoPost) -> Result<String, CommandError> {
        let author = self.resident(post.author)?;
        if let Some(id) = author.posts.get(post.text) {
            return Ok(id.clone());
        }
        let media: Vec<String> = self.upload(author, post.shown).await?.into_iter().collect();
        let body = json!({ "text": post.text, "media": media, "audience": "public" });
        id_of(&author.client.post("/v1/posts", Some(&body)).await?)
    }

    /// Opens a thread, unless it is there. Returns its id, which is that of its opening.
    async fn open(&self, thread: &DemoThread) -> Result<String, CommandError> {
        let (opening, author) = (&thread.opening, self.resident(thread.opening.author)?);
        if let Some(id) = author.posts.get(opening.text) {
            return Ok(id.clone());
        }
        let media = self.upload(author, opening.shown).await?.ok_or("a thread opens with a clip")?;
        let body = json!({ "title": opening.text, "media": media, "rule": "open", "cap": 20, "audience": "public" });
        id_of(&author.client.post("/v1/threads", Some(&body)).await?)
    }

    /// Adds the parts of a thread that are missing.
    async fn join(&self, thread: &DemoThread, id: &str) -> Result<(), CommandError> {
        for &(handle, hertz, text) in thread.parts {
            let author = self.resident(handle)?;
            if author.posts.contains_key(text) || !is_visible(&author.client, id).await {
                continue;
            }
            let media = self.upload(author, Shown::Clip(hertz)).await?;
            let body = json!({ "media": media, "text": text });
            author.client.post(&format!("/v1/threads/{id}/parts"), Some(&body)).await?;
        }
        Ok(())
    }

    /// Adds the comments of a post that are missing, and the reactions. A post that can't be shown in time has none.
    async fn talk(&self, place: usize, post: &DemoPost, id: &str) -> Result<(), CommandError> {
        let reader =
            &self.residents.iter().find(|one| one.person.handle != post.author).ok_or("there is no reader")?.client;
        if !is_visible(reader, id).await {
            say!("\"{}\" is still being converted", post.text);
            return Ok(());
        }
        let path = format!("/v1/posts/{id}/comments");
        let page = reader.get(&format!("{path}?{PAGE}")).await?;
        let there: Vec<String> = items(&page).iter().filter_map(text_of).collect();
        for &(handle, text) in post.comments {
            if !there.iter().any(|comment| comment == text) {
                self.resident(handle)?.client.post(&path, Some(&json!({ "text": text }))).await?;
            }
        }
        for (person, resident) in self.residents.iter().enumerate() {
            if let Some(kind) = reaction(person, place).filter(|_| resident.person.handle != post.author) {
                let body = json!({ "kind": kind });
                resident.client.put(&format!("/v1/posts/{id}/reaction"), Some(&body)).await?;
            }
        }
        Ok(())
    }

    /// Reposts. Nothing changes where a member has done so.
    async fn repost(&self, posts: &[(&DemoPost, String)]) -> Result<(), CommandError> {
        for (handle, author, start) in REPOSTS {
            let found = posts.iter().find(|(post, _)| post.author == author && post.text.starts_with(start));
            let (_, id) = found.ok_or("a post to repost is missing")?;
            self.resident(handle)?.client.post(&format!("/v1/posts/{id}/repost"), None).await?;
        }
        Ok(())
    }
}
