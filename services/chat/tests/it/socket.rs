//! The socket: what is sent and told in frames, and that a client that was cut off misses nothing.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderName, HeaderValue};
use serde_json::{Value, json};
use testkit::{TestClient, World};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::fixtures::Harness;

/// A client of the socket.
pub struct SocketClient {
    socket: WebSocketStream<TcpStream>,
}

impl SocketClient {
    /// Opens a socket with a header. The client's receive buffer has a size of its own if `buffer_bytes` says so.
    pub async fn open(
        world: &World,
        (name, value): (HeaderName, String),
        buffer_bytes: Option<u32>,
    ) -> Result<Self, Error> {
        let tcp = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = buffer_bytes {
            tcp.set_recv_buffer_size(bytes).unwrap();
        }
        let address = world.url.strip_prefix("http://").unwrap();
        let stream = tcp.connect(address.parse().unwrap()).await.unwrap();
        let mut request = format!("ws://{address}/v1/chat/socket").into_client_request().unwrap();
        request.headers_mut().insert(name, HeaderValue::try_from(value).unwrap());
        client_async(request, stream).await.map(|(socket, _)| Self { socket })
    }

    /// Opens a socket of a member.
    pub async fn of(world: &World, member: &TestClient) -> Self {
        Self::open(world, bearer(member), None).await.unwrap()
    }

    /// Opens a socket of a member, who has these places.
    pub async fn hello(world: &World, member: &TestClient, after: &[Value]) -> Self {
        let mut client = Self::of(world, member).await;
        client.send(&json!({"type": "hello", "after": after})).await;
        client
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &Value) {
        self.send_text(&frame.to_string()).await;
    }

    /// Sends any text.
    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Returns the next message but for pings.
    pub async fn next_message(&mut self) -> Option<Result<Message, Error>> {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(60), self.socket.next()).await;
            match next.expect("something comes, or the socket ends") {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                next => return next,
            }
        }
    }

    async fn next_frame(&mut self) -> Value {
        let Some(Ok(Message::Text(text))) = self.next_message().await else { panic!("the socket has ended") };
        serde_json::from_str(text.as_str()).unwrap()
    }

    /// Returns the next frame but for those about presence.
    pub async fn next(&mut self) -> Value {
        loop {
            let frame = self.next_frame().await;
            if frame["type"] != "presence" {
                return frame;
            }
        }
    }

    /// Returns the next frame of a type.
    pub async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next_frame().await;
            if frame["type"] == kind {
                return frame;
            }
        }
    }
}

/// Returns the header with a member's access token.
pub fn bearer(member: &TestClient) -> (HeaderName, String) {
    (AUTHORIZATION, format!("Bearer {}", member.token().unwrap()))
}

/// Returns a place as a client tells it.
pub async fn place(member: &TestClient, conversation: &str, seq: i64) -> Value {
    let page = member.get(&format!("{conversation}/changes?after=0&limit=1")).await.expect(200).json();
    json!({"conversation": page["conversation"], "epoch": page["epoch"], "seq": seq})
}

/// Adds the changes of a frame to those that a client has, after checking that none is missing and none comes twice.
fn add(have: &mut Vec<Value>, frame: &Value) {
    for change in frame["changes"].as_array().unwrap() {
        assert_eq!(change["seq"].as_u64().unwrap(), have.len() as u64 + 1, "a gap, or a double");
        have.push(json!([change["seq"], change["kind"], change["message"]["text"]]));
    }
}

#[tokio::test]
async fn two_clients_send_in_frames_and_see_one_order() {
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    harness.follow(&bob, &ada);
    let conversation = harness.begin(&ada, &["bob"], None).await;
    let id = conversation.rsplit('/').next().unwrap();
    // Of a conversation without a message, the other knows nothing.
    harness.say(&ada, &conversation, "first").await.expect(201);
    let known = [place(&bob, &conversation, 0).await];
    let mut clients = [
        SocketClient::hello(&harness.world, &ada, &known).await,
        SocketClient::hello(&harness.world, &bob, &known).await,
    ];
    for client in &mut clients {
        assert_eq!(client.next().await["type"], "places");
    }
    for number in 0..5 {
        for (client, name) in clients.iter_mut().zip(["ada", "bob"]) {
            let text = format!("{name} {number}");
            client
                .send(&json!({"type": "send", "client_id": number.to_string(), "conversation": id, "text": text}))
                .await;
        }
    }
    let mut seen = Vec::new();
    for client in &mut clients {
        let (mut have, mut sent) = (Vec::new(), 0);
        while have.len() < 11 || sent < 5 {
            let frame = client.next().await;
            match frame["type"].as_str().unwrap() {
                "changes" => add(&mut have, &frame),
                "sent" => {
                    assert_eq!(frame["verdict"]["outcome"], "deliver");
                    sent += 1;
                }
                _ => panic!("{frame}"),
            }
        }
        seen.push(have);
    }
    assert_eq!(seen[0], seen[1]);

    // What was sent is sent once, and what can't be sent has the problem of the operation.
    let [ada_client, bob_client] = &mut clients;
    let again = json!({"type": "send", "client_id": "0", "conversation": id, "text": "other"});
    ada_client.send(&again).await;
    let first = seen[0].iter().find(|change| change[2] == "ada 0").unwrap();
    assert_eq!(ada_client.next_of("sent").await["seq"], first[0]);
    ada_client.send(&json!({"type": "send", "client_id": "1 2", "conversation": id, "text": "x"})).await;
    let problem = ada_client.next_of("problem").await;
    let told = (&problem["frame"], &problem["client_id"], &problem["code"], &problem["retry_after"]);
    assert_eq!(told, (&json!("send"), &json!("1 2"), &json!("chat.invalid_text"), &Value::Null));

    // Both read one copy of a change, and each sees it as a reader of their own.
    ada_client.send(&json!({"type": "send", "client_id": "own", "conversation": id, "text": "mine"})).await;
    let told = [ada_client.next_of("changes").await, bob_client.next_of("changes").await];
    let client_ids = told.map(|frame| frame["changes"][0]["message"]["client_id"].clone());
    assert_eq!(client_ids, [json!("own"), Value::Null]);

    ada_client.send(&json!({"type": "typing", "conversation": id})).await;
    assert_eq!(bob_client.next_of("typing").await["member"], ada.id.to_string());
    bob_client.send(&json!({"type": "read", "conversation": id})).await;
    let read = ada_client.next_of("changes").await;
    assert_eq!((&read["changes"][0]["kind"], &read["changes"][0]["seq"]), (&json!("read"), &json!(13)));
    bob_client.send(&json!({"type": "ping"})).await;
    bob_client.next_of("pong").await;

    // A browser has no header for it.
    let token = format!("tutti.chat.v1, bearer.{}", bob.token().unwrap());
    let browser = SocketClient::open(&harness.world, (SEC_WEBSOCKET_PROTOCOL, token), None).await;
    assert!(browser.is_ok());
    drop((browser, clients));
    harness.world.end().await;
}

#[tokio::test]
async fn a_client_that_is_cut_off_again_and_again_misses_nothing_and_gets_nothing_twice() {
    const MESSAGES: usize = 200;
    let harness = Harness::new().await;
    let [ada, bob] = harness.members(["ada", "bob"]);
    harness.follow(&bob, &ada);
    let conversation = harness.begin(&ada, &["bob"], None).await;
    harness.say(&ada, &conversation, "text 0").await.expect(201);
    let mut known = place(&bob, &conversation, 0).await;
    let sending = async {
        for number in 1..MESSAGES {
            harness.say(&ada, &conversation, &format!("text {number}")).await.expect(201);
        }
    };
    let reading = async {
        let mut have = Vec::new();
        // The connection is cut where a frame is half read, or others are on their way.
        for until in [MESSAGES / 5, MESSAGES / 2, MESSAGES * 4 / 5, MESSAGES] {
            known["seq"] = json!(have.len());
            let mut client = SocketClient::hello(&harness.world, &bob, std::slice::from_ref(&known)).await;
            while have.len() < until {
                add(&mut have, &client.next_of("changes").await);
            }
        }
        have
    };
    let ((), have) = tokio::join!(sending, reading);
    assert_eq!(have.last().unwrap()[2], format!("text {}", MESSAGES - 1));

    // A place that is none of the sequence, and a conversation of others: read it again.
    let (wrong, foreign) =
        (json!({"conversation": known["conversation"], "epoch": 1, "seq": 3}), harness.member("eve"));
    for member in [&bob, &foreign] {
        let mut client = SocketClient::hello(&harness.world, member, std::slice::from_ref(&wrong)).await;
        assert_eq!(client.next().await, json!({"type": "reset", "conversation": known["conversation"]}));
        assert_eq!(client.next().await["type"], "places");
    }
    harness.world.end().await;
}
