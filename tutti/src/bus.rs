//! `tutti bus`: backlogs, dead letters and redelivery, on the bus that the configuration names.
//!
//! Works beside running servers. Invariant: no command removes an event that a consumer of this release still needs.

use boot::DbConfig;
use bus_nats::NatsOptions;

use crate::cli::{Bus as Arguments, BusAction};
use crate::terminal::say;
use crate::{CommandError, roles, settings};

pub(crate) async fn run(arguments: Arguments) -> Result<(), CommandError> {
    let (config, server) = settings::installation(&arguments.settings)?;
    let options: NatsOptions = config.section("bus")?;
    if options.servers.is_empty() && !server.data.join("bus.db").exists() {
        return Err(format!(
            "there is no bus in {}: give the server's data folder with --data, or its configuration with --config",
            server.data.display()
        )
        .into());
    }
    let bus = boot::open_bus(&options, &server.data, base::Clock::system()).await?;
    match arguments.action {
        BusAction::Dead { limit } => {
            let dead_letters = bus.engine().dead_letters(limit).await?;
            for letter in &dead_letters {
                say!(
                    "{}  {}  {}  {}  after {} attempts: {}",
                    letter.died_at.to_rfc3339(),
                    letter.event.id,
                    letter.consumer,
                    letter.event.subject,
                    letter.attempts,
                    letter.reason
                );
            }
            if dead_letters.is_empty() {
                say!("There are no dead letters.");
            }
        }
        BusAction::Waiting => {
            let backlog = bus.engine().backlog().await?;
            for (consumer, waiting) in &backlog {
                say!("{waiting:>10}  {consumer}");
            }
            if backlog.iter().all(|(_, waiting)| *waiting == 0) {
                say!("No delivery is waiting.");
            }
        }
        BusAction::Forget { consumer } => {
            let subscriptions: Vec<_> =
                roles::all().iter().flat_map(|service| (service.subscriptions)(&config)).collect();
            if subscriptions.iter().any(|subscription| subscription.name == consumer) {
                return Err(format!("this release has the consumer {consumer}; its events are still needed").into());
            }
            if !bus.engine().forget(&consumer).await? {
                return Err(format!(
                    "there is no consumer called {consumer}; `tutti bus waiting` lists the consumers that have a \
                     backlog"
                )
                .into());
            }
            say!("No events are kept for {consumer} any more.");
        }
        BusAction::Replay { service: Some(service), since: Some(since), .. } => {
            let services = roles::select(std::slice::from_ref(&service))?;
            if services.iter().all(|service| service.migrations.is_none()) {
                return Err(format!("the role {service} has no database, so it has sent no events").into());
            }
            let db: DbConfig = config.section("db")?;
            let sent = bus.replay(&db.open(&service, &server.data).await?, since).await?;
            say!("{sent} events were sent again; a consumer that has handled one ignores it.");
        }
        BusAction::Replay { consumer, event, .. } => {
            let redelivered = bus.engine().redeliver(consumer.as_deref(), event.as_deref()).await?;
            say!("{redelivered} dead letters will be delivered again.");
        }
    }
    Ok(())
}
