//! Password sign-ins of 64 members, beside PocketBase.
//!
//! Each member has an account and an address of the loopback of their own, so that no limit by address is met and no
//! setting is changed. Invariant: both sides get the same logins and passwords from the same clients, in turns, and a
//! run fails unless each response is a sign-in.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use db::{Db, Sql as _};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::http::Connection;
use crate::pocketbase::PocketBase;
use crate::report::{Row, Scenario, median, spread};
use crate::server::Server;
use crate::{Bench, Error};

const GOAL: f64 = 1.5;
const P99_GOAL_MS: f64 = 500.0;
const CLIENTS: u8 = 64;
const PASSWORD: &str = "a long enough passphrase";
const JSON: &str = "application/json";
/// How long clients begin new sign-ins in a turn.
const WINDOW: Duration = Duration::from_secs(5);
/// The shortest salt of a hash in base 64: 16 bytes. What stands before it are the hash's parameters.
const SALT_CHARS: usize = 22;

/// Who is asked.
#[derive(Debug, Clone, Copy)]
enum Side {
    Tutti,
    PocketBase,
}

/// A request, and the status of its success.
struct Exchange {
    path: &'static str,
    body: Vec<u8>,
    status: u16,
}

impl Exchange {
    fn new(path: &'static str, body: &Value, status: u16) -> Self {
        Self { path, body: body.to_string().into_bytes(), status }
    }

    async fn run(&self, connection: &mut Connection) -> Result<(), Error> {
        connection.send("POST", self.path, JSON, &self.body).await?.expect(self.status)?;
        Ok(())
    }
}

impl Side {
    fn sign_up(self, number: u8) -> Exchange {
        let email = email(number);
        match self {
            Self::Tutti => {
                let body = json!({ "handle": format!("member{number}"), "email": email, "password": PASSWORD });
                Exchange::new("/v1/accounts", &body, 201)
            }
            Self::PocketBase => {
                let body = json!({ "email": email, "password": PASSWORD, "passwordConfirm": PASSWORD });
                Exchange::new("/api/collections/users/records", &body, 200)
            }
        }
    }

    /// Returns a sign-in by e-mail address, which is the only login that PocketBase has by default.
    fn sign_in(self, number: u8) -> Exchange {
        let email = email(number);
        match self {
            Self::Tutti => Exchange::new("/v1/sessions", &json!({ "login": email, "password": PASSWORD }), 201),
            Self::PocketBase => {
                let body = json!({ "identity": email, "password": PASSWORD });
                Exchange::new("/api/collections/users/auth-with-password", &body, 200)
            }
        }
    }
}

fn email(number: u8) -> String {
    format!("member{number}@example.org")
}

/// Connects as the client with this number.
async fn connect(address: SocketAddr, number: u8) -> Result<Connection, Error> {
    Connection::open_from(Ipv4Addr::new(127, 0, 67, 1 + number), address).await
}

/// Creates the accounts, and signs each in once: on the first sign-in both sides record where it came from.
async fn sign_up(side: Side, address: SocketAddr) -> Result<(), Error> {
    for number in 0..CLIENTS {
        let mut connection = connect(address, number).await?;
        side.sign_up(number).run(&mut connection).await?;
        side.sign_in(number).run(&mut connection).await?;
    }
    Ok(())
}

/// The results of one turn.
#[derive(Debug, Clone, Copy)]
struct SignIns {
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

/// Lets all clients sign in for [`WINDOW`]: each as soon as it is signed in or, with a rate, so that all together begin
/// so many sign-ins a second, evenly, whatever became of the earlier ones. A time counts from when a sign-in was due.
async fn run(side: Side, address: SocketAddr, per_second: Option<f64>) -> Result<SignIns, Error> {
    let mut connections = Vec::new();
    for number in 0..CLIENTS {
        connections.push((number, connect(address, number).await?));
    }
    let interval = per_second.map(|rate| Duration::from_secs_f64(f64::from(CLIENTS) / rate));
    let began = Instant::now();
    let mut clients = JoinSet::new();
    for (number, connection) in connections {
        let first = began + interval.unwrap_or_default().mul_f64(f64::from(number) / f64::from(CLIENTS));
        clients.spawn(keep_signing_in(side.sign_in(number), connection, first, interval, began + WINDOW));
    }
    let mut times = Vec::new();
    while let Some(ended) = clients.join_next().await {
        times.extend(ended??);
    }
    // Those that had begun were waited for, so they count in both.
    let per_second = times.len() as f64 / began.elapsed().as_secs_f64();
    times.sort_unstable_by(f64::total_cmp);
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
    Ok(SignIns { per_second, p50_ms: at(50), p99_ms: at(99) })
}

/// Signs in until no sign-in is due before `until`. Returns the times in milliseconds.
async fn keep_signing_in(
    sign_in: Exchange,
    mut connection: Connection,
    first: Instant,
    interval: Option<Duration>,
    until: Instant,
) -> Result<Vec<f64>, Error> {
    let (mut times, mut due) = (Vec::new(), first);
    while due < until {
        if interval.is_some() {
            sleep_until(due).await;
        }
        sign_in.run(&mut connection).await?;
        times.push(due.elapsed().as_secs_f64() * 1000.0);
        due = interval.map_or_else(Instant::now, |interval| due + interval);
    }
    Ok(times)
}

/// Returns the parameters of a stored hash, such as `$2a$10`; `query` selects one hash, named `hash`.
async fn hash_parameters(database: &Path, query: &str) -> Result<String, Error> {
    let db = Db::sqlite(database).await?;
    let row: Option<Value> = db.read().row(query, Vec::new()).await?;
    let hash = row.as_ref().and_then(|row| row["hash"].as_str()).ok_or("no hash is stored")?;
    Ok(parameters(hash))
}

/// Returns what stands before the salt of a hash.
fn parameters(hash: &str) -> String {
    hash.split('$').take_while(|field| field.len() < SALT_CHARS).collect::<Vec<_>>().join("$")
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let (data, folder) = (bench.temp.join("sign-ins"), bench.temp.join("pocketbase"));
    let server = Server::start(bench, &data, &[]).await?;
    let pocketbase = PocketBase::start(&folder).await?;
    sign_up(Side::Tutti, server.public).await?;
    sign_up(Side::PocketBase, pocketbase.address).await?;
    let (mut ours, mut theirs, mut paced) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.runs(3) {
        ours.push(run(Side::Tutti, server.public, None).await?);
        theirs.push(run(Side::PocketBase, pocketbase.address, None).await?);
    }
    let rates = |runs: &[SignIns]| runs.iter().map(|run| run.per_second).collect::<Vec<f64>>();
    let p99 = |runs: &[SignIns]| runs.iter().map(|run| run.p99_ms).collect::<Vec<f64>>();
    let goal_rate = GOAL * median(&rates(&theirs));
    for _ in 0..bench.runs(3) {
        paced.push(run(Side::Tutti, server.public, Some(goal_rate)).await?);
    }
    let [our_peak, their_peak] =
        [server.process.memory(), pocketbase.memory()].map(|memory| memory.peak_kib as f64 / 1024.0);
    let (version, database) = (pocketbase.version.clone(), pocketbase.database.clone());
    server.stop().await;
    pocketbase.stop().await;
    let our_hash = hash_parameters(&data.join("accounts.db"), "select password as hash from account limit 1").await?;
    let their_hash = hash_parameters(&database, "select password as hash from users limit 1").await?;
    std::fs::remove_dir_all(&data)?;
    std::fs::remove_dir_all(&folder)?;
    let ratios: Vec<f64> = rates(&ours).iter().zip(rates(&theirs)).map(|(ours, theirs)| ours / theirs).collect();
    let p99_row = |what: String, measured: &[f64], beside: String| Row {
        what,
        goal: format!("≤ {P99_GOAL_MS} ms"),
        measured: format!("{} ms", spread(measured, 0)),
        beside,
        passes: median(measured) <= P99_GOAL_MS,
    };
    let rows = vec![
        Row {
            what: format!("password sign-ins a second, {CLIENTS} clients without a pause"),
            goal: format!("≥ {GOAL} × PocketBase, with a stronger hash"),
            measured: format!("{} × ({}/s), `{our_hash}`", spread(&ratios, 2), spread(&rates(&ours), 1)),
            beside: format!("PocketBase {}/s, `{their_hash}`", spread(&rates(&theirs), 1)),
            passes: median(&ratios) >= GOAL && our_hash.starts_with("$argon2id$"),
        },
        p99_row(
            format!("p99 of these, {CLIENTS} clients without a pause"),
            &p99(&ours),
            format!("PocketBase {} ms", spread(&p99(&theirs), 0)),
        ),
        p99_row(
            format!("p99 when {CLIENTS} clients begin {GOAL} × PocketBase's sign-ins a second, evenly"),
            &p99(&paced),
            format!("{goal_rate:.1} begun a second, {} done", spread(&rates(&paced), 1)),
        ),
    ];
    let method = vec![
        format!(
            "Each client has an account, a connection and an address in 127.0.67.0/24, and signs in by e-mail address \
             for {} s; Tutti and PocketBase in turns, median of {} pairs. All begin at once; the rate counts to the \
             end of the last sign-in. The generator runs on the same cores.",
            WINDOW.as_secs(),
            ours.len()
        ),
        format!(
            "Without a pause, {CLIENTS} clients at n/s wait {CLIENTS}/n seconds on average, whatever the server does: \
             the second goal can be met from {:.0}/s on. In the third row a time counts from when a sign-in was due.",
            f64::from(CLIENTS) * 1000.0 / P99_GOAL_MS
        ),
        format!(
            "The hashes' parameters were read from both databases. Argon2id with 19 MiB of memory is OWASP's first \
             choice, bcrypt its choice for old systems. Tutti: `{our_hash}`; PocketBase: `{their_hash}`."
        ),
        format!(
            "Each sign-in of Tutti stores a session and an entry in the member's list of sign-ins, synced \
             (`synchronous=FULL`). PocketBase {version} stores no session, but where the sign-in came from, with \
             `synchronous=NORMAL`."
        ),
        format!(
            "Memory at the peak: Tutti {our_peak:.0} MiB, PocketBase {their_peak:.0} MiB. All settings of both are the \
             defaults."
        ),
    ];
    let of = |runs: &[SignIns]| -> Value {
        let run = |run: &SignIns| json!({ "per_second": run.per_second, "p50_ms": run.p50_ms, "p99_ms": run.p99_ms });
        runs.iter().map(run).collect()
    };
    let runs = json!({ "tutti": of(&ours), "pocketbase": of(&theirs), "tutti_at_goal_rate": of(&paced) });
    Ok(Scenario { place: 13, title: "Password sign-ins".into(), method, rows, runs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_end_before_the_salt() {
        let salt = "s".repeat(SALT_CHARS);
        assert_eq!(
            parameters(&format!("$argon2id$v=19$m=19456,t=2,p=1${salt}$hash")),
            "$argon2id$v=19$m=19456,t=2,p=1"
        );
        assert_eq!(parameters(&format!("$2a$10${salt}{salt}")), "$2a$10");
    }
}
