//! How notices read: a sentence for each, the people that it names, and where it leads.
//!
//! Invariant: people are named from the copies of this role; one who is hidden or not known has no name here.

use std::collections::{BTreeSet, HashMap};

use contract::AccountId;
use contract::notify::NoticeKind;
use uuid::Uuid;

use crate::error::Error;
use crate::history::Notice;
use crate::model::{KnownPerson, Language, page_url};
use crate::state::Notify;
use crate::store::{announcements, people, reminders};
use crate::texts;

/// People of one statement.
const MAX_PEOPLE: usize = 512;

/// How a notice reads.
#[derive(Debug, Clone)]
pub(crate) struct Sentence {
    /// Who acted last and is known here, the newest first.
    pub actors: Vec<KnownPerson>,
    /// The sentence.
    pub text: String,
    /// The path of the page that shows what it is about.
    pub url: String,
}

/// Returns the sentences of notices in a language, in the same order.
pub(crate) async fn sentences(notify: &Notify, language: Language, notices: &[Notice]) -> Result<Vec<Sentence>, Error> {
    let people = list_shown(notify, &actors_of(notices)).await?;
    sentences_naming(notify, language, notices, &people).await
}

/// Returns who has acted in notices, each once.
pub(crate) fn actors_of<'a>(notices: impl IntoIterator<Item = &'a Notice>) -> Vec<AccountId> {
    let actors: BTreeSet<AccountId> = notices.into_iter().flat_map(|notice| notice.actors.iter().copied()).collect();
    actors.into_iter().collect()
}

/// Returns those of these accounts that are shown by name.
pub(crate) async fn list_shown(
    notify: &Notify,
    accounts: &[AccountId],
) -> Result<HashMap<AccountId, KnownPerson>, Error> {
    let now = notify.context.clock.now();
    let mut people = HashMap::new();
    for chunk in accounts.chunks(MAX_PEOPLE) {
        let found = people::list(notify.context.db.read(), chunk).await?;
        let shown = found.into_iter().filter(|person| !person.handle.is_empty() && !person.is_hidden(now));
        people.extend(shown.map(|person| (person.account, person)));
    }
    Ok(people)
}

/// Returns the sentences of notices, for a caller that has read the people that they name.
pub(crate) async fn sentences_naming(
    notify: &Notify,
    language: Language,
    notices: &[Notice],
    people: &HashMap<AccountId, KnownPerson>,
) -> Result<Vec<Sentence>, Error> {
    let own = own_words(notify, language, notices).await?;
    let word = |notice: &Notice| match notice.subject.as_ref().and_then(|subject| own.get(subject)) {
        Some(own) => own.clone(),
        None => sentence(language, notice, people),
    };
    Ok(notices.iter().map(word).collect())
}

/// Returns how those read whose words are not this role's, by their subjects: reminders say what their member wrote,
/// and announcements what operators wrote.
async fn own_words(
    notify: &Notify,
    language: Language,
    notices: &[Notice],
) -> Result<HashMap<String, Sentence>, Error> {
    let of_kind = |kind: NoticeKind| {
        let subjects = notices.iter().filter(move |notice| notice.kind == kind);
        subjects.filter_map(|notice| notice.subject.as_deref()?.parse::<Uuid>().ok()).collect::<Vec<Uuid>>()
    };
    let reminders = reminders::list_texts(notify.context.db.read(), &of_kind(NoticeKind::Reminder)).await?;
    let reminder = |(id, text): (Uuid, String)| {
        let url = page_url(NoticeKind::Reminder, None, None);
        (id.to_string(), Sentence { actors: Vec::new(), text, url })
    };
    let mut own: HashMap<String, Sentence> = reminders.into_iter().map(reminder).collect();
    let announced = announcements::list_each(notify.context.db.read(), &of_kind(NoticeKind::Announcement)).await?;
    own.extend(announced.into_iter().map(|one| {
        let url = one.url.clone().unwrap_or_else(|| page_url(NoticeKind::Announcement, None, None));
        (one.id.to_string(), Sentence { actors: Vec::new(), text: one.text(language).to_owned(), url })
    }));
    Ok(own)
}

fn sentence(language: Language, notice: &Notice, people: &HashMap<AccountId, KnownPerson>) -> Sentence {
    let actors: Vec<KnownPerson> = notice.actors.iter().filter_map(|actor| people.get(actor)).cloned().collect();
    let names: Vec<&str> = actors.iter().map(KnownPerson::name).collect();
    let handle = actors.first().map(|person| person.handle.as_str());
    let text = texts::text(language, notice.kind.known(), &names, notice.actor_count);
    let url = page_url(notice.kind.known(), notice.subject.as_deref(), handle);
    Sentence { actors, text, url }
}
