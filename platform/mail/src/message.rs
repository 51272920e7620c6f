//! A mail as RFC 5322 writes it.
//!
//! Invariant: the same row makes the same bytes, so a mail that is sent twice has one `Message-ID` and one content; no
//! value can begin a header line, as addresses, ids and URLs are printable ASCII and the rest is encoded.

use std::fmt;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use super::address::Address;
use super::error::Error;

const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");
const CONTENT_LANGUAGE: HeaderName = HeaderName::new_from_ascii_str("Content-Language");
const LIST_UNSUBSCRIBE: HeaderName = HeaderName::new_from_ascii_str("List-Unsubscribe");
const LIST_UNSUBSCRIBE_POST: HeaderName = HeaderName::new_from_ascii_str("List-Unsubscribe-Post");
/// The longest URL in a header: with the header's name in one line of at most 998 (RFC 5322 §2.1.1).
const MAX_URL_BYTES: usize = 900;

/// What a mail says.
#[derive(Clone)]
pub(crate) struct Content {
    /// The row's id.
    pub id: String,
    pub to: Address,
    pub language: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// A URL at which the recipient can unsubscribe with one request.
    pub unsubscribe: Option<String>,
    pub created_at: DateTime<Utc>,
}

/// A mail that an engine can send.
#[derive(Clone)]
pub struct Message {
    id: String,
    from: Address,
    to: Address,
    bytes: Vec<u8>,
}

impl fmt::Debug for Message {
    /// Without addresses and content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Message {
    /// Returns the id, which sorts by the time of the mail: letters, digits and hyphens.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the sender's address, which also gets reports of failed deliveries.
    pub fn from(&self) -> &Address {
        &self.from
    }

    /// Returns the recipient's address.
    pub fn to(&self) -> &Address {
        &self.to
    }

    /// Returns the message: ASCII, with lines that end in CRLF.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Writes a mail. It has a plain part and an HTML part, and headers by which other programs know that no person
    /// wrote it (RFC 3834).
    pub(crate) fn write(sender: &(Address, String), content: Content) -> Result<Self, Error> {
        let (from, name) = sender;
        let is_id = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if content.id.is_empty() || !content.id.bytes().all(is_id) {
            return Err(Error::Unwritable("its id has other characters than letters, digits and hyphens"));
        }
        // Given, or the library would parse the header for it, by rules of its own.
        let envelope = Envelope::new(Some(from.to_lettre()), vec![content.to.to_lettre()])
            .map_err(|_| Error::Unwritable("it has no recipient"))?;
        let mut message = lettre::Message::builder()
            .envelope(envelope)
            .from(Mailbox::new(Some(name.clone()), from.to_lettre()))
            .to(Mailbox::new(None, content.to.to_lettre()))
            .subject(content.subject)
            .date(SystemTime::from(content.created_at))
            .message_id(Some(format!("<{}@{}>", content.id, from.domain())))
            .raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()))
            .raw_header(HeaderValue::new(CONTENT_LANGUAGE, content.language));
        if let Some(url) = content.unsubscribe {
            if !is_one_click_url(&url) {
                return Err(Error::Unwritable("its URL for unsubscribing can't be in a header"));
            }
            let value = format!("<{url}>");
            message = message
                .raw_header(HeaderValue::dangerous_new_pre_encoded(LIST_UNSUBSCRIBE, value.clone(), value))
                .raw_header(HeaderValue::new(LIST_UNSUBSCRIBE_POST, "List-Unsubscribe=One-Click".to_owned()));
        }
        let parts = MultiPart::alternative()
            // The library would draw one.
            .boundary(format!("part-{}", content.id))
            .singlepart(SinglePart::plain(content.text))
            .singlepart(SinglePart::html(content.html));
        let message = message.multipart(parts).map_err(|_| Error::Unwritable("the library refused it"))?;
        let bytes = message.formatted();
        if !bytes.is_ascii() {
            return Err(Error::Unwritable("it is not ASCII"));
        }
        Ok(Self { id: content.id, from: from.clone(), to: content.to, bytes })
    }
}

/// Whether a sender can be written: the library reads its own header again, by rules of its own.
pub(crate) fn is_writable_sender(address: &Address, name: &str) -> bool {
    let mailbox = || Mailbox::new(Some(name.to_owned()), address.to_lettre());
    let Ok(envelope) = Envelope::new(None, vec![address.to_lettre()]) else { return false };
    lettre::Message::builder().envelope(envelope).from(mailbox()).to(mailbox()).body(String::new()).is_ok()
}

/// Whether a URL can be in `List-Unsubscribe` with one-click (RFC 8058 §3.1: `https`), as printable ASCII in one line.
pub(crate) fn is_one_click_url(url: &str) -> bool {
    url.starts_with("https://")
        && url.len() <= MAX_URL_BYTES
        && url.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>,\"".contains(&byte))
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::*;

    fn content(subject: &str, unsubscribe: Option<&str>) -> Content {
        Content {
            id: "0198f0f0-0000-7000-8000-000000000001".into(),
            to: Address::parse("ada@bücher.example").unwrap(),
            language: "ar".into(),
            subject: subject.into(),
            text: "Hello\n.\n.Bcc: x\nمرحبا\n".into(),
            html: "<p>مرحبا</p>".into(),
            unsubscribe: unsubscribe.map(str::to_owned),
            created_at: Utc.with_ymd_and_hms(2026, 5, 4, 3, 2, 1).unwrap(),
        }
    }

    fn sender() -> (Address, String) {
        (Address::parse("noreply@example.org").unwrap(), "Tutti, \"the\" site\u{e9}".into())
    }

    fn write(content: Content) -> String {
        String::from_utf8(Message::write(&sender(), content).unwrap().bytes().to_vec()).unwrap()
    }

    /// Returns the header lines, unfolded.
    fn headers(message: &str) -> Vec<String> {
        let head = message.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
        head.split("\r\n").map(str::to_owned).collect()
    }

    #[test]
    fn a_mail_says_what_it_is_and_is_read_as_it_was_written() {
        let text = write(content("مرحبا", Some("https://tutti.example/u?code=a")));
        let headers = headers(&text);
        for line in [
            "To: ada@xn--bcher-kva.example",
            "Date: Mon, 04 May 2026 03:02:01 +0000",
            "Message-ID: <0198f0f0-0000-7000-8000-000000000001@example.org>",
            "Auto-Submitted: auto-generated",
            "Content-Language: ar",
            "List-Unsubscribe: <https://tutti.example/u?code=a>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "MIME-Version: 1.0",
        ] {
            assert!(headers.iter().any(|header| header == line), "{line} is not in {headers:#?}");
        }
        let parsed = mail_parser::MessageParser::default().parse(text.as_bytes()).unwrap();
        assert_eq!(parsed.subject(), Some("مرحبا"));
        assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), "Hello\n.\n.Bcc: x\nمرحبا");
        assert_eq!(parsed.body_html(0).unwrap().trim_end(), "<p>مرحبا</p>");
        let from = parsed.from().and_then(|from| from.first()).unwrap();
        assert_eq!((from.name(), from.address()), (Some("Tutti, \"the\" siteé"), Some("noreply@example.org")));
    }

    #[test]
    fn the_same_row_makes_the_same_bytes() {
        assert!(write(content("Hello", None)) == write(content("Hello", None)));
    }

    #[test]
    fn no_value_begins_a_header() {
        for evil in ["a\r\nBcc: eve@example.org", "a\nBcc: eve@example.org", "a\rBcc: eve@example.org"] {
            let text = write(content(evil, None));
            assert!(!headers(&text).iter().any(|line| line.starts_with("Bcc")), "{text}");
            assert!(Message::write(&sender(), content("x", Some(&format!("https://{evil}")))).is_err());
            assert!(Message::write(&sender(), Content { id: evil.into(), ..content("x", None) }).is_err());
        }
        for url in ["http://a.example/u", "https://a.example/>x", "https://a.example/ x", "mailto:a@b.example"] {
            assert!(!is_one_click_url(url), "{url}");
        }
        let long = write(content(&"word ".repeat(30), None));
        assert!(long.split("\r\n").all(|line| line.len() <= 998 && !line.contains(['\r', '\n'])));
    }
}
