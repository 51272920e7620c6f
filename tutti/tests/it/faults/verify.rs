//! The verification after the faults: nothing acknowledged is lost, nothing happened twice, nothing is left over.
//!
//! Looks through the gateways first, then directly into the databases, the bus and the store. Invariant: recovery needs
//! no operator: before the verification, engines and processes are at most restarted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bus_nats::NatsOptions;
use reqwest::Method;
use testkit::fleet::{Databases, FleetProcess};

use super::client::Client;
use super::harness::Harness;
use super::load::{Ledger, Load};
use super::short_or_long;

/// Roles that have a database.
const STATEFUL_ROLES: [&str; 9] =
    ["accounts", "media", "transcode", "delivery", "social", "moderation", "webhooks", "notify", "chat"];

/// Roles that store objects.
const OBJECT_ROLES: [&str; 3] = ["media", "transcode", "delivery"];

/// Stops the load and compares everything with the ledger.
pub(super) async fn verify(harness: &mut Harness, load: Load) {
    harness.clear_faults();
    let (client, ledger) = load.end().await;
    let began = Instant::now();
    let count = |of: &std::sync::atomic::AtomicU32| of.load(Ordering::Relaxed);
    let items = ledger.items().len();
    println!(
        "acknowledged {items} uploads, {} reads, {} sign-ins; \"retry later\" {}, broken connections {}",
        count(&ledger.read),
        count(&ledger.signed_in),
        count(&ledger.later),
        count(&ledger.broken)
    );
    println!("{}", client.longest_wait());
    assert!(items >= 10 && count(&ledger.signed_in) >= 3, "too little was acknowledged: the test proves little");
    bytes_are_there(&client, &ledger).await;
    posts_are_there_once(&client, &ledger).await;
    let known = all_get_ready(&client, &ledger).await;
    bus_is_empty(harness).await;
    tables_agree(harness, known).await;
    slots_ran_once(harness);
    store_and_rows_agree(harness).await;
    nothing_is_left(harness, &client).await;
    println!("verified in {:.1} s", began.elapsed().as_secs_f64());
}

async fn bytes_are_there(client: &Client, ledger: &Ledger) {
    for (id, bytes) in ledger.items() {
        assert!(client.get(&format!("/v1/media/{id}/original")).await.body == bytes, "{id} has other bytes");
    }
}

/// Fails the test unless every acknowledged post is there, and no post twice.
async fn posts_are_there_once(client: &Client, ledger: &Ledger) {
    let (mut found, mut after) = (BTreeSet::new(), String::new());
    loop {
        let page = client.get(&format!("/v1/accounts/{}/posts?limit=100{after}", client.handle)).await.json();
        for post in page["items"].as_array().unwrap() {
            let text = post["text"].as_str().unwrap();
            assert!(found.insert(text.to_owned()), "the post {text} is there twice");
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    let missing: Vec<String> = ledger.posts().into_iter().filter(|text| !found.contains(text)).collect();
    assert!(missing.is_empty(), "acknowledged posts are not listed: {missing:?}");
    println!("{} acknowledged posts are there, each once", ledger.posts().len());
}

/// Waits until every item is ready, including items whose uploader got no response. Returns how many items there are.
async fn all_get_ready(client: &Client, ledger: &Ledger) -> usize {
    let began = Instant::now();
    loop {
        let listed = list(client).await;
        if let Some((id, state)) = listed.iter().find(|(_, state)| *state == "failed") {
            panic!("{id} is {state}: {}", client.get(&format!("/v1/media/{id}")).await.text());
        }
        let missing: Vec<String> =
            ledger.items().into_iter().map(|(id, _)| id).filter(|id| !listed.contains_key(id)).collect();
        assert!(missing.is_empty(), "acknowledged and not listed: {missing:?}");
        let waiting: Vec<_> = listed.iter().filter(|(_, state)| *state != "ready").collect();
        if waiting.is_empty() {
            return listed.len();
        }
        assert!(
            began.elapsed() < short_or_long(Duration::from_secs(180), Duration::from_secs(600)),
            "not ready: {waiting:?}"
        );
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Returns a member's items and their states.
async fn list(client: &Client) -> BTreeMap<String, String> {
    let (mut items, mut after) = (BTreeMap::new(), String::new());
    loop {
        let page = client.get(&format!("/v1/media?limit=100{after}")).await.json();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        items.extend(page["items"].as_array().unwrap().iter().map(|item| (text(&item["id"]), text(&item["state"]))));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return items,
        }
    }
}

/// Fails the test unless every event was sent and handled, and there is no dead letter.
async fn bus_is_empty(harness: &Harness) {
    let options =
        NatsOptions { servers: vec![harness.nats.url()], prefix: harness.fleet.name.clone(), ..NatsOptions::default() };
    let bus = bus_nats::open(&options, base::Clock::system()).await.unwrap();
    let rows = Databases::of(&harness.fleet, &harness.postgres.url());
    let began = Instant::now();
    loop {
        let mut unsent = Vec::new();
        for service in STATEFUL_ROLES {
            unsent.extend(rows.query_lines(service, "select subject as line from outbox where sent_at is null").await);
        }
        let backlog = bus.engine().backlog().await;
        if unsent.is_empty() && backlog.as_ref().is_ok_and(Vec::is_empty) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(90), "unsent {unsent:?}, waiting {backlog:?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let dead = bus.engine().dead_letters(10).await.unwrap();
    assert!(dead.is_empty(), "there are dead letters: {dead:#?}");
}

/// Compares the roles' rows: every event had its effect once.
async fn tables_agree(harness: &Harness, known: usize) {
    let rows = Databases::of(&harness.fleet, &harness.postgres.url());
    let assert_no_rows = async |service: &str, what: &str, query: &str| {
        let found = rows.query_lines(service, query).await;
        assert!(found.is_empty(), "{what}: {found:#?}");
    };
    let miscounted = "select owner || ' is charged ' || bytes || ' bytes, ' || items || ' items' as line from usage \
        where bytes <> (select coalesce(sum(item.bytes), 0) from item where item.owner = usage.owner) \
        + (select coalesce(sum(octet_length(caption.content)), 0) from caption \
        join item on item.id = caption.item where item.owner = usage.owner) \
        or items <> (select count(*) from item where item.owner = usage.owner)";
    assert_no_rows("media", "the quota is not the sum of the items and their captions", miscounted).await;
    assert_no_rows(
        "transcode",
        "unfinished tasks",
        "select media || ' ' || name || ' ' || state as line from task where state <> 'done'",
    )
    .await;
    assert_no_rows(
        "transcode",
        "items that are not ready",
        "select media || ' ' || state as line from job where state not in ('ready', 'deleted')",
    )
    .await;
    for service in STATEFUL_ROLES {
        // A run that is in progress now, or will be taken over, is neither.
        let never = "
            select job as line
              from schedule_run
             group by job
            having count(finished_at) = 0
               and max(lease_until) < now() - interval '30 seconds'";
        assert_no_rows(service, "scheduled jobs that never ran to their end", never).await;
        let held = "
            select job || ' ' || slot as line
              from schedule_run
             where finished_at is null
               and lease_until > now() + interval '5 minutes'";
        assert_no_rows(service, "scheduled jobs with too long a lease", held).await;
    }
    let miscounted = "
        select person || ' has ' || post_count || ' posts, ' || follower_count || ' followers' as line
          from person_counts
         where post_count <> (
                   select count(*)
                     from post
                    where post.author = person_counts.person
                      and post.state = 'published')
            or public_post_count <> (
                   select count(*)
                     from post
                    where post.author = person_counts.person
                      and post.is_counted)
            or follower_count <> (select count(*) from follow where follow.followee = person_counts.person)
            or following_count <> (select count(*) from follow where follow.follower = person_counts.person)";
    assert_no_rows("social", "people whose counts are not those of the rows", miscounted).await;
    let same_rows = async |left: (&str, &str), right: (&str, &str), what: &str| {
        let sets =
            [rows.query_lines(left.0, left.1).await, rows.query_lines(right.0, right.1).await].map(BTreeSet::from_iter);
        let apart: Vec<_> = sets[0].symmetric_difference(&sets[1]).collect();
        assert!(apart.is_empty(), "{what} of {} and {} differ: {apart:#?}", left.0, right.0);
        sets[0].len()
    };
    let items = "select id || ' ' || bytes || ' ' || object as line from item";
    assert_eq!(same_rows(("media", items), ("delivery", items), "items").await, known);
    same_rows(
        ("media", "select id as line from item"),
        ("transcode", "select media as line from job where state <> 'deleted'"),
        "items",
    )
    .await;
    let segments = |item: &str| {
        format!("select {item} || ' ' || rendition || ' ' || number || ' ' || object as line from segment")
    };
    let found = same_rows(("transcode", &segments("media")), ("delivery", &segments("item")), "segments").await;
    let assets = |item: &str| format!("select {item} || ' ' || name || ' ' || object as line from asset");
    same_rows(("transcode", &assets("media")), ("delivery", &assets("item")), "assets").await;
    println!("{known} items and {found} segments agree in every database");
}

/// Runs `tutti objects check`, as an operator would: every object has a row, and every row its object.
async fn store_and_rows_agree(harness: &Harness) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tutti"));
    command.args(["objects", "check", "--json", "--config"]).arg(harness.fleet.config_path()).kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(120), command.output())
        .await
        .expect("the check of the store ends")
        .unwrap();
    let output_text = String::from_utf8_lossy(&output.stdout);
    let logs = harness.fleet.logs();
    assert!(
        output.status.success(),
        "{output_text}{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        lines_about(&logs, &output_text.lines().map(str::to_owned).collect::<Vec<_>>()).join("\n")
    );
}

/// Fails the test if a slot of a scheduled job ran to its end twice, in any processes.
fn slots_ran_once(harness: &Harness) {
    let logs = harness.fleet.logs();
    let mut runs: BTreeMap<&str, u32> = BTreeMap::new();
    for line in logs.lines().filter(|line| line.contains("a scheduled run is done")) {
        let run = line.split_once(" job=").and_then(|(_, rest)| rest.split_once(" elapsed_ms=")).map(|(run, _)| run);
        *runs.entry(run.unwrap_or_else(|| panic!("{line}"))).or_default() += 1;
    }
    let twice: Vec<_> = runs.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "slots ran twice: {twice:#?}");
    assert!(runs.len() > 5, "only {} slots ran", runs.len());
    println!("{} slots of scheduled jobs ran, each once", runs.len());
}

/// Deletes everything. Items and untracked objects are removed within hours, which a clock ahead makes short: then the
/// store is empty.
async fn nothing_is_left(harness: &mut Harness, client: &Client) {
    let began = Instant::now();
    loop {
        let items = list(client).await;
        if items.is_empty() {
            break;
        }
        for id in items.keys() {
            let url = format!("/v1/media/{id}?purge=true");
            client.send_until_answered(204, Method::DELETE, &url, |request| request).await;
        }
    }
    println!("all items were deleted within {:.1} s", began.elapsed().as_secs_f64());
    bus_is_empty(harness).await;
    println!("every consumer had handled the events after {:.1} s", began.elapsed().as_secs_f64());
    let rows = Databases::of(&harness.fleet, &harness.postgres.url());
    let kept = rows
        .query_lines(
            "media",
            "select cast(sum(bytes) as text) || ' bytes, ' || sum(items) || ' items' as line from usage",
        )
        .await;
    assert_eq!(kept, ["0 bytes, 0 items"], "members without items are charged");
    let left = harness.s3.list_all().await;
    let leftover_count = left.len();
    // A process's next start removes what a killed process had begun; with the clock seven hours ahead, every delay is
    // over.
    tokio::task::block_in_place(|| {
        harness.fleet.kill();
        for process in &mut harness.fleet.processes {
            process.program.add_arguments(&["--set", "server.clock_skew_seconds=25200"]);
        }
        harness.fleet.ensure_running();
    });
    run_sweeps(harness).await;
    let began = Instant::now();
    loop {
        let left = harness.s3.list_all().await;
        let scratch: Vec<_> = harness.fleet.processes.iter().flat_map(scratch).collect();
        if left.is_empty() && scratch.is_empty() {
            break;
        }
        let late = began.elapsed() > Duration::from_secs(60);
        assert!(!late, "left behind: {left:#?} {scratch:#?}\n{}", lines_about(&harness.fleet.logs(), &left).join("\n"));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    println!(
        "the store is empty after {:.1} s ({leftover_count} unfinished objects were swept)",
        began.elapsed().as_secs_f64()
    );
    removed_keys_are_forgotten(harness).await;
}

/// Has the sweeps run now, as an operator would: their slots come by the database's time, which no process's clock
/// moves.
async fn run_sweeps(harness: &Harness) {
    for job in ["media.sweep", "transcode.sweep", "delivery.sweep"] {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_tutti"));
        command.args(["jobs", "run", job, "--reason", "a test", "--config"]).arg(harness.fleet.config_path());
        let output = tokio::time::timeout(Duration::from_secs(60), command.kill_on_drop(true).output());
        let output = output.await.expect("the command ends").unwrap();
        assert!(output.status.success(), "{job}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Removed keys are remembered until no object can appear under them: an hour, which a clock ahead makes short.
async fn removed_keys_are_forgotten(harness: &mut Harness) {
    tokio::task::block_in_place(|| {
        for role in OBJECT_ROLES {
            let process = harness
                .fleet
                .processes
                .iter_mut()
                .find(|process| process.role == role)
                .expect("every role has a process");
            process.program.kill();
            process.program.add_arguments(&["--set", "server.clock_skew_seconds=28800"]);
        }
        harness.fleet.ensure_running();
    });
    let rows = Databases::of(&harness.fleet, &harness.postgres.url());
    let began = Instant::now();
    loop {
        let mut known = Vec::new();
        for service in OBJECT_ROLES {
            known.extend(
                rows.query_lines(
                    service,
                    "select object || ' of ' || since as line from orphan_object where due_at is not null",
                )
                .await,
            );
        }
        if known.is_empty() {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "removed long ago and still remembered: {known:#?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let left = harness.s3.list_all().await;
    assert!(
        left.is_empty(),
        "appeared after all was forgotten: {left:#?}\n{}",
        lines_about(&harness.fleet.logs(), &left).join("\n")
    );
    println!("all keys are forgotten after {:.1} s", began.elapsed().as_secs_f64());
}

/// Returns the log lines about the keys of leftover objects, in the order of time.
fn lines_about(logs: &str, left: &[String]) -> Vec<String> {
    let keys: BTreeSet<&str> = left.iter().filter_map(|path| key_of(path)).collect();
    let time = |line: &str| {
        line.split_once(" | ").and_then(|(_, message)| message.split_whitespace().next()).unwrap_or("").to_owned()
    };
    let mut lines: Vec<String> = logs
        .lines()
        .filter(|line| keys.iter().any(|key| line.contains(key)) || line.contains(" ready roles="))
        .map(str::to_owned)
        .collect();
    lines.sort_by_key(|line| time(line));
    lines
}

/// Returns the object key in a path of the bucket, which is an object's or that of a part of an unfinished one.
fn key_of(path: &str) -> Option<&str> {
    path.match_indices('/')
        .map(|(at, _)| at)
        .filter_map(|at| path.get(at.checked_sub(2)?..at + 21))
        .find(|text| text.parse::<base::ObjectKey>().is_ok())
}

/// Returns the scratch files of a process.
fn scratch(process: &FleetProcess) -> Vec<String> {
    let folder = process.data.join(process.role).join("scratch");
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path().display().to_string()).collect()
}
