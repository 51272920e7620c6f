//! `tutti bus`: dead letters and doing things again. Works beside a running server, which looks at its log every second.
//!
//! Invariant: nothing here removes an event; it only makes it due again.

use kit::boot::DbConfig;
use kit::bus::Bus;

use crate::cli::{Bus as Arguments, BusAction};
use crate::{Failure, roles, settings};

pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    let (config, server) = settings::installation(&arguments.settings)?;
    let path = server.data.join("bus.db");
    if !path.exists() {
        return Err(format!("there is no bus in {}; name the server's data folder with --data", server.data.display()).into());
    }
    let bus = Bus::sqlite(&path, kit::Clock::system()).await?;
    match arguments.action {
        BusAction::Dead { limit } => {
            let dead = bus.engine().dead(limit).await?;
            for letter in &dead {
                println!(
                    "{}  {}  {}  {}  after {} attempts: {}",
                    letter.died_at.to_rfc3339(),
                    letter.event.id,
                    letter.consumer,
                    letter.event.subject,
                    letter.attempts,
                    letter.reason
                );
            }
            if dead.is_empty() {
                println!("No delivery was given up.");
            }
        }
        BusAction::Replay { service: Some(service), since: Some(since), .. } => {
            let found = roles::chosen(std::slice::from_ref(&service))?;
            if found.iter().all(|service| service.migrations.is_none()) {
                return Err(format!("the role {service} keeps nothing and has sent nothing").into());
            }
            let db: DbConfig = config.section("db")?;
            let sent = bus.replay(&db.open(&service, &server.data).await?, since).await?;
            println!("{sent} events were sent again; those that the log still holds were not doubled.");
        }
        BusAction::Replay { consumer, event, .. } => {
            let revived = bus.engine().revive(consumer.as_deref(), event.as_deref()).await?;
            println!("{revived} dead letters will be delivered again.");
        }
    }
    Ok(())
}
