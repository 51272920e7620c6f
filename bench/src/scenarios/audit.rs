//! `tutti audit verify` on a trail of 10,000 acts.
//!
//! The acts are changes of roles, made by the functions behind `tutti accounts`, in this process: a process for each
//! would take minutes. Invariant: what is timed is the command itself, from its start to its end, and a run fails
//! unless it says that it has verified so many entries.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use accounts::{assign, revoke};
use chrono::Utc;
use db::Db;
use http_server::operators::Actor;
use serde_json::json;
use testkit::app_code;

use super::text;
use crate::http::Connection;
use crate::process::{self, ProcessCost};
use crate::report::{Row, Scenario, median, seconds, spread};
use crate::server::Server;
use crate::{Bench, Error};

const GOAL_SECONDS: f64 = 1.0;
const ACTS: usize = 10_000;
const HANDLE: &str = "ada";
/// The roles that are given and taken, in turns, all at the same time: so five acts share a commit.
const ROLES: [&str; 5] = ["curator", "moderator", "viewer", "developer", "operator"];
const JSON: &str = "application/json";
/// How long the command may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Adds an authenticator app to the account, which an account with a role needs.
async fn add_app(server: &Server, token: &str) -> Result<(), Error> {
    let mut member = Connection::of_member(server.public, token).await?;
    let body = json!({ "kind": "totp" }).to_string();
    let begun = member.send("POST", "/v1/me/factors", JSON, body.as_bytes()).await?.expect(201)?.json()?;
    let path = format!("/v1/me/factors/{}/confirm", text(&begun["id"], "id")?);
    let code = app_code(text(&begun["secret"], "secret")?, Utc::now().timestamp());
    member.send("POST", &path, JSON, json!({ "code": code }).to_string().as_bytes()).await?.expect(200)?;
    Ok(())
}

/// Gives the account a role and takes it, in turns, `acts` times in all.
async fn change_role(db: &Db, role: &str, acts: usize) -> Result<(), Error> {
    for number in 0..acts {
        let (actor, reason) = (Actor::machine("bench"), format!("Change {number} of the role {role}."));
        if number % 2 == 0 {
            assign(db, HANDLE, role, actor, &reason, Utc::now()).await?;
        } else {
            revoke(db, HANDLE, role, actor, &reason, Utc::now()).await?;
        }
    }
    Ok(())
}

/// Fills the trail.
async fn fill(database: &Path) -> Result<(), Error> {
    let db = Db::sqlite(database).await?;
    let [first, second, third, fourth, fifth] = ROLES.map(|role| Box::pin(change_role(&db, role, ACTS / ROLES.len())));
    tokio::try_join!(first, second, third, fourth, fifth)?;
    Ok(())
}

/// Runs the command, which fails if an entry is not as it was written.
async fn verify(bench: &Bench, data: &Path) -> Result<ProcessCost, Error> {
    let args = [OsStr::new("audit"), OsStr::new("verify"), OsStr::new("--data"), data.as_os_str()];
    process::run(&bench.server.to_string_lossy(), args, TIMEOUT).await
}

/// Measures the scenario.
pub async fn measure(bench: &Bench) -> Result<Scenario, Error> {
    let data = bench.temp.join("audit");
    let server = Server::start(bench, &data, &[]).await?;
    add_app(&server, &server.sign_up(HANDLE).await?).await?;
    server.stop().await;
    let empty = verify(bench, &data).await?;
    fill(&data.join("accounts.db")).await?;
    let (mut took, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..bench.runs(5) {
        let verified = verify(bench, &data).await?;
        if !verified.output.contains(&format!("Entries: {ACTS},")) {
            return Err(format!("there are other entries than the {ACTS}: {}", verified.output).into());
        }
        took.push(verified.wall.as_secs_f64());
        cpu.push(verified.cpu.as_secs_f64());
    }
    std::fs::remove_dir_all(&data)?;
    let rows = vec![Row {
        what: format!("`tutti audit verify`, {ACTS} acts"),
        goal: format!("≤ {GOAL_SECONDS} s"),
        measured: format!("{} s", spread(&took, 3)),
        beside: format!("{} on an empty trail", seconds(empty.wall)),
        passes: median(&took) <= GOAL_SECONDS,
    }];
    let method = vec![
        format!(
            "From the start of the command to its end, on SQLite, beside no server, with the file in memory as it was \
             just written; median of {}. It said each time that {ACTS} entries are as they were written.",
            took.len()
        ),
        format!(
            "Each act gives an account a role or takes it, with the roles before and after and a reason, made by the \
             functions behind `tutti accounts`. CPU time of the command: {} s. All settings at their defaults.",
            spread(&cpu, 2)
        ),
    ];
    let runs = json!({ "empty_s": empty.wall.as_secs_f64(), "verify_s": took, "cpu_s": cpu });
    Ok(Scenario { place: 14, title: "The audit trail".into(), method, rows, runs })
}
