//! A server or a fleet with a community in it, and members who can sign in.
//!
//! The members have accounts as anyone gets one, and take the places of people whom the generator made. Invariant: each
//! connects from an address of the loopback that few share, so that no limit by address is met.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use chrono::Utc;
use db::{Db, Lane, Sql as _, Tx};
use serde_json::Value;
use testkit::fleet::{Fleet, Topology};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::plan::{Plan, number};
use super::rows;
use crate::engines::{self, Engines};
use crate::http::Connection;
use crate::installation::{self, SIGN_UPS_AT_ONCE};
use crate::server::Server;
use crate::{Bench, Error};

/// How long feeds may take to be filled.
const FILL_TIMEOUT: Duration = Duration::from_secs(120);

/// Processes that run.
enum Installation {
    Alone(Box<Server>),
    Fleet(Box<(Fleet, Engines)>),
}

/// A member of the community who is signed in.
#[derive(Debug, Clone)]
pub struct Member {
    /// The rank in the plan.
    pub rank: usize,
    /// The access token.
    pub token: String,
}

/// An installation with a community.
pub struct World {
    /// The community.
    pub plan: Plan,
    /// Social's database, beside the server's own connections.
    pub db: Db,
    /// The public listener.
    pub gateway: SocketAddr,
    /// How long the rows took.
    pub written_after: Duration,
    installation: Installation,
}

impl World {
    /// Starts one process with all roles on SQLite, in a new folder of this name.
    pub async fn alone(bench: &Bench, name: &str, accounts: usize, settings: &[String]) -> Result<Self, Error> {
        let data = bench.temp.join(name);
        // The first start makes the schema; the rows are written while no server runs.
        Server::start(bench, &data, settings).await?.stop().await;
        let db = Db::sqlite(&data.join("social.db")).await?;
        let (plan, began) = (Plan::new(accounts, Utc::now()), Instant::now());
        rows::write(&db, &plan).await?;
        let written_after = began.elapsed();
        let server = Server::start(bench, &data, settings).await?;
        let gateway = server.public;
        Ok(Self { plan, db, gateway, written_after, installation: Installation::Alone(Box::new(server)) })
    }

    /// Starts a process for each role on PostgreSQL.
    pub async fn fleet(bench: &Bench, accounts: usize, settings: &[String]) -> Result<Self, Error> {
        let engines = Engines::start().await?;
        let fleet = engines.prepare(bench, Topology::one_of_each(), settings).await?;
        let fleet = engines::ensure_running(fleet).await?;
        let db = engines.database(&fleet, "social").await?;
        let (plan, began) = (Plan::new(accounts, Utc::now()), Instant::now());
        rows::write(&db, &plan).await?;
        rows::analyze(&db, &rows::TABLES).await?;
        let (written_after, gateway) = (began.elapsed(), engines::socket_address(fleet.gateway_url())?);
        let installation = Installation::Fleet(Box::new((fleet, engines)));
        Ok(Self { plan, db, gateway, written_after, installation })
    }

    /// Signs members up, one for each of these ranks, and gives them the places of these people.
    pub async fn sign_up(&self, ranks: &[usize]) -> Result<Vec<Member>, Error> {
        let mut members = Vec::with_capacity(ranks.len());
        let mut places = Vec::with_capacity(ranks.len());
        for some in ranks.chunks(SIGN_UPS_AT_ONCE) {
            let mut tasks = JoinSet::new();
            for &rank in some {
                tasks.spawn(installation::sign_up(self.gateway, rank));
            }
            while let Some(ended) = tasks.join_next().await {
                let member = ended??;
                places.push((number(member.number), member.account));
                members.push(Member { rank: member.number, token: member.token });
            }
        }
        self.db.write(Lane::ALL, async move |tx| give_places(tx, places).await).await?;
        members.sort_unstable_by_key(|member| member.rank);
        Ok(members)
    }

    /// Connects as a member.
    pub async fn connect(&self, member: &Member) -> Result<Connection, Error> {
        let connection = Connection::open_from(installation::address(member.rank), self.gateway).await?;
        Ok(connection.with_token(&member.token))
    }

    /// Ends that fan-out writes to the feeds of members, as if they had been away for weeks.
    pub async fn make_cold(&self, members: &[Member]) -> Result<(), Error> {
        let owners: Vec<i64> = members.iter().map(|member| number(member.rank)).collect();
        self.db.write(Lane::ALL, async move |tx| remove_feeds(tx, owners).await).await?;
        Ok(())
    }

    /// Waits until the entries of every feed that was read are written.
    pub async fn wait_until_filled(&self) -> Result<(), Error> {
        let query = "select cast(count(*) as text) as waiting from feed_owner where floor_position = $1";
        let began = Instant::now();
        loop {
            let row: Option<Value> = self.db.read().row(query, vec![i64::MAX.into()]).await?;
            let waiting = row.as_ref().and_then(|row| row["waiting"].as_str()).unwrap_or_default().to_owned();
            if waiting == "0" {
                return Ok(());
            }
            if began.elapsed() > FILL_TIMEOUT {
                return Err(format!("{waiting} feeds are not filled after {} s", FILL_TIMEOUT.as_secs()).into());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Stops everything. The folder of one process goes with the folder of the run.
    pub async fn stop(self) -> Result<(), Error> {
        match self.installation {
            Installation::Alone(server) => server.kill().await,
            Installation::Fleet(both) => engines::blocking(move || drop(both)).await?,
        }
        Ok(())
    }
}

async fn give_places(tx: &Tx, places: Vec<(i64, Uuid)>) -> Result<(), db::Error> {
    for (number, account) in places {
        tx.execute("update person set account = $2 where number = $1", vec![number.into(), account.into()]).await?;
    }
    Ok(())
}

async fn remove_feeds(tx: &Tx, owners: Vec<i64>) -> Result<(), db::Error> {
    for owner in owners {
        tx.execute("delete from feed_entry where owner = $1", vec![owner.into()]).await?;
        tx.execute("delete from feed_owner where owner = $1", vec![owner.into()]).await?;
    }
    Ok(())
}
