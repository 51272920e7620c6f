//! The mails about accounts.
//!
//! Owns which values each template gets; the texts are in `mails/`. Does not own when a mail is sent. Invariant: no
//! subject has a code or a link.

use chrono::{DateTime, Utc};
use contract::webhooks::{Disabled, DisabledReason};
use mail::{Mail, NewMail, Template, Translation, Values};

use crate::mailed_codes::FreshCode;
use crate::model::{Account, EXPORT_LIFETIME, Whereabouts};
use crate::store::addresses::Owner;

/// Declares a template by the name of its files.
macro_rules! template {
    ($name:literal) => {
        Template {
            name: concat!("accounts.", $name),
            languages: &[
                translation!("en", $name),
                translation!("fr", $name),
                translation!("es", $name),
                translation!("ar", $name),
            ],
        }
    };
}

macro_rules! translation {
    ($language:literal, $name:literal) => {
        Translation {
            language: $language,
            subject: include_str!(concat!("../mails/", $language, "/", $name, ".subject")),
            text: include_str!(concat!("../mails/", $language, "/", $name, ".txt")),
            html: include_str!(concat!("../mails/", $language, "/", $name, ".html")),
        }
    };
}

static CONFIRM: Template = template!("confirm");
static CHANGE_CONFIRM: Template = template!("change_confirm");
static ADDRESS_TAKEN: Template = template!("address_taken");
static ADDRESS_CHANGED: Template = template!("address_changed");
static RESET: Template = template!("reset");
static PASSWORD_CHANGED: Template = template!("password_changed");
static NEW_DEVICE: Template = template!("new_device");
static FACTOR_CHANGED: Template = template!("factor_changed");
static EXPORT_READY: Template = template!("export_ready");
static WEBHOOK_DISABLED: Template = template!("webhook_disabled");

/// A change of second factors that its member is told of.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FactorChange<'a> {
    /// The factor of this name was added.
    Added(&'a str),
    /// The factor of this name was removed.
    Removed(&'a str),
    /// The recovery codes were replaced.
    RecoveryCodes,
}

fn to_account(account: &Account, template: &'static Template, values: Values) -> NewMail {
    NewMail {
        to: account.email.clone(),
        language: account.region.locale.as_str().to_owned(),
        template,
        values: values.with("handle", account.handle.as_str()),
        unsubscribe: None,
        account: Some(account.id.to_string()),
    }
}

/// Asks a member to confirm the address of the account.
pub(crate) fn confirm(mail: &Mail, account: &Account, code: &FreshCode) -> NewMail {
    let link = mail.site_url(&format!("/confirm?code={}", code.link));
    to_account(account, &CONFIRM, Values::new().with("link", link).with("code", code.short.as_str()))
}

/// Asks a member to confirm a new address, at that address.
pub(crate) fn change_confirm(mail: &Mail, account: &Account, code: &FreshCode) -> NewMail {
    let link = mail.site_url(&format!("/confirm?code={}", code.link));
    let values = Values::new().with("link", link).with("code", code.short.as_str());
    NewMail { to: code.row.code.email.clone(), ..to_account(account, &CHANGE_CONFIRM, values) }
}

/// Tells the owner of an address that another account, `handle`, asked for it.
pub(crate) fn address_taken(mail: &Mail, owner: &Owner, email: &str, handle: &str) -> NewMail {
    NewMail {
        to: email.to_owned(),
        language: owner.locale.clone(),
        template: &ADDRESS_TAKEN,
        values: Values::new()
            .with("handle", owner.handle.as_str())
            .with("other", handle)
            .with("link", mail.site_url("/sign-in"))
            .with("reset_link", mail.site_url("/forgot")),
        unsubscribe: None,
        account: Some(owner.id.to_string()),
    }
}

/// Tells the former address of an account, `account.email`, that another one replaced it. `code` takes it back.
pub(crate) fn address_changed(mail: &Mail, account: &Account, code: Option<&FreshCode>) -> NewMail {
    let values = match code {
        Some(code) => Values::new().with("link", mail.site_url(&format!("/reset?code={}", code.link))),
        None => Values::new(),
    };
    to_account(account, &ADDRESS_CHANGED, values)
}

/// Brings a link to a new password.
pub(crate) fn reset(mail: &Mail, account: &Account, code: &FreshCode) -> NewMail {
    let link = mail.site_url(&format!("/reset?code={}", code.link));
    to_account(account, &RESET, Values::new().with("link", link).with("code", code.short.as_str()))
}

/// Tells a member that the password is a new one, and that other sessions have ended.
pub(crate) fn password_changed(mail: &Mail, account: &Account) -> NewMail {
    to_account(account, &PASSWORD_CHANGED, Values::new().with("link", mail.site_url("/forgot")))
}

/// Tells a member of a sign-in from a device and network that the account has not been used from. `at` is its time.
pub(crate) fn new_device(mail: &Mail, account: &Account, from: &Whereabouts, at: &str) -> NewMail {
    let values = Values::new()
        .with("device", from.device.as_str())
        .with("network", from.network.as_str())
        .with("time", at)
        .with("link", mail.site_url("/settings"))
        .with("reset_link", mail.site_url("/forgot"));
    to_account(account, &NEW_DEVICE, values)
}

/// Tells a member that the second factors of the account are not the same any more.
pub(crate) fn factor_changed(mail: &Mail, account: &Account, change: FactorChange<'_>) -> NewMail {
    let values = Values::new().with("link", mail.site_url("/settings")).with("reset_link", mail.site_url("/forgot"));
    let values = match change {
        FactorChange::Added(name) => values.with("added", name),
        FactorChange::Removed(name) => values.with("removed", name),
        FactorChange::RecoveryCodes => values,
    };
    to_account(account, &FACTOR_CHANGED, values)
}

/// Tells a member that the archive of their data can be downloaded, since `ready_at`, and how many files are not in it.
/// The link alone opens nothing: it leads to a page for the member who is signed in.
pub(crate) fn export_ready(mail: &Mail, account: &Account, missing_count: u64, ready_at: DateTime<Utc>) -> NewMail {
    let until = (ready_at + EXPORT_LIFETIME).format("%Y-%m-%d %H:%M UTC").to_string();
    let values = Values::new().with("until", until).with("link", mail.site_url("/settings"));
    let values = if missing_count > 0 { values.with("missing", missing_count.to_string()) } else { values };
    to_account(account, &EXPORT_READY, values)
}

/// Tells an operator that a webhook was disabled because of its receiver. One who did not make or enable it is told why
/// the mail came.
pub(crate) fn webhook_disabled(account: &Account, disabled: &Disabled) -> NewMail {
    let values = Values::new().with("host", disabled.host.as_str());
    let values = if disabled.operator == Some(account.id) { values } else { values.with("other", "other") };
    let values = match disabled.reason {
        DisabledReason::Gone => values.with("gone", "gone"),
        DisabledReason::Backlog => values.with("backlog", "backlog"),
        DisabledReason::Failing => values,
    };
    to_account(account, &WEBHOOK_DISABLED, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    static TEMPLATES: [&Template; 10] = [
        &CONFIRM,
        &CHANGE_CONFIRM,
        &ADDRESS_TAKEN,
        &ADDRESS_CHANGED,
        &RESET,
        &PASSWORD_CHANGED,
        &NEW_DEVICE,
        &FACTOR_CHANGED,
        &EXPORT_READY,
        &WEBHOOK_DISABLED,
    ];

    #[test]
    fn every_template_renders_in_every_language() {
        let texts = ["handle", "other", "code", "device", "network", "time", "until", "host"];
        let values = texts.into_iter().fold(Values::new(), |values, name| values.with(name, "x<y"));
        let values = ["link", "reset_link"]
            .into_iter()
            .fold(values, |values, name| values.with(name, "https://tutti.example/reset?code=x"));
        for template in TEMPLATES {
            assert_eq!(template.languages.len(), 4, "{}", template.name);
            template.check(&values).unwrap();
        }
        ADDRESS_CHANGED.check(&Values::new().with("handle", "ada")).unwrap();
        for change in ["added", "removed", "codes"] {
            FACTOR_CHANGED.check(&values.clone().with(change, "x<y")).unwrap();
        }
        EXPORT_READY.check(&values.clone().with("missing", "2")).unwrap();
        for reason in ["gone", "backlog"] {
            WEBHOOK_DISABLED.check(&values.clone().with(reason, reason)).unwrap();
            let own = Values::new().with("handle", "ada").with("host", "x<y").with(reason, reason);
            WEBHOOK_DISABLED.check(&own).unwrap();
        }
    }

    #[test]
    fn no_subject_has_a_code_or_a_link() {
        for template in TEMPLATES {
            for translation in template.languages {
                for secret in ["code", "link"] {
                    let printed = format!("{{{{ {secret} }}}}");
                    assert!(!translation.subject.contains(&printed), "{} {}", template.name, translation.language);
                }
            }
        }
    }
}
