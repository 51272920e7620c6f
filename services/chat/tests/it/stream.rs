//! The live stream: where it begins, what it tells, and what it does not.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use testkit::TestClient;

use crate::fixtures::Harness;

/// A client that follows.
struct Follower {
    response: reqwest::Response,
    text: String,
}

impl Follower {
    async fn open(member: &TestClient) -> Self {
        let response = member.request(Method::GET, "/v1/chat/stream").send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self { response, text: String::new() }
    }

    /// Returns the next event: its name and its data.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((event, _)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let found = field("event:").map(str::to_owned).zip(field("data:").map(str::to_owned));
                let end = event.len() + 2;
                self.text.drain(..end);
                match found {
                    Some((name, data)) => return (name, serde_json::from_str(&data).unwrap()),
                    None => continue,
                }
            }
            let chunk = tokio::time::timeout(Duration::from_secs(60), self.response.chunk()).await;
            let chunk = chunk.expect("the stream goes on").unwrap().expect("the stream has not ended");
            self.text.push_str(&String::from_utf8_lossy(&chunk));
        }
    }
}

#[tokio::test]
async fn a_stream_tells_where_it_begins_and_what_comes_and_nothing_of_requests() {
    let harness = Harness::new().await;
    let [ada, bob, eve] = harness.members(["ada", "bob", "eve"]);
    harness.follow(&bob, &ada);
    let conversation = harness.begin(&ada, &["bob"], None).await;
    harness.say(&ada, &conversation, "before").await.expect(201);
    let mut stream = Follower::open(&bob).await;
    let (name, begun) = stream.next().await;
    assert_eq!((name.as_str(), &begun["places"][0]["last_seq"]), ("places", &Value::from(1)));
    assert_eq!(stream.next().await, ("presence".to_owned(), json!({"members": [], "all": true})));

    // A request is not in it; what comes next is.
    let asked = harness.begin(&eve, &["bob"], None).await;
    harness.say(&eve, &asked, "psst").await.expect(201);
    harness.say(&ada, &conversation, "now").await.expect(201);
    let (name, told) = stream.next().await;
    let id = told["conversation"].as_str().unwrap();
    assert_eq!((name.as_str(), conversation.ends_with(id)), ("changes", true));
    let change = &told["changes"][0];
    assert_eq!((&change["seq"], &change["message"]["text"]), (&Value::from(2), &Value::from("now")));
    ada.post(&format!("{conversation}/typing"), &Value::Null).await.expect(204);
    let (name, typing) = stream.next().await;
    assert_eq!((name.as_str(), &typing["member"]), ("typing", &Value::from(ada.id.to_string())));
    harness.world.anonymous().get("/v1/chat/stream").await.refused(401, "auth.required");
    drop(stream);
    harness.world.end().await;
}
