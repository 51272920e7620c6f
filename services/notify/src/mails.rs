//! The mail of notices.
//!
//! Owns which values the template gets; the texts are in `mails/`. Does not own when it is sent. Invariant: it stops by
//! one request, for the kinds that are in it; no subject, which operators see, has a member's own words.

use contract::accounts::Mailbox;
use mail::{Mail, NewMail, Template, Translation, Values};

use crate::model::Language;

macro_rules! translation {
    ($language:literal) => {
        Translation {
            language: $language,
            subject: include_str!(concat!("../mails/", $language, "/notices.subject")),
            text: include_str!(concat!("../mails/", $language, "/notices.txt")),
            html: include_str!(concat!("../mails/", $language, "/notices.html")),
        }
    };
}

static NOTICES: Template = Template {
    name: "notify.notices",
    languages: &[translation!("en"), translation!("fr"), translation!("es"), translation!("ar")],
};

/// The most sentences of a mail; the others are counted.
const MAX_SENTENCES: usize = 20;

/// Returns the mail with the sentences of notices. A single one that is not private is its subject. `token` stops the
/// mails about their kinds.
pub(crate) fn notices(
    mail: &Mail,
    mailbox: &Mailbox,
    language: Language,
    sentences: &[String],
    is_private: bool,
    token: &str,
) -> NewMail {
    let shown: Vec<String> =
        sentences.iter().take(MAX_SENTENCES).map(|sentence| sentence.replace(['\r', '\n'], " ")).collect();
    let more = sentences.len() - shown.len();
    let values = Values::new()
        .with("handle", mailbox.handle.as_str())
        .with("sentences", shown.join("\n"))
        .with("count", sentences.len().to_string())
        .with("link", mail.site_url("/notifications"))
        .with("stop_link", mail.site_url(&format!("/unsubscribe?token={token}")));
    let values = if more > 0 { values.with("more", more.to_string()) } else { values };
    let values = match shown.as_slice() {
        [single] if !is_private => values.with("single", single.as_str()),
        _ => values,
    };
    NewMail {
        to: mailbox.email.clone(),
        language: language.as_str().to_owned(),
        template: &NOTICES,
        values,
        unsubscribe: Some(mail.site_url(&format!("/v1/notifications/unsubscribe?token={token}"))),
        account: Some(mailbox.account.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mail_can_be_written_in_every_language_for_one_notice_and_for_many() {
        let values = Values::new()
            .with("handle", "ada")
            .with("sentences", "x<y\nz")
            .with("count", "2")
            .with("link", "https://tutti.example/notifications")
            .with("stop_link", "https://tutti.example/unsubscribe?token=x");
        assert_eq!(NOTICES.languages.len(), Language::ALL.len());
        NOTICES.check(&values).unwrap();
        NOTICES.check(&values.clone().with("single", "x<y")).unwrap();
        NOTICES.check(&values.with("more", "3")).unwrap();
    }
}
