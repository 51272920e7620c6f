//! Templates of mails: a subject, a plain text and HTML, per language.
//!
//! The templates live with the service that sends them; the layout around the HTML is shared. Values are text. They are
//! escaped in HTML and taken as they are in plain text, but for control characters. Invariant: a value that a template
//! prints and that is missing is an error, so no mail has a hole in it; a subject is one line.

use std::collections::BTreeMap;
use std::fmt;

use minijinja::{Environment, ErrorKind, HtmlEscape, UndefinedBehavior, Value};

/// The language of a mail in a language that its template doesn't have.
pub const FALLBACK_LANGUAGE: &str = "en";
/// The longest subject in characters: a header's line has at most 998 (RFC 5322 §2.1.1), and people read fewer.
const MAX_SUBJECT_CHARS: usize = 150;
const LAYOUT: &str = include_str!("layout.html");
const RIGHT_TO_LEFT: [&str; 4] = ["ar", "fa", "he", "ur"];

/// A mail in its languages.
#[derive(Debug)]
pub struct Template {
    /// The name that operators see, such as `accounts.confirm_address`.
    pub name: &'static str,
    /// The mail in each language; [`FALLBACK_LANGUAGE`] is one of them.
    pub languages: &'static [Translation],
}

/// A mail in one language, in the syntax of Jinja.
#[derive(Debug)]
pub struct Translation {
    /// The primary language (BCP 47), such as `fr`.
    pub language: &'static str,
    /// The subject. It stays readable for operators after the mail was sent, so it should hold no code and no link.
    pub subject: &'static str,
    /// The plain text.
    pub text: &'static str,
    /// The content of the HTML part, without the layout. `{{ button(link, "Label") }}` is a button.
    pub html: &'static str,
}

/// The values of a mail, by name.
#[derive(Clone, Default)]
pub struct Values(BTreeMap<&'static str, String>);

impl fmt::Debug for Values {
    /// Without the values, which are links and codes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Values {
    /// Returns no values.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.insert(name, value.into());
        self
    }
}

/// The values that every template has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'a> {
    pub name: &'a str,
    pub url: &'a str,
}

/// A mail's content.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub language: &'static str,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// A template that can't be rendered with its values.
#[derive(Debug, thiserror::Error)]
#[error("the mail template {name} ({language}) can't be rendered: {reason}")]
pub(crate) struct TemplateError {
    name: &'static str,
    language: &'static str,
    /// The kind of error and the line, without any value.
    reason: String,
}

impl Template {
    /// Returns an error if the template has no [`FALLBACK_LANGUAGE`] or can't be rendered with these values in one of
    /// its languages. For the tests of the service that has the template.
    pub fn check(&self, values: &Values) -> Result<(), String> {
        if !self.languages.iter().any(|has| has.language == FALLBACK_LANGUAGE) {
            return Err(format!("the mail template {} has no translation to {FALLBACK_LANGUAGE}", self.name));
        }
        let site = Site { name: "Tutti", url: "https://tutti.example" };
        for translation in self.languages {
            self.render(translation.language, values, site).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Renders the mail in a language (BCP 47), or in [`FALLBACK_LANGUAGE`] if it doesn't have it.
    pub(crate) fn render(&self, language: &str, values: &Values, site: Site<'_>) -> Result<Rendered, TemplateError> {
        let primary = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let find = |wanted: &str| self.languages.iter().find(|has| has.language == wanted);
        let Some(translation) = find(&primary).or_else(|| find(FALLBACK_LANGUAGE)) else {
            let reason = "there is no such translation".to_owned();
            return Err(TemplateError { name: self.name, language: FALLBACK_LANGUAGE, reason });
        };
        let failed = |error: &minijinja::Error| TemplateError {
            name: self.name,
            language: translation.language,
            reason: format!(
                "{} in line {} of {}",
                error.kind(),
                error.line().unwrap_or(0),
                error.name().unwrap_or("?")
            ),
        };
        translation.render(values, site).map_err(|error| failed(&error))
    }
}

impl Translation {
    fn render(&self, values: &Values, site: Site<'_>) -> Result<Rendered, minijinja::Error> {
        let environment = environment();
        let mut all: BTreeMap<&str, Value> =
            values.0.iter().map(|(name, value)| (*name, Value::from(without_controls(value)))).collect();
        all.insert("site", Value::from(site.name));
        all.insert("site_url", Value::from(site.url));
        let subject = environment.render_named_str("subject", self.subject, Value::from(all.clone()))?;
        let subject = one_line(&subject);
        let text = environment.render_named_str("mail.txt", self.text, Value::from(all.clone()))?;
        let content = environment.render_named_str("mail.html", self.html, Value::from(all.clone()))?;
        let is_right_to_left = RIGHT_TO_LEFT.contains(&self.language);
        let (direction, start) = if is_right_to_left { ("rtl", "right") } else { ("ltr", "left") };
        all.extend([
            ("language", Value::from(self.language)),
            ("direction", Value::from(direction)),
            ("start", Value::from(start)),
            ("subject", Value::from(subject.as_str())),
            // It was escaped when it was rendered.
            ("content", Value::from_safe_string(content)),
        ]);
        let html = environment.render_named_str("layout.html", LAYOUT, Value::from(all))?;
        Ok(Rendered { language: self.language, subject, text: text.trim().to_owned() + "\n", html })
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.add_function("button", |url: String, label: String| button(&url, &label));
    environment
}

/// Returns a button and, below it, its link as text: some mail clients show no buttons, and some people check a link
/// before they open it.
fn button(url: &str, label: &str) -> Result<Value, minijinja::Error> {
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return Err(minijinja::Error::new(ErrorKind::InvalidOperation, "a button needs an http or https URL"));
    }
    let (url, label) = (HtmlEscape(url), HtmlEscape(label));
    Ok(Value::from_safe_string(format!(
        "<p style=\"margin: 24px 0;\"><a href=\"{url}\" style=\"display: inline-block; padding: 12px 22px; \
         background: #3046c8; color: #ffffff; border-radius: 8px; text-decoration: none; font-weight: 600;\">{label}\
         </a></p>\n<p class=\"quiet\" style=\"font-size: 13px; color: #5c5c68; word-break: break-all;\" dir=\"ltr\">\
         <a class=\"link\" href=\"{url}\" style=\"color: #3046c8;\">{url}</a></p>"
    )))
}

/// Whether a character changes the direction of what follows (UAX 9), so that a name could disguise a text.
fn changes_direction(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns a value without control characters (but line feeds and tabs) and without changes of direction.
fn without_controls(value: &str) -> String {
    let kept = value.chars().filter(|letter| !changes_direction(*letter) && *letter != '\r');
    let is_space = |letter: char| matches!(letter, '\n' | '\t');
    kept.map(|letter| if letter.is_control() && !is_space(letter) { ' ' } else { letter }).collect()
}

/// Returns a text as one line: every run of space and control characters is one space. What reads like an encoded word
/// (RFC 2047) is split, or a mail client would decode what a person typed.
fn one_line(text: &str) -> String {
    let is_space = |letter: char| letter.is_whitespace() || letter.is_control();
    let line = text.split(is_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.replace("=?", "= ?").chars().take(MAX_SUBJECT_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    static TEMPLATE: Template = Template {
        name: "test.welcome",
        languages: &[
            Translation {
                language: "en",
                subject: "Welcome to {{ site }}, {{ name }}",
                text: "Hello {{ name }},\n\n{{ link }}\n",
                html: "<p>Hello {{ name }},</p>\n{{ button(link, \"Confirm\") }}{% if device %}{{ device }}{% endif %}",
            },
            Translation {
                language: "ar",
                subject: "مرحبا {{ name }}",
                text: "مرحبا {{ name }}\n{{ link }}",
                html: "<p>مرحبا {{ name }}</p>{{ button(link, \"تأكيد\") }}",
            },
        ],
    };
    const SITE: Site<'_> = Site { name: "Tutti", url: "https://tutti.example" };

    fn values(name: &str) -> Values {
        Values::new().with("name", name).with("link", "https://tutti.example/confirm?code=a&b=\"c\"")
    }

    #[test]
    fn values_are_escaped_in_html_only() {
        let mail = TEMPLATE.render("en", &values("<b>&amp;"), SITE).unwrap();
        assert!(
            mail.text.starts_with("Hello <b>&amp;,\n\nhttps://tutti.example/confirm?code=a&b=\"c\""),
            "{}",
            mail.text
        );
        assert!(mail.html.contains("<p>Hello &lt;b&gt;&amp;amp;,</p>"), "{}", mail.html);
        assert!(mail.html.contains("code=a&amp;b=&quot;c&quot;\""), "{}", mail.html);
        assert!(!mail.html.contains("<b>") && !mail.html.contains("{{"), "{}", mail.html);
        assert_eq!(mail.subject, "Welcome to Tutti, <b>&amp;");
    }

    #[test]
    fn a_subject_is_one_line_whatever_a_name_holds() {
        for name in ["x\r\nBcc: eve@example.org", "x\nBcc: eve@example.org", "x\u{85}\u{2028}Bcc: eve@example.org"] {
            let mail = TEMPLATE.render("en", &values(name), SITE).unwrap();
            assert_eq!(mail.subject, "Welcome to Tutti, x Bcc: eve@example.org");
            assert!(!mail.text.contains('\r'));
        }
        let disguised = TEMPLATE.render("en", &values("a\u{202e}b =?utf-8?q?=0d=0a?="), SITE).unwrap();
        assert_eq!(disguised.subject, "Welcome to Tutti, ab = ?utf-8?q?=0d=0a?=");
        let long = TEMPLATE.render("en", &values(&"x".repeat(5000)), SITE).unwrap();
        assert_eq!(long.subject.chars().count(), MAX_SUBJECT_CHARS);
    }

    #[test]
    fn a_language_is_found_by_its_first_part_and_english_is_the_fallback() {
        let language = |wanted: &str| TEMPLATE.render(wanted, &values("ada"), SITE).unwrap().language;
        assert_eq!(["ar", "ar-EG", "AR_eg", "en-GB", "fr", ""].map(language), ["ar", "ar", "ar", "en", "en", "en"]);
        let arabic = TEMPLATE.render("ar", &values("ada"), SITE).unwrap();
        assert!(arabic.html.contains("<html lang=\"ar\" dir=\"rtl\">") && arabic.html.contains("text-align: right"));
        let english = TEMPLATE.render("en", &values("ada"), SITE).unwrap();
        assert!(english.html.contains("<html lang=\"en\" dir=\"ltr\">") && english.html.contains("text-align: left"));
    }

    #[test]
    fn a_missing_value_and_a_button_that_is_no_link_are_errors_that_show_no_value() {
        let error = TEMPLATE.render("en", &Values::new().with("name", "SECRET"), SITE).err().unwrap().to_string();
        assert!(error.contains("test.welcome (en)") && error.contains("line 3"), "{error}");
        let script = Values::new().with("name", "ada").with("link", "javascript:alert(1)");
        let error = TEMPLATE.render("en", &script, SITE).err().unwrap().to_string();
        assert!(!error.contains("javascript"), "{error}");
        assert!(TEMPLATE.check(&values("ada")).is_ok());
        assert!(TEMPLATE.check(&Values::new()).unwrap_err().contains("test.welcome"));
        assert!(!format!("{:?}", values("SECRET")).contains("SECRET"));
    }
}
