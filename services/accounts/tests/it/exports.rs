//! Exports: what is in an archive, who may have it, how it ends, and what becomes of one whose worker dies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use http::Method;
use service::personal_data::{
    ExportFile, ExportPage, FileContent, KeptData, OriginalFile, PersonalData, PersonalDataSource,
};
use service::{Context, RoleInstance, Service};
use testkit::unzip;
use uuid::Uuid;

use super::*;

/// While a world's folder has this file, the fake library returns no page.
const STALLS: &str = "data/media/stalls";
/// The fake library writes this file when it is asked for a page.
const REACHED: &str = "data/media/reached";
/// The fake library has the originals that this file describes.
const ORIGINALS: &str = "originals.json";
const KEPT: &KeptData = &KeptData {
    files: &[
        ExportFile { name: "media/items.json", content: FileContent::List, about: "Your items." },
        ExportFile { name: "originals/", content: FileContent::Originals, about: "Your files." },
    ],
    tables: &[],
};

/// A fake role with two items in its database and a few originals in the store.
struct Library(PathBuf);

#[async_trait]
impl PersonalDataSource for Library {
    async fn export_page(&self, _: Uuid, file: &str, after: Option<&str>) -> Result<ExportPage, db::Error> {
        let stalls = self.0.join("stalls");
        while stalls.exists() {
            std::fs::write(self.0.join("reached"), "").unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let text = std::fs::read_to_string(self.0.join(ORIGINALS)).ok();
        let originals = text.map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default();
        Ok(match (file, after) {
            ("originals/", _) => ExportPage { originals, ..ExportPage::default() },
            (_, None) => ExportPage::of_records(vec![json!({"number": 1})], Some("second".into())),
            (_, Some(_)) => ExportPage::of_records(vec![json!({"number": 2})], None),
        })
    }
}

fn start_library(context: &Context) -> RoleInstance {
    RoleInstance { personal_data: Some(Arc::new(Library(context.folder.clone()))), ..RoleInstance::default() }
}

fn library() -> Service {
    Service {
        name: "media",
        migrations: None,
        objects: &[],
        personal_data: PersonalData::Kept(KEPT),
        openapi: utoipa::openapi::OpenApi::default,
        codes: &[],
        sections: Vec::new,
        subscriptions: |_| Vec::new(),
        start: |context| Box::pin(async move { Ok(start_library(&context)) }),
    }
}

/// Asks for an export. Returns its path.
async fn ask(person: &Person) -> String {
    let asked = person.member.post("/v1/me/export", &json!({})).await.expect(202).json();
    assert_eq!((&asked["state"], &asked["url"], &asked["bytes"]), (&json!("building"), &Value::Null, &Value::Null));
    format!("/v1/me/exports/{}", asked["id"].as_str().unwrap())
}

/// Returns an export that is ready.
async fn ready(world: &World, person: &Person, path: &str) -> Value {
    world.settle().await;
    let export = person.member.get(path).await.expect(200).json();
    assert_eq!(export["state"], "ready", "{export:#}");
    export
}

/// Returns the files of an archive that can be read as texts.
fn texts(archive: &[u8]) -> BTreeMap<String, String> {
    unzip(archive).into_iter().map(|(name, bytes)| (name, String::from_utf8_lossy(&bytes).into_owned())).collect()
}

/// Returns the number of objects in the store.
async fn stored_objects(world: &World) -> usize {
    world.process.objects.list_all().await.unwrap().len()
}

/// Returns how many mails say that an archive is ready.
async fn mails_of_exports(world: &World) -> usize {
    world.mails_to("ada@example.org").await.iter().filter(|mail| mail.subject.starts_with("Your data")).count()
}

#[tokio::test]
async fn an_archive_has_what_is_kept_about_a_member_and_no_secret() {
    let world = api_keys::world_beside_media().await;
    let ada = sign_up_confirmed(&world, "ada").await;
    sign_up(&world, "bob").await;
    let (_, key) = api_keys::create(&ada, &api_keys::request(None)).await;
    let secret = factors::add_app(&world, &ada).await;
    let path = ask(&ada).await;
    assert_eq!(ready(&world, &ada, &path).await["missing_count"], 0);
    let files = texts(&ada.member.get(&format!("{path}/archive")).await.expect(200).body);
    let names = ["account", "api-keys", "exports", "factors", "profile-verdicts", "sanctions", "sessions", "sign-ins"];
    let expected: Vec<String> =
        std::iter::once("README.txt".to_owned()).chain(names.map(|name| format!("{name}.json"))).collect();
    assert_eq!(files.keys().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>());
    for name in &expected[1..] {
        assert!(files["README.txt"].contains(name.as_str()), "{name} is explained");
    }
    let json = |name: &str| serde_json::from_str::<Value>(&files[name]).unwrap();
    let account = json("account.json");
    assert_eq!((&account["handle"], &account["email"]), (&json!("ada"), &json!("ada@example.org")));
    assert_eq!(json("api-keys.json")[0]["name"], "Karaoke server");
    assert_eq!(json("factors.json")[0]["kind"], "totp");
    assert_eq!(json("sessions.json").as_array().unwrap().len(), 1);
    assert_eq!(json("sanctions.json"), json!([]));
    for (name, text) in &files {
        for private in ["$argon2", &secret, &key, "hash", "bob"] {
            assert!(name == "README.txt" || !text.contains(private), "{name} has {private}: {text}");
        }
    }
    let mail = world.mail_to("ada@example.org").await;
    assert!(mail.subject.starts_with("Your data"), "{}", mail.subject);
    assert!(mail.links.iter().all(|link| link.ends_with("/settings")), "{:?}", mail.links);
    assert!(!mail.text.contains("missing.json"), "nothing is missing: {}", mail.text);
    world.end().await;
}

#[tokio::test]
async fn an_archive_is_resumed_by_its_member_or_a_signed_url_and_gone_after_a_week() {
    let world = world().await;
    let (ada, bob) = (sign_up(&world, "ada").await, sign_up(&world, "bob").await);
    let path = ask(&ada).await;
    let export = ready(&world, &ada, &path).await;
    let (archive, anonymous) = (format!("{path}/archive"), world.anonymous());
    let url = export["url"].as_str().unwrap();
    let whole = ada.member.get(&archive).await.expect(200);
    assert_eq!((export["bytes"].as_u64(), whole.header("accept-ranges")), (Some(whole.body.len() as u64), "bytes"));
    let etag = whole.header("etag");
    let part = async |range: &str, if_range: &str| {
        let request = anonymous.request(Method::GET, url).header("range", range);
        anonymous.send(request.header("if-range", if_range)).await
    };
    let resumed = part("bytes=100-", etag).await.expect(206);
    assert_eq!(resumed.body, whole.body[100..]);
    assert_eq!(resumed.header("content-range"), format!("bytes 100-{}/{}", whole.body.len() - 1, whole.body.len()));
    assert_eq!(part("bytes=100-", "\"another\"").await.expect(200).body, whole.body);
    let beyond = part("bytes=99999999-", etag).await.refused(416, "request.range_not_satisfiable");
    assert_eq!(beyond.header("content-range"), format!("bytes */{}", whole.body.len()));
    anonymous.get(&archive).await.refused(401, "auth.required");
    anonymous.get(&format!("{archive}?t=x.y")).await.refused(404, "accounts.export_not_found");
    for path in [&path, &archive] {
        bob.member.get(path).await.refused(404, "accounts.export_not_found");
        bob.member.get(&path.replace("exports/0", "exports/1")).await.refused(404, "accounts.export_not_found");
    }

    // Two more today, and a proof that is not too old.
    for _ in 0..2 {
        tick(&world);
        let path = ask(&ada).await;
        ready(&world, &ada, &path).await;
    }
    anonymous.get(url).await.refused(404, "accounts.export_not_found");
    assert_eq!(ada.member.get(&path).await.expect(200).json()["state"], "expired");
    let is_one = async || (stored_objects(&world).await == 1).then_some(());
    world.wait_for("the store has the newest archive only", is_one).await;
    let refused = ada.member.post("/v1/me/export", &json!({})).await.refused(429, "accounts.too_many_exports");
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 80_000, "{refused}");
    world.clock().advance(TimeDelta::minutes(11));
    ada.member.post("/v1/me/export", &json!({})).await.refused(403, "auth.proof_required");

    world.clock().advance(TimeDelta::days(7));
    anonymous.get(url).await.refused(404, "accounts.export_not_found");
    let ada = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    ada.member.get(&archive).await.refused(404, "accounts.export_not_found");
    let exports = ada.member.get("/v1/me/exports").await.expect(200).json();
    let states: Vec<_> = exports["items"].as_array().unwrap().iter().map(|export| &export["state"]).collect();
    assert_eq!(states, ["expired"; 3]);
    let is_empty = async || (stored_objects(&world).await == 0).then_some(());
    world.wait_for("the archives are removed", is_empty).await;
    world.end().await;
}

#[tokio::test]
async fn a_stolen_token_downloads_no_archive() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let path = ask(&ada).await;
    ready(&world, &ada, &path).await;
    let archive = format!("{path}/archive");
    world.clock().advance(TimeDelta::minutes(11));
    for path in [&path, &archive] {
        let refused = ada.member.get(path).await.refused(403, "auth.proof_required").json();
        assert_eq!(refused["proofs"], json!(["password"]));
    }
    // The state is no secret from the session, and the list has it without a URL.
    let listed = ada.member.get("/v1/me/exports").await.expect(200).json()["items"][0].clone();
    assert_eq!((&listed["state"], &listed["url"]), (&json!("ready"), &Value::Null));
    ada.member.post("/v1/me/proof", &json!({"password": PASSWORD})).await.expect(204);
    let export = ada.member.get(&path).await.expect(200).json();
    ada.member.get(&archive).await.expect(200);
    // A signed URL was handed out after a proof, and needs none.
    world.clock().advance(TimeDelta::minutes(11));
    world.anonymous().get(export["url"].as_str().unwrap()).await.expect(200);
    world.end().await;
}

/// Puts an original into the store.
async fn put_original(world: &World, name: &str, bytes: &'static [u8]) -> OriginalFile {
    let stored = world.process.objects.put(bytes.into()).await.unwrap();
    let modified_at = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    OriginalFile { name: name.into(), object: stored.key, bytes: stored.bytes, modified_at }
}

/// Has the fake library of a world name these originals.
fn describe(world: &World, originals: &[OriginalFile]) {
    let text = serde_json::to_string(originals).unwrap();
    std::fs::write(world.folder().join("data/media").join(ORIGINALS), text).unwrap();
}

#[tokio::test]
async fn originals_that_are_lost_or_damaged_fail_no_export_and_are_listed_in_it() {
    let world = builder().start(&[accounts::service(), library()]).await;
    let song = put_original(&world, "song.wav", b"a whole song").await;
    let short = put_original(&world, "short.wav", b"half").await;
    let lost = put_original(&world, "lost.wav", b"nothing").await;
    world.process.objects.remove(&lost.object).await.unwrap();
    describe(&world, &[lost, song, OriginalFile { bytes: 8, ..short }]);
    let ada = sign_up(&world, "ada").await;
    let path = ask(&ada).await;
    let (shown, listed) = (ready(&world, &ada, &path).await, ada.member.get("/v1/me/exports").await.expect(200).json());
    assert_eq!((&shown["missing_count"], &listed["items"][0]["missing_count"]), (&json!(2), &json!(2)));
    let mails = world.mails_to("ada@example.org").await;
    let mail = mails.iter().find(|mail| mail.subject.starts_with("Your data")).unwrap();
    for part in [&mail.text, &mail.html] {
        assert!(part.contains("files that could not be put into it: 2."), "{part}");
    }
    let files = texts(&ada.member.get(&format!("{path}/archive")).await.expect(200).body);
    let originals: Vec<_> = files.keys().filter(|name| name.starts_with("originals/")).collect();
    assert_eq!(originals, ["originals/song.wav"]);
    assert_eq!(files["originals/song.wav"], "a whole song");
    let missing: Value = serde_json::from_str(&files["missing.json"]).unwrap();
    let reason = |at: usize| (&missing["files"][at]["name"], &missing["files"][at]["reason"]);
    assert_eq!(missing["count"], 2);
    assert_eq!(reason(0), (&json!("originals/lost.wav"), &json!("not_stored")));
    assert_eq!(reason(1), (&json!("originals/short.wav"), &json!("wrong_size")));
    assert!(files["README.txt"].contains("2 of your files could not be put into this archive"), "{files:?}");
    world.end().await;
}

async fn wait_until_reached(world: &World) {
    let reached = async || Path::new(&world.folder().join(REACHED)).exists().then_some(());
    world.wait_for("the library is asked", reached).await;
}

#[tokio::test]
async fn a_worker_that_dies_in_the_middle_leaves_one_archive_and_one_mail() {
    let world = builder().start(&[accounts::service(), library()]).await;
    describe(&world, &[put_original(&world, "song.wav", b"a whole song").await]);
    std::fs::write(world.folder().join(STALLS), "").unwrap();
    let path = ask(&sign_up(&world, "ada").await).await;
    wait_until_reached(&world).await;
    let folder = world.crash().await;
    std::fs::remove_file(folder.path().join(STALLS)).unwrap();

    let world = builder().in_folder(folder).start(&[accounts::service(), library()]).await;
    world.settle().await;
    let ada = Person::of(&world, &sign_in(&world, "ada", PASSWORD).await.expect(201));
    ready(&world, &ada, &path).await;
    let files = texts(&ada.member.get(&format!("{path}/archive")).await.expect(200).body);
    assert_eq!(files["originals/song.wav"], "a whole song");
    let items: Value = serde_json::from_str(&files["media/items.json"]).unwrap();
    assert_eq!(items, json!([{"number": 1}, {"number": 2}]));
    assert_eq!(mails_of_exports(&world).await, 1);
    let has_two = async || (stored_objects(&world).await == 2).then_some(());
    world.wait_for("the store has the original and one archive", has_two).await;
    world.end().await;
}

#[tokio::test]
async fn an_account_that_is_erased_while_its_archive_is_built_leaves_none() {
    let world = builder().start(&[accounts::service(), library()]).await;
    let ada = sign_up(&world, "ada").await;
    let finished = ask(&ada).await;
    ready(&world, &ada, &finished).await;
    std::fs::write(world.folder().join(STALLS), "").unwrap();
    tick(&world);
    let building = ask(&ada).await;
    wait_until_reached(&world).await;
    assert_eq!(ask(&ada).await, building, "one at a time");
    assert_eq!(mails_of_exports(&world).await, 1, "of the first one");
    ada.member.delete("/v1/me").await.expect(204);
    std::fs::remove_file(world.folder().join(STALLS)).unwrap();
    world.settle().await;
    let is_empty = async || (stored_objects(&world).await == 0).then_some(());
    world.wait_for("both archives are removed", is_empty).await;
    assert_eq!(mails_of_exports(&world).await, 0, "none of the second one, and the first one is forgotten");
    world.end().await;
}
