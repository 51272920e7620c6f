//! Alerts by mail, through the outbox of a role of this process.
//!
//! All that is due goes into one mail. Invariant: a mail is recorded for each address or for none, in one transaction.

use db::{Db, Lane};
use mail::{Enqueued, FALLBACK_LANGUAGE, Mail, NewMail, Template, Translation, Values};

use crate::message::{AlertMessage, Origin, Status};
use crate::rules::Severity;

static ALERTS: Template = Template {
    name: "alerts.changed",
    languages: &[Translation {
        language: FALLBACK_LANGUAGE,
        subject: "{{ status }}: {{ names }} ({{ process }})",
        text: "{{ paragraphs }}\n\nProcess: {{ process }} ({{ roles }})\n\nThese alerts come from {{ site }} itself \
            ([alerts] in its configuration).\n",
        html: "{% for paragraph in paragraphs|lines %}<p>{{ paragraph }}</p>\n{% endfor %}\
            <p>Process: {{ process }} ({{ roles }})</p>\n<p>These alerts come from {{ site }} itself ([alerts] in its \
            configuration).</p>\n",
    }],
};

/// The addresses, and the outbox.
pub(crate) struct MailChannel {
    mail: Mail,
    db: Db,
    to: Vec<String>,
}

impl MailChannel {
    pub(crate) fn new(mail: Mail, db: Db, to: Vec<String>) -> Self {
        Self { mail, db, to }
    }

    /// Records the mails. That they are sent is the outbox's matter.
    pub(crate) async fn send(&self, origin: &Origin, messages: &[AlertMessage]) -> Result<(), String> {
        let values = values(origin, messages);
        let mails: Vec<NewMail> = self
            .to
            .iter()
            .map(|to| NewMail {
                to: to.clone(),
                language: FALLBACK_LANGUAGE.to_owned(),
                template: &ALERTS,
                values: values.clone(),
                unsubscribe: None,
                account: None,
            })
            .collect();
        let mail = self.mail.clone();
        let recorded: Result<usize, db::Error> = self
            .db
            .write(Lane::NONE, async move |tx| {
                let mut recorded = 0;
                for new in mails {
                    if matches!(mail.enqueue(tx, new).await?, Enqueued::Waiting(_)) {
                        recorded += 1;
                    }
                }
                Ok(recorded)
            })
            .await;
        match recorded {
            Ok(0) => Err("no mail was recorded: too many wait for these addresses".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(format!("the mail was not recorded: {error}")),
        }
    }
}

/// Returns the values of the mail.
fn values(origin: &Origin, messages: &[AlertMessage]) -> Values {
    let any_fires = messages.iter().any(|message| message.status == Status::Firing);
    let names: Vec<&str> = messages.iter().map(|message| message.name.as_str()).collect();
    let paragraphs: Vec<String> = messages.iter().map(paragraph).collect();
    Values::new()
        .with("status", if any_fires { "Alert" } else { "Resolved" })
        .with("names", names.join(", "))
        .with("process", origin.process.as_str())
        .with("roles", origin.roles.as_str())
        .with("paragraphs", paragraphs.join("\n"))
}

fn paragraph(message: &AlertMessage) -> String {
    let since = message.since.format("%Y-%m-%d %H:%M UTC");
    let what = match (message.status, message.severity()) {
        (Status::Resolved, _) => "resolved",
        (Status::Firing, Severity::Critical) => "critical",
        (Status::Firing, Severity::Warning) => "warning",
    };
    let runbook = message.runbook_url();
    format!("{} ({what}): {}. Since {since}. What to do: {runbook}", message.name, message.summary)
}

#[cfg(test)]
mod tests {
    use base::telemetry::Metrics;
    use base::{Clock, Environment, Random};
    use chrono::DateTime;
    use mail::{Filter, MailOptions};

    use super::*;

    fn message(status: Status) -> AlertMessage {
        let summary = "5.0 % of the disk is left".to_owned();
        AlertMessage { name: "DiskShort".into(), status, summary, since: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn the_mail_can_be_written() {
        let origin = Origin { process: "a:1".into(), roles: "media".into(), ..Origin::default() };
        for status in [Status::Firing, Status::Resolved] {
            ALERTS.check(&values(&origin, &[message(status), message(status)])).unwrap();
        }
        let said = paragraph(&message(Status::Firing));
        assert!(
            said.starts_with("DiskShort (critical): 5.0 % of the disk is left. Since 1970-01-01 00:00 UTC."),
            "{said}"
        );
        assert!(said.ends_with("/docs/runbooks/disk-short.md"), "{said}");
    }

    #[tokio::test]
    async fn each_address_gets_one_mail_with_all_that_is_due() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::sqlite(&folder.path().join("test.db")).await.unwrap();
        db.migrate("test", &[]).await.unwrap();
        let (clock, site) = (Clock::fixed(DateTime::UNIX_EPOCH), "https://tutti.example".to_owned());
        let options = MailOptions { from_address: "noreply@tutti.example".into(), ..MailOptions::default() };
        let folder = folder.path().join("mail");
        let options = (&options, Environment::default());
        let mail = Mail::open(options, &folder, site, clock, Random::system(), &Metrics::default()).unwrap();
        let to = vec!["ada@example.org".to_owned(), "bob@example.org".to_owned()];
        let channel = MailChannel::new(mail, db.clone(), to);
        channel.send(&Origin::default(), &[message(Status::Firing), message(Status::Resolved)]).await.unwrap();
        let waiting = mail::list(db.read(), &Filter::default(), None, 10).await.unwrap();
        let mut to: Vec<&str> = waiting.iter().map(|mail| mail.to.as_str()).collect();
        to.sort_unstable();
        assert_eq!(to, ["ada@example.org", "bob@example.org"]);
        assert!(waiting.iter().all(|mail| mail.subject.starts_with("Alert: DiskShort, DiskShort")), "{waiting:?}");
    }
}
