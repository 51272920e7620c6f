//! A running installation, and members who are signed up at it: one process with all roles on SQLite, or a process for
//! each role on PostgreSQL.
//!
//! Owns how their databases are opened and their memory is read; what is in the databases is the scenarios'. Invariant:
//! each member connects from an address of the loopback that few share, so that no limit by address is met.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use db::Db;
use serde_json::json;
use testkit::fleet::{Fleet, Topology};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::community::plan::handle;
use crate::community::rows;
use crate::engines::{self, Engines};
use crate::http::Connection;
use crate::process::{self, Memory};
use crate::scenarios::text;
use crate::server::Server;
use crate::{Bench, Error};

/// Sign-ups that run at once.
pub const SIGN_UPS_AT_ONCE: usize = 8;
/// Addresses that the members share.
const ADDRESSES: usize = 200;
const PASSWORD: &str = "a long enough passphrase";

/// One process with all roles on SQLite.
struct Alone {
    server: Server,
    data: PathBuf,
    settings: Vec<String>,
}

enum Processes {
    Alone(Box<Alone>),
    Fleet(Box<(Fleet, Engines)>),
}

/// Processes that run, until it is stopped.
pub struct Installation {
    /// The public listener.
    pub gateway: SocketAddr,
    processes: Processes,
}

/// A member who is signed in.
#[derive(Debug, Clone)]
pub struct Member {
    /// The number, from which the handle and the address come.
    pub number: usize,
    /// The account.
    pub account: Uuid,
    /// The access token.
    pub token: String,
}

impl Installation {
    /// Starts one process with all roles on SQLite, in a new folder of this name.
    pub async fn alone(bench: &Bench, name: &str, settings: &[String]) -> Result<Self, Error> {
        let (data, settings) = (bench.temp.join(name), settings.to_vec());
        let server = Server::start(bench, &data, &settings).await?;
        Ok(Self { gateway: server.public, processes: Processes::Alone(Box::new(Alone { server, data, settings })) })
    }

    /// Starts a process for each role on these engines.
    pub async fn fleet(bench: &Bench, engines: Engines, settings: &[String]) -> Result<Self, Error> {
        Self::fleet_of(bench, engines, Topology::one_of_each(), settings).await
    }

    /// Starts so many processes of each role on these engines.
    pub async fn fleet_of(
        bench: &Bench,
        engines: Engines,
        topology: Topology,
        settings: &[String],
    ) -> Result<Self, Error> {
        let fleet = engines.prepare(bench, topology, settings).await?;
        let fleet = engines::ensure_running(fleet).await?;
        let gateway = engines::socket_address(fleet.gateway_url())?;
        Ok(Self { gateway, processes: Processes::Fleet(Box::new((fleet, engines))) })
    }

    /// Starts the one process again, on the same data. A fleet stays as it is.
    pub async fn restart(self, bench: &Bench) -> Result<Self, Error> {
        match self.processes {
            Processes::Alone(alone) => {
                let Alone { server, data, settings } = *alone;
                server.stop().await;
                let server = Server::start(bench, &data, &settings).await?;
                let gateway = server.public;
                Ok(Self { gateway, processes: Processes::Alone(Box::new(Alone { server, data, settings })) })
            }
            processes @ Processes::Fleet(_) => Ok(Self { gateway: self.gateway, processes }),
        }
    }

    /// Opens a role's database, beside the connections of its process.
    pub async fn database(&self, role: &str) -> Result<Db, Error> {
        match &self.processes {
            Processes::Alone(alone) => Ok(Db::sqlite(&alone.data.join(format!("{role}.db"))).await?),
            Processes::Fleet(both) => both.1.database(&both.0, role).await,
        }
    }

    /// Gathers PostgreSQL's statistics of tables that were filled; its own job would gather them within a minute.
    pub async fn analyze(&self, db: &Db, tables: &[&str]) -> Result<(), Error> {
        if self.is_fleet() { rows::analyze(db, tables).await } else { Ok(()) }
    }

    /// Whether each role has a process of its own.
    pub fn is_fleet(&self) -> bool {
        matches!(self.processes, Processes::Fleet(_))
    }

    /// Returns the id of the process that runs a role.
    fn process(&self, role: &str) -> Result<u32, Error> {
        match &self.processes {
            Processes::Alone(alone) => Ok(alone.server.process.pid),
            Processes::Fleet(both) => {
                let process = both.0.with_role(role).next().and_then(|process| process.program.id());
                process.ok_or_else(|| format!("{role} does not run").into())
            }
        }
    }

    /// Returns the memory of the process that runs a role.
    pub fn memory(&self, role: &str) -> Result<Memory, Error> {
        Ok(process::memory(self.process(role)?))
    }

    /// Returns the processor time that the process that runs a role has used.
    pub fn cpu(&self, role: &str) -> Result<Duration, Error> {
        Ok(process::total_cpu(&[self.process(role)?]))
    }

    /// Lets the peak of that memory begin anew.
    pub fn forget_peak(&self, role: &str) -> Result<(), Error> {
        process::forget_peak(self.process(role)?)
    }

    /// Signs members up, in the order of their numbers.
    pub async fn sign_up(&self, numbers: Range<usize>) -> Result<Vec<Member>, Error> {
        let numbers: Vec<usize> = numbers.collect();
        let mut members = Vec::with_capacity(numbers.len());
        for some in numbers.chunks(SIGN_UPS_AT_ONCE) {
            let mut tasks = JoinSet::new();
            for &number in some {
                tasks.spawn(sign_up(self.gateway, number));
            }
            while let Some(ended) = tasks.join_next().await {
                members.push(ended??);
            }
        }
        members.sort_unstable_by_key(|member| member.number);
        Ok(members)
    }

    /// Signs members in again: an access token counts for a quarter of an hour.
    pub async fn sign_in(&self, members: &mut [Member]) -> Result<(), Error> {
        for member in members {
            let body = json!({ "login": email(member.number), "password": PASSWORD }).to_string();
            let mut connection = Connection::open_from(address(member.number), self.gateway).await?;
            let response = connection.send("POST", "/v1/sessions", "application/json", body.as_bytes()).await?;
            text(&response.expect(201)?.json()?["access_token"], "access token")?.clone_into(&mut member.token);
        }
        Ok(())
    }

    /// Connects as a member.
    pub async fn connect(&self, member: &Member) -> Result<Connection, Error> {
        connect(self.gateway, member).await
    }

    /// Stops everything. The folder of one process goes with the folder of the run.
    pub async fn stop(self) -> Result<(), Error> {
        match self.processes {
            Processes::Alone(alone) => alone.server.kill().await,
            Processes::Fleet(both) => engines::blocking(move || drop(both)).await?,
        }
        Ok(())
    }
}

/// Connects to a public listener as a member.
pub async fn connect(gateway: SocketAddr, member: &Member) -> Result<Connection, Error> {
    Ok(Connection::open_from(address(member.number), gateway).await?.with_token(&member.token))
}

/// Returns the address of the loopback from which the member with a number connects.
pub fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 68, 1 + (number % ADDRESSES) as u8)
}

fn email(number: usize) -> String {
    format!("{}@example.org", handle(number))
}

/// Signs a member up at a public listener.
pub async fn sign_up(gateway: SocketAddr, number: usize) -> Result<Member, Error> {
    let body = json!({ "handle": handle(number), "email": email(number), "password": PASSWORD });
    let mut connection = Connection::open_from(address(number), gateway).await?;
    let response = connection
        .send("POST", "/v1/accounts", "application/json", body.to_string().as_bytes())
        .await?
        .expect(201)?
        .json()?;
    let token = text(&response["access_token"], "access token")?.to_owned();
    let mut connection = Connection::open_from(address(number), gateway).await?.with_token(&token);
    let me = connection.get("/v1/me").await?.expect(200)?.json()?;
    Ok(Member { number, account: text(&me["id"], "id")?.parse()?, token })
}
