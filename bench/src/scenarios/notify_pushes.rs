//! Pushes to stand-ins of Firebase, Apple's service and a browser's push service, from one process.
//!
//! Invariant: a run fails unless each push was received once, in the form of its protocol, and is recorded as sent.

mod stand_in;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base::Random;
use chrono::Utc;
use db::{Db, Sql as _};
use serde::Serialize;
use serde_json::{Value, json};

use self::stand_in::{PROJECT, StandIn};
use super::text;
use crate::installation::Installation;
use crate::pushes::{self, Provider, Recipients};
use crate::report::{Row, Scenario, median, spread};
use crate::{Bench, Error, process};

/// Pushes of one run.
const PUSHES: usize = 30_000;
const QUICK_PUSHES: usize = 6_000;
const FCM_GOAL: f64 = 5_000.0;
const APNS_GOAL: f64 = 5_000.0;
const WEBPUSH_GOAL: f64 = 2_000.0;
/// The pause between two checks whether all are sent.
const POLL_PAUSE: Duration = Duration::from_millis(20);
const RUN_TIMEOUT: Duration = Duration::from_mins(3);
const KEY_TIMEOUT: Duration = Duration::from_secs(10);
/// A key that protects nothing: notify's tests have it for the same purpose.
const FCM_KEY: &str = include_str!("../../../services/notify/tests/it/service_account.pem");

/// The results of one run.
#[derive(Debug, Clone, Copy, Serialize)]
struct Run {
    /// From the first request until all are recorded as sent.
    seconds: f64,
    /// Pushes in each of these seconds.
    per_second: f64,
    /// The processor time of the server for each push.
    cpu_us_each: f64,
}

/// Makes the keys. Returns the settings that name them and the stand-in.
async fn settings(bench: &Bench, url: &str) -> Result<Vec<String>, Error> {
    let made = process::run(&bench.server.display().to_string(), ["keys", "vapid"], KEY_TIMEOUT).await?.output;
    let pem = made.find("-----BEGIN").and_then(|at| made.get(at..)).ok_or("the key is no PEM")?;
    let account = json!({
        "project_id": PROJECT,
        "client_email": "push@bench.example",
        "private_key": FCM_KEY,
        "token_uri": format!("{url}/token"),
    });
    let key = write(&bench.temp, "push.pem", pem)?;
    let account = write(&bench.temp, "push.json", &account.to_string())?;
    let settings = [
        format!("push_fcm_url={url}"),
        format!("push_fcm_account_file={}", account.display()),
        format!("push_apns_url={url}"),
        format!("push_apns_key_file={}", key.display()),
        "push_apns_key_id=ABC123DEFG".to_owned(),
        "push_apns_team_id=DEF123GHIJ".to_owned(),
        "push_apns_topic=org.example.app".to_owned(),
        format!("push_vapid_key_file={}", key.display()),
        "push_vapid_subject=mailto:ops@example.org".to_owned(),
        "push_allow_networks=[\"127.0.0.0/8\"]".to_owned(),
    ];
    Ok(settings.iter().map(|setting| format!("notify.{setting}")).collect())
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, Error> {
    let path = folder.join(name);
    std::fs::write(&path, text)?;
    Ok(path)
}

const WAITING: &str = "
    select cast(count(*) as text) as found
      from push
     where provider = $1
       and state = 'waiting'";

const SHOWN: &str = "
    select cast(count(*) as text) as found
      from push
     where provider = $1
       and state = 'shown'";

async fn count(db: &Db, query: &str, provider: Provider) -> Result<usize, Error> {
    let row: Option<Value> = db.read().row(query, vec![provider.name().into()]).await?;
    let row = row.ok_or("the count has no row")?;
    Ok(text(&row["found"], "count")?.parse()?)
}

/// Makes the pushes of a provider due, and waits until all are recorded as sent.
async fn send(
    installation: &Installation,
    db: &Db,
    stand_in: &StandIn,
    recipients: &Recipients,
    provider: Provider,
) -> Result<Run, Error> {
    stand_in.forget(provider);
    let before = installation.cpu("notify")?;
    let pushes = recipients.insert_pushes(db, provider, &Random::seeded(13), Utc::now()).await?;
    let began = Instant::now();
    let is_over =
        async || Ok::<_, Error>(stand_in.received(provider).0 >= pushes && count(db, WAITING, provider).await? == 0);
    while !is_over().await? {
        if began.elapsed() > RUN_TIMEOUT {
            return Err(
                format!("{}: {:?} of {pushes} were received", provider.name(), stand_in.received(provider)).into()
            );
        }
        tokio::time::sleep(POLL_PAUSE).await;
    }
    let seconds = stand_in.seconds_since_first(provider);
    let cpu = installation.cpu("notify")?.saturating_sub(before);
    let (received, wrong) = stand_in.received(provider);
    if received != pushes || wrong > 0 {
        return Err(format!("{}: {received} of {pushes} were received, {wrong} of them wrong", provider.name()).into());
    }
    let (shown, expected) = (count(db, SHOWN, provider).await?, if provider == Provider::Webpush { 0 } else { pushes });
    if shown != expected {
        return Err(format!("{}: {shown} pushes can be withdrawn instead of {expected}", provider.name()).into());
    }
    pushes::remove(db, provider).await?;
    Ok(Run { seconds, per_second: pushes as f64 / seconds, cpu_us_each: cpu.as_secs_f64() * 1e6 / pushes as f64 })
}

fn row(what: &str, goal: f64, runs: &[Run]) -> Row {
    let of = |value: fn(&Run) -> f64| runs.iter().map(value).collect::<Vec<f64>>();
    let rate = of(|run| run.per_second);
    Row {
        what: format!("{what}: pushes from one process"),
        goal: format!("≥ {goal:.0}/s"),
        measured: format!("{}/s", spread(&rate, 0)),
        beside: format!("{} µs of processor time each", spread(&of(|run| run.cpu_us_each), 0)),
        passes: median(&rate) >= goal,
    }
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let (rounds, pushes) = (bench.runs(3), if bench.is_quick() { QUICK_PUSHES } else { PUSHES });
    let stand_in = StandIn::start().await?;
    let installation = Installation::alone(bench, "notify-pushes", &settings(bench, &stand_in.url).await?).await?;
    let db = installation.database("notify").await?;
    let recipients = Recipients::insert(&db, pushes, &stand_in.url, &Random::seeded(14), Utc::now()).await?;
    let (mut fcm, mut apns, mut webpush) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        fcm.push(send(&installation, &db, &stand_in, &recipients, Provider::Fcm).await?);
        apns.push(send(&installation, &db, &stand_in, &recipients, Provider::Apns).await?);
        webpush.push(send(&installation, &db, &stand_in, &recipients, Provider::Webpush).await?);
    }
    drop(db);
    installation.stop().await?;
    let rows = vec![
        row("FCM, HTTP/1", FCM_GOAL, &fcm),
        row("APNs, HTTP/2", APNS_GOAL, &apns),
        row("Web Push, HTTP/1, encrypted", WEBPUSH_GOAL, &webpush),
    ];
    let method = vec![
        format!(
            "{pushes} members with one unseen notice and one device of each kind are rows in notify's own tables; \
             their pushes become due in one transaction, one provider after the other. The time counts from the first \
             request at the stand-in until no push waits, read every {} ms. Each was received once, with its \
             signature, and is recorded as sent. Median of {rounds}.",
            POLL_PAUSE.as_millis()
        ),
        "One process: all roles, SQLite with `synchronous=FULL`. The stand-ins take each push at once, on the loopback \
         without TLS, in the process of the generator, on the same cores. The real services answer after some 100 ms \
         over TLS and HTTP/2."
            .into(),
        "Not defaults: the keys and the origins of the services, and `notify.push_allow_networks`.".into(),
    ];
    let runs = json!({ "fcm": fcm, "apns": apns, "webpush": webpush });
    Ok(Scenario { place: 21, title: "Pushes".into(), method, rows, runs })
}
