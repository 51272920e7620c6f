//! Mails of a role: through its context, by the engine that the configuration names.

use base::config::Config;
use db::{Lane, Migration};
use mail::{NewMail, Template, Translation, Values};
use service::personal_data::PersonalData;
use service::{RoleInstance, Service};
use testkit::{World, logs};

static WELCOME: Template = Template {
    name: "greeter.welcome",
    languages: &[Translation {
        language: "en",
        subject: "Welcome to {{ site }}",
        text: "Hello {{ name }}: {{ link }}",
        html: "<p>Hello {{ name }}</p>{{ button(link, \"Confirm\") }}",
    }],
};
const NO_TABLES: &[Migration] = &[];

/// Returns a role that mails once, when it starts.
fn greeter() -> Service {
    Service {
        name: "greeter",
        migrations: Some(NO_TABLES),
        objects: &[],
        personal_data: PersonalData::Nothing("It is part of a test."),
        openapi: utoipa::openapi::OpenApi::default,
        codes: &[],
        sections: Vec::new,
        subscriptions: |_| Vec::new(),
        start: |context| {
            Box::pin(async move {
                let mail = context.mail.clone();
                let new = NewMail {
                    to: "ada@example.org".into(),
                    language: "fr".into(),
                    template: &WELCOME,
                    values: Values::new().with("name", logs::TITLE).with("link", mail.site_url("/confirm")),
                    unsubscribe: None,
                    account: None,
                };
                let sent: Result<mail::Enqueued, db::Error> =
                    context.db.write(Lane::NONE, async move |tx| mail.enqueue(tx, new).await).await;
                sent?;
                Ok(RoleInstance::default())
            })
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_mails_through_its_context_and_the_log_has_nothing_of_it() {
    let origins =
        [("mail.from_name=Tutti", "http://localhost:8080"), ("mail.site_url=https://a.example", "https://a.example")];
    for (setting, origin) in origins {
        let world = World::builder().set(setting).start(&[greeter()]).await;
        let mail = world.mail_to("ada@example.org").await;
        assert_eq!((mail.subject.as_str(), mail.language.as_str()), ("Welcome to Tutti", "en"));
        assert_eq!(mail.links, [format!("{origin}/confirm")]);
        assert!(mail.text.contains(logs::TITLE));
        assert!(world.mails_to("bob@example.org").await.is_empty());
        // It checks the log, too.
        world.end().await;
    }
}

#[test]
fn a_mail_server_that_cannot_be_used_is_an_error_at_the_start() {
    let check = |settings: &[&str]| {
        let settings: Vec<String> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let config = Config::load(None, std::iter::empty(), &settings, boot::SECTIONS, &[]).unwrap();
        boot::check_config(&config, &[]).map_err(|error| error.to_string())
    };
    check(&[]).unwrap();
    let smtp = ["mail.engine=smtp", "mail.from_address=noreply@example.org", "mail.smtp_host=smtp.example.org"];
    check(&smtp).unwrap();
    assert!(check(&smtp[..2]).unwrap_err().contains("mail.smtp_host"));
    assert!(check(&["mail.engine=pigeon"]).unwrap_err().contains("pigeon"));
    let missing = [&smtp[..], &["mail.smtp_username=me", "mail.smtp_password_file=/nowhere"]].concat();
    assert!(check(&missing).unwrap_err().contains("mail.smtp_password_file /nowhere can't be read"));
}
