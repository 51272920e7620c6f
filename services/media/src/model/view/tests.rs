//! What each reader's view of an item has.

use serde_json::Value;

use super::super::captions::Captions;
use super::super::sensitivity::Marks;
use super::*;

const SCOPES: [&str; 3] = ["view", "original", "events"];

fn item(visibility: Visibility) -> Item {
    let now = Utc::now();
    Item {
        id: MediaId::random(),
        owner: AccountId(uuid::Uuid::from_u128(7)),
        name: "cat.jpeg".into(),
        description: "At the sea.".into(),
        alt: "A cat.".into(),
        kind: Kind::Video,
        format: "mp4".into(),
        content_type: "video/mp4".into(),
        state: State::Ready,
        visibility,
        bytes: 9,
        sha256: "ab".repeat(32),
        object: contract::ObjectKey::random(),
        has_scrub: true,
        width: Some(4),
        height: Some(3),
        duration_ms: Some(1),
        orientation: 1,
        tags: vec![],
        taken_at: Some(now),
        camera: Some("A camera".into()),
        thumbhash: None,
        assets: ["motion", "poster", "storyboard", "waveform"].map(Into::into).to_vec(),
        captions: vec![Captions { lang: "en".into(), label: "English".into(), bytes: 9 }],
        percent: None,
        remaining_ms: None,
        failure: None,
        claimed: true,
        subject: Some("post:1".into()),
        trashed: None,
        withheld: None,
        marks: Marks::default(),
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

fn field<'a>(view: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(view, |value, name| &value[name])
}

fn signatures(view: &Value) -> Vec<String> {
    let text = view.to_string();
    text.split("t=").skip(1).map(|rest| rest.split('"').next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn each_viewer_sees_what_the_table_says() {
    let (url_signer, now) = (UrlSigner::new([7; 32]), Utc::now());
    let signing = UrlSigningContext { signer: &url_signer, now, valid_for: TimeDelta::hours(48) };
    for visibility in [Visibility::Private, Visibility::Unlisted, Visibility::Public] {
        let item = item(visibility);
        let signed = url_signer.sign("events", item.id.as_str(), now, TimeDelta::hours(1));
        let signature = url_signer.verify(&signed, "events", item.id.as_str(), now).unwrap();
        let seen = |viewer: &Viewer| serde_json::to_value(item.view(viewer, &signing)).unwrap();
        let (owner, granted, everyone) =
            (seen(&Viewer::Owner), seen(&Viewer::SignedUrl(signature)), seen(&Viewer::Everyone));
        for path in OWNER_ONLY_FIELDS {
            assert!(!field(&owner, path).is_null(), "{path}");
            assert_eq!((field(&granted, path), field(&everyone, path)), (&Value::Null, &Value::Null), "{path}");
        }
        assert_eq!(signatures(&granted), [signed.as_str()], "it repeats what was shown");
        assert_eq!(signatures(&everyone), Vec::<String>::new());
        let ends_at = now + TimeDelta::minutes(30);
        let shared = seen(&Viewer::ShareLink(ends_at));
        for path in OWNER_ONLY_FIELDS {
            assert_eq!(field(&shared, path), &Value::Null, "{path}");
        }
        let until = |signature: &String| {
            url_signer.verify(signature, "view", item.id.as_str(), now).is_some_and(|one| one.ends_at() <= ends_at)
        };
        assert!(signatures(&shared).iter().all(until), "a link opens nothing but the view, and for no longer");
        assert_eq!(signatures(&shared).is_empty(), visibility != Visibility::Private);
        for signature in signatures(&owner) {
            assert!(SCOPES.iter().any(|scope| url_signer.is_valid(&signature, scope, item.id.as_str(), now)));
        }
        for part in ["image", "motion", "poster", "hls", "storyboard", "waveform", "file"] {
            let plain = owner["urls"][part].as_str().map(|url| url.split('?').next().unwrap_or_default());
            assert_eq!((granted["urls"][part].as_str(), everyone["urls"][part].as_str()), (plain, plain), "{part}");
        }
        let captions = owner["captions"][0]["url"].as_str().unwrap();
        assert_eq!(captions.contains("?t="), visibility == Visibility::Private);
        assert_eq!(granted["captions"], everyone["captions"]);
    }
}

#[test]
fn the_example_has_the_fields_of_a_view() {
    let (url_signer, now) = (UrlSigner::new([7; 32]), Utc::now());
    let signing = UrlSigningContext { signer: &url_signer, now, valid_for: TimeDelta::hours(48) };
    let view = serde_json::to_value(item(Visibility::Private).view(&Viewer::Owner, &signing)).unwrap();
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&example()), names(&view));
    assert_eq!(names(&example()["urls"]), names(&view["urls"]));
}
