//! The lists of those whom a member blocks, mutes and has as close friends.

use chrono::TimeDelta;
use contract::AccountId;
use contract::accounts::{AccountState, Erased};
use serde_json::{Value, json};
use testkit::TestClient;

use crate::fixtures::{Harness, each, end, put};

/// Returns the handles of a list with a member in each entry, sorted.
fn handles(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().unwrap();
    let mut handles: Vec<&str> = items.iter().map(|item| item["person"]["handle"].as_str().unwrap()).collect();
    handles.sort_unstable();
    handles
}

async fn list(member: &TestClient, name: &str) -> Value {
    member.get(&format!("/v1/me/{name}")).await.expect(200).json()
}

#[tokio::test]
async fn a_member_lists_and_undoes_what_they_decided_and_learns_of_no_block_by_it() {
    let harness = Harness::new().await;
    let [ada, bob, eve, mia, zoe] = harness.members(["ada", "bob", "eve", "mia", "zoe"]);
    let until = harness.world.clock().now() + TimeDelta::hours(1);
    let until = until.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    for (name, what) in [("bob", "block"), ("eve", "block"), ("zoe", "mute"), ("mia", "close"), ("zoe", "close")] {
        put(&ada, name, what).await.expect(200);
    }
    put(&ada, "mia", &format!("mute?until={until}")).await.expect(200);

    // Page by page, each once; a cursor of one list is none of another.
    let first = list(&ada, "blocked?limit=1").await;
    let cursor = first["next"].as_str().unwrap();
    let second = list(&ada, &format!("blocked?limit=1&after={cursor}")).await;
    let mut both = [handles(&first), handles(&second)].concat();
    both.sort_unstable();
    assert_eq!((both, &second["next"]), (vec!["bob", "eve"], &Value::Null));
    assert!(first["items"][0]["since"].is_string(), "{first}");
    for wrong in [format!("muted?after={cursor}"), format!("close?after={cursor}"), "blocked?after=x".to_owned()] {
        ada.get(&format!("/v1/me/{wrong}")).await.refused(422, "social.wrong_cursor");
    }
    let muted = list(&ada, "muted").await;
    assert_eq!(handles(&muted), ["mia", "zoe"]);
    let ends: Vec<&Value> = muted["items"].as_array().unwrap().iter().map(|item| &item["until"]).collect();
    assert!(ends.contains(&&json!(until)) && ends.contains(&&Value::Null), "{muted}");
    let close = list(&ada, "close").await;
    let mut close = each(&close, "handle");
    close.sort_unstable();
    assert_eq!(close, ["mia", "zoe"]);
    for name in ["blocked", "muted", "close"] {
        assert_eq!(list(&bob, name).await["items"], json!([]), "the lists of others");
        harness.world.anonymous().get(&format!("/v1/me/{name}")).await.refused(401, "auth.required");
    }

    // Who blocks back stays in the list as they were; elsewhere nobody beyond a block is shown.
    let before = list(&ada, "blocked").await;
    put(&bob, "ada", "block").await.expect(200);
    assert_eq!(list(&ada, "blocked").await, before);
    harness.world.clock().advance(TimeDelta::hours(1));
    assert_eq!(handles(&list(&ada, "muted").await), ["zoe"], "a mute that has ended");
    put(&zoe, "ada", "block").await.expect(200);
    assert_eq!(list(&ada, "muted").await["items"], json!([]));
    assert_eq!(each(&list(&ada, "close").await, "handle"), ["mia"]);
    harness.set_state(&mia, AccountState::Suspended, 1).await;
    assert_eq!(list(&ada, "close").await["items"], json!([]));

    // What is listed can be undone, by the id as well; an erased member is in no list.
    end(&ada, &bob.id.to_string(), "block").await.expect(200);
    assert_eq!(handles(&list(&ada, "blocked").await), ["eve"]);
    harness.forget(&eve, "eve");
    let now = harness.world.clock().now();
    harness.publish(&Erased { account: AccountId(eve.id), handle: "eve".into(), at: now }).await;
    assert_eq!(list(&ada, "blocked").await["items"], json!([]));
    harness.world.end().await;
}
