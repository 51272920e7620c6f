//! Messages on a fleet: two thousand clients of sockets, while processes of chat and gateways are killed.
//!
//! Invariant: only processes of chat and gateways are killed, and every one is started again; what a client has seen is
//! a sequence without a gap at every moment.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use futures::{SinkExt as _, StreamExt as _};
use reqwest::header::AUTHORIZATION;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use testkit::fleet::Topology;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::client::{Client, DEADLINE, Outcome};
use super::harness::Harness;
use super::social::sign_up;

const MEMBERS: usize = 100;
const MEMBERS_OF_GROUP: usize = 10;
const SOCKETS_OF_MEMBER: usize = 20;
/// More than the rate of a new member lets through at once, so that they are sent for half a minute.
const MESSAGES_OF_MEMBER: usize = 20;
const KILLS: usize = 24;
/// How long a client waits for something before it connects again.
const SILENCE: Duration = Duration::from_secs(90);
/// After this time the test has failed.
const ALL: Duration = Duration::from_secs(600);

type Socket = WebSocketStream<TcpStream>;

/// What a client needs to connect: the gateways, and its token.
#[derive(Clone)]
struct Access {
    urls: Vec<String>,
    token: String,
}

impl Access {
    /// Opens a socket at one of the gateways, or waits a little.
    async fn open(&self, attempt: usize) -> Option<Socket> {
        let socket = timeout(DEADLINE, self.try_open(attempt)).await.ok().flatten();
        if socket.is_none() {
            sleep(Duration::from_millis(rand::random_range(200..1000))).await;
        }
        socket
    }

    async fn try_open(&self, attempt: usize) -> Option<Socket> {
        let address = self.urls[attempt % self.urls.len()].strip_prefix("http://")?;
        let mut request = format!("ws://{address}/v1/chat/socket").into_client_request().ok()?;
        request.headers_mut().insert(AUTHORIZATION, format!("Bearer {}", self.token).parse().ok()?);
        let stream = TcpStream::connect(address).await.ok()?;
        // Two thousand of the library's buffers would be a quarter of a gigabyte.
        let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
        let (socket, _) = client_async_with_config(request, stream, Some(config)).await.ok()?;
        Some(socket)
    }
}

async fn send(socket: &mut Socket, frame: &Value) -> bool {
    socket.send(Message::text(frame.to_string())).await.is_ok()
}

/// Returns the next frame; `None` if the socket has ended.
async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        match timeout(SILENCE, socket.next()).await.ok()?? {
            Ok(Message::Text(text)) => return Some(serde_json::from_str(text.as_str()).unwrap()),
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

/// Sends a request until it has this status, which may take until other roles know what it names.
async fn send_until(client: &Client, status: StatusCode, method: Method, path: &str, body: Value) -> Value {
    for _ in 0..100 {
        if let Outcome::Response(response) = client.send(method.clone(), path, |request| request.json(&body)).await
            && response.status == status
        {
            return serde_json::from_slice(&response.body).unwrap_or_default();
        }
        sleep(Duration::from_millis(300)).await;
    }
    panic!("{method} {path} was never answered with {status}");
}

/// Begins a group of these members, and returns its id and its place.
async fn begin(members: &[std::sync::Arc<Client>]) -> (String, Value) {
    let [first, second, others @ ..] = members else { panic!("too few members") };
    let body = json!({"members": [second.handle], "name": "Choir"});
    let begun = send_until(first, StatusCode::CREATED, Method::POST, "/v1/conversations", body).await;
    let id = begun["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/conversations/{id}");
    send_until(second, StatusCode::OK, Method::POST, &format!("{path}/accept"), json!({})).await;
    let link = send_until(first, StatusCode::OK, Method::PUT, &format!("{path}/invite"), json!({})).await;
    let link = format!("/v1/chat/invites/{}", link["token"].as_str().unwrap());
    for member in others {
        send_until(member, StatusCode::OK, Method::POST, &link, json!({})).await;
    }
    let page = first.get(&format!("{path}/changes?after=0&limit=1")).await.json();
    let place = json!({"conversation": id, "epoch": page["epoch"], "seq": page["last_seq"]});
    (id, place)
}

/// Sends the messages of a member, each until it is acknowledged.
async fn send_all(access: Access, conversation: String, name: String) {
    let (mut sent, mut attempt) = (0, 0);
    while sent < MESSAGES_OF_MEMBER {
        attempt += 1;
        let Some(mut socket) = access.open(attempt).await else { continue };
        while sent < MESSAGES_OF_MEMBER {
            let text = format!("{name} {sent}");
            let frame =
                json!({"type": "send", "client_id": sent.to_string(), "conversation": conversation, "text": text});
            if !send(&mut socket, &frame).await {
                break;
            }
            let Some(answer) = next(&mut socket).await else { break };
            match answer["type"].as_str().unwrap() {
                "sent" => sent += 1,
                "problem" => {
                    let code = answer["code"].as_str().unwrap();
                    assert!(code == "chat.slow_down" || code.starts_with("server."), "{answer}");
                    sleep(Duration::from_secs(answer["retry_after"].as_u64().unwrap_or(1))).await;
                }
                // `bye`: the socket ends.
                _ => {}
            }
        }
    }
}

/// Follows a conversation from a place until all messages were seen, and returns what was seen.
async fn watch(access: Access, mut place: Value, number: usize) -> Vec<Value> {
    let (mut seen, mut messages, mut attempt) = (Vec::new(), 0, number);
    while messages < MEMBERS_OF_GROUP * MESSAGES_OF_MEMBER {
        attempt += 1;
        let Some(mut socket) = access.open(attempt).await else { continue };
        if !send(&mut socket, &json!({"type": "hello", "after": [place]})).await {
            continue;
        }
        while messages < MEMBERS_OF_GROUP * MESSAGES_OF_MEMBER {
            let Some(frame) = next(&mut socket).await else { break };
            assert_ne!(frame["type"], "reset", "a place was lost");
            for change in frame["changes"].as_array().into_iter().flatten() {
                assert_eq!(change["seq"].as_i64(), place["seq"].as_i64().map(|seq| seq + 1), "a gap, or a double");
                place["seq"] = change["seq"].clone();
                messages += usize::from(change["kind"] == "message");
                seen.push(json!([change["seq"], change["kind"], change["message"]["text"]]));
            }
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: make faults"]
async fn two_thousand_clients_of_killed_processes_see_one_order_without_a_gap_or_a_double() {
    let mut harness = Harness::start(&Topology::one_of_each().with("chat", 2).with("gateway", 2));
    let members = sign_up(&harness, MEMBERS).await;
    let urls = harness.gateway_urls();
    let (mut senders, mut watchers) = (Vec::new(), Vec::new());
    for group in members.chunks(MEMBERS_OF_GROUP) {
        let (id, place) = begin(group).await;
        let mut of_group = Vec::new();
        for member in group {
            let access = Access { urls: urls.clone(), token: member.access() };
            senders.push(tokio::spawn(send_all(access.clone(), id.clone(), member.handle.clone())));
            let spawn = |number| tokio::spawn(watch(access.clone(), place.clone(), number));
            of_group.extend((0..SOCKETS_OF_MEMBER).map(spawn));
        }
        watchers.push(of_group);
    }
    for round in 0..KILLS {
        sleep(Duration::from_millis(rand::random_range(500..2000))).await;
        tokio::task::block_in_place(|| {
            let of_role = |role: &str| role == "chat" || role == "gateway";
            let mut killed = harness.fleet.processes.iter_mut().filter(|process| of_role(process.role));
            let program = &mut killed.nth(round % 4).expect("there are two of each").program;
            program.kill();
            program.spawn();
        });
    }
    tokio::task::block_in_place(|| harness.fleet.ensure_running());
    let sent = timeout(ALL, join_all(senders)).await.expect("all messages are sent in time");
    sent.into_iter().for_each(|sender| sender.unwrap());
    for of_group in watchers {
        let seen = timeout(ALL, join_all(of_group)).await.expect("all messages are seen in time");
        let seen: Vec<Vec<Value>> = seen.into_iter().map(|watcher| watcher.unwrap()).collect();
        assert!(seen.iter().all(|other| *other == seen[0]), "two clients have seen different orders");
        let texts: BTreeSet<&str> = seen[0].iter().filter_map(|change| change[2].as_str()).collect();
        assert_eq!(texts.len(), MEMBERS_OF_GROUP * MESSAGES_OF_MEMBER, "a message is there twice");
    }
    println!("{} clients saw one order under {KILLS} kills", MEMBERS * SOCKETS_OF_MEMBER);
}
