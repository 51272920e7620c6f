//! SIGKILL in the middle of sign-ups: who was told that there is an account signs in to it, each account has its mail
//! once, and a sign-up without a response left either all of an account or nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::TestMail;

use crate::faults::short_or_long;
use crate::server::Server;

const PASSWORD: &str = "a long enough password";
/// So many clients sign up at once.
const CLIENTS: usize = 3;

/// The handles of all sign-ups, and whether each was acknowledged.
type Begun = Arc<Mutex<HashMap<String, bool>>>;

static UNIQUE: AtomicU32 = AtomicU32::new(0);

fn email(handle: &str) -> String {
    format!("{handle}@tutti.example")
}

/// Signs up. Returns the status and the code of the problem; `None` if the connection broke.
async fn sign_up(client: &reqwest::Client, url: &str, handle: &str) -> Option<(u16, Value)> {
    let body = json!({"handle": handle, "email": email(handle), "password": PASSWORD});
    let response = client.post(format!("{url}/v1/accounts")).json(&body).send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.json::<Value>().await.ok()?["code"].clone()))
}

/// Signs up under new handles until `stop` is set. A connection that breaks proves nothing.
async fn keep_signing_up(client: reqwest::Client, url: String, begun: Begun, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let handle = format!("singer{}", UNIQUE.fetch_add(1, Ordering::Relaxed));
        begun.lock().unwrap().insert(handle.clone(), false);
        match sign_up(&client, &url, &handle).await {
            Some((201, _)) => {
                begun.lock().unwrap().insert(handle, true);
            }
            Some((503, _)) | None => {}
            Some(other) => panic!("{handle}: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Returns how many mails there are to each address, once every address has one.
async fn mails_by_address(server: &Server, addresses: usize) -> HashMap<String, u32> {
    let started = Instant::now();
    loop {
        let mut mails = HashMap::new();
        for mail in TestMail::read_all(server.data()) {
            *mails.entry(mail.to).or_insert(0) += 1;
        }
        if mails.len() >= addresses {
            return mails;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "{} of {addresses} mails were sent", mails.len());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_amid_sign_ups_leaves_whole_accounts_with_one_mail_each_or_nothing() {
    let kills = short_or_long(6, 40);
    let settings = [
        "accounts.argon2_memory_kib=64",
        "accounts.argon2_passes=1",
        "accounts.sign_ups_per_address=1000000",
        "accounts.sign_ups_per_network=1000000",
        "accounts.sign_ups_per_minute=0",
        "gateway.anonymous_writes_per_second=0",
        "mail.max_files=100000",
    ];
    let mut server = Server::start_alone(&settings).await;
    let (begun, stop) = (Begun::default(), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| tokio::spawn(keep_signing_up(server.client.clone(), server.url.clone(), begun.clone(), stop.clone())))
        .collect();
    for kill in 0..kills {
        tokio::time::sleep(Duration::from_millis(20 + u64::from(rand::random::<u8>()))).await;
        // A slow machine gets time to acknowledge some between two kills.
        let (began, enough) = (Instant::now(), 3 * (kill + 1));
        while begun.lock().unwrap().values().filter(|is_known| **is_known).count() < enough
            && began.elapsed() < Duration::from_secs(10)
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.kill();
        server.restart();
    }
    stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }

    let begun = std::mem::take(&mut *begun.lock().unwrap());
    let acknowledged = begun.values().filter(|is_known| **is_known).count();
    assert!(acknowledged > kills, "only {acknowledged} sign-ups were acknowledged: the test proves little");
    for (handle, is_known) in &begun {
        let again = sign_up(&server.client, &server.url, handle).await.unwrap();
        let is_whole = again == (409, json!("accounts.handle_taken"));
        assert!(is_whole || (!is_known && again.0 == 201), "{handle}, acknowledged: {is_known}: {again:?}");
    }
    let mails = mails_by_address(&server, begun.len()).await;
    for handle in begun.keys() {
        assert_eq!(mails.get(&email(handle)), Some(&1), "{handle} has its mail once");
        let login = json!({"login": handle, "password": PASSWORD});
        let response = server.client.post(format!("{}/v1/sessions", server.url)).json(&login).send().await.unwrap();
        assert_eq!(response.status(), 201, "{handle} signs in");
    }
    assert_eq!(mails.len(), begun.len(), "nobody else has a mail");
}
