//! The words of notices, in the languages of the page.
//!
//! `messages/` has a file for each language: a sentence for each kind, and how several people are named. A sentence has
//! a form for each plural category (CLDR) that needs one of its own; the others take the form `other`. Invariant: each
//! language has a sentence for each kind, and names are inserted once, so that a name which looks like a placeholder
//! stays as it is.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use contract::notify::NoticeKind;
use icu_locale_core::locale;
use icu_plurals::{PluralCategory, PluralRules};
use serde::Deserialize;

use crate::model::Language;

/// The texts of a language.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Messages {
    /// A person whose name is not known.
    someone: String,
    /// A notice of a kind that a later release has.
    general: String,
    /// Two people: `{first}` and `{second}`.
    two: String,
    /// One person and `{count}` more.
    others: Forms,
    /// A sentence for each kind, about `{who}`.
    kinds: BTreeMap<NoticeKind, Forms>,
}

/// The forms of a text, by plural category.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Forms {
    zero: Option<String>,
    one: Option<String>,
    two: Option<String>,
    few: Option<String>,
    many: Option<String>,
    other: String,
}

impl Forms {
    fn of(&self, category: PluralCategory) -> &str {
        let form = match category {
            PluralCategory::Zero => &self.zero,
            PluralCategory::One => &self.one,
            PluralCategory::Two => &self.two,
            PluralCategory::Few => &self.few,
            PluralCategory::Many => &self.many,
            PluralCategory::Other => &None,
        };
        form.as_deref().unwrap_or(&self.other)
    }
}

/// The files. The tests read each of them, so none is empty.
static MESSAGES: LazyLock<[Messages; 4]> = LazyLock::new(|| {
    Language::ALL.map(|language| {
        let read = serde_json::from_str::<Messages>(source(language));
        read.inspect_err(|error| tracing::error!(%error, "a message file is not valid")).unwrap_or_default()
    })
});

fn source(language: Language) -> &'static str {
    match language {
        Language::En => include_str!("../messages/en.json"),
        Language::Fr => include_str!("../messages/fr.json"),
        Language::Es => include_str!("../messages/es.json"),
        Language::Ar => include_str!("../messages/ar.json"),
    }
}

fn messages(language: Language) -> &'static Messages {
    let [english, french, spanish, arabic] = &*MESSAGES;
    match language {
        Language::En => english,
        Language::Fr => french,
        Language::Es => spanish,
        Language::Ar => arabic,
    }
}

fn category(language: Language, count: u64) -> PluralCategory {
    let locale = match language {
        Language::En => locale!("en"),
        Language::Fr => locale!("fr"),
        Language::Es => locale!("es"),
        Language::Ar => locale!("ar"),
    };
    // The rules of these languages are compiled in.
    PluralRules::try_new_cardinal(locale.into()).map_or(PluralCategory::Other, |rules| rules.category_for(count))
}

/// Returns the sentence of a notice. `names` are those of who acted last, the newest first; `count` is how many have
/// acted. One of a kind that is not known here, `None`, reads in general words.
pub(crate) fn text(language: Language, kind: impl Into<Option<NoticeKind>>, names: &[&str], count: u64) -> String {
    let messages = messages(language);
    let forms = kind.into().and_then(|kind| messages.kinds.get(&kind));
    let Some(forms) = forms else { return messages.general.clone() };
    let who = who(language, messages, names, count);
    fill(forms.of(category(language, count.max(1))), &[("who", &who)])
}

/// Returns how those who have acted are named: *Ann*, *Ann and Bob*, *Ann and 12 others*.
fn who(language: Language, messages: &Messages, names: &[&str], count: u64) -> String {
    let first = names.first().map_or(Cow::Borrowed(messages.someone.as_str()), |name| isolated(language, name));
    match (names.get(1), count) {
        (_, 0 | 1) => first.into_owned(),
        (Some(second), 2) => fill(&messages.two, &[("first", &first), ("second", &isolated(language, second))]),
        _ => {
            let others = count - 1;
            let form = messages.others.of(category(language, others));
            fill(form, &[("first", &first), ("count", &others.to_string())])
        }
    }
}

/// Returns a name that does not turn the sentence around where it is written in the other direction (Unicode Standard
/// Annex 9, section 2.7).
fn isolated(language: Language, name: &str) -> Cow<'_, str> {
    let is_right_to_left = name.chars().any(
        |character| matches!(character, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'),
    );
    if language == Language::Ar || is_right_to_left {
        Cow::Owned(format!("\u{2068}{name}\u{2069}"))
    } else {
        Cow::Borrowed(name)
    }
}

/// Returns a text with its placeholders filled. One that has no value stays.
fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let found = after.split_once('}').and_then(|(name, behind)| {
            values.iter().find(|(placeholder, _)| *placeholder == name).map(|(_, value)| (*value, behind))
        });
        match found {
            Some((value, behind)) => {
                filled.push_str(value);
                rest = behind;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_has_a_sentence_for_each_kind_and_knows_its_placeholders() {
        for language in Language::ALL {
            let messages: Messages = serde_json::from_str(source(language)).unwrap();
            assert_eq!(messages.kinds.len(), NoticeKind::ALL.len(), "{language:?}");
            let general = text(language, None::<NoticeKind>, &["Ann"], 1);
            assert!(!general.is_empty() && !general.contains(['{', '}']), "{language:?}: {general}");
            for kind in NoticeKind::ALL {
                for count in [0, 1, 2, 3, 11, 100, 1_000_000] {
                    let text = text(language, kind, &["Ann", "Bob"], count);
                    assert!(!text.is_empty() && !text.contains(['{', '}']), "{language:?} {kind:?}: {text}");
                }
            }
        }
    }

    #[test]
    fn several_people_are_named_and_counted() {
        let reacted = |language, names: &[&str], count| text(language, NoticeKind::Reacted, names, count);
        for (names, count, expected) in [
            (&["Ann"][..], 1, "Ann reacted to your post"),
            (&["Ann", "Bob"], 2, "Ann and Bob reacted to your post"),
            (&["Ann"], 2, "Ann and 1 other reacted to your post"),
            (&["Ann", "Bob", "Cy"], 13, "Ann and 12 others reacted to your post"),
            (&[], 1, "Someone reacted to your post"),
            (&["{count}", "{first}"], 2, "{count} and {first} reacted to your post"),
        ] {
            assert_eq!(reacted(Language::En, names, count), expected);
        }
        assert_eq!(reacted(Language::Fr, &["Ann"], 1), "Ann a réagi à votre publication");
        assert_eq!(reacted(Language::Es, &["Ann", "Bob"], 4), "Ann y 3 personas más reaccionaron a tu publicación");
        let arabic = reacted(Language::Ar, &["Ann", "Bob"], 4);
        assert_eq!(arabic, "تفاعل مع منشورك \u{2068}Ann\u{2069} و3 أشخاص آخرين");
    }
}
