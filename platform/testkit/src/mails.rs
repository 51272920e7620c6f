//! The mails that a world has sent, as a mail client reads them.
//!
//! Invariant: what is read is a file that the folder engine has written, so a test sees what a person would get.

use std::path::{Path, PathBuf};

use mail_parser::MessageParser;

use crate::World;

/// A mail, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestMail {
    /// The recipient's address.
    pub to: String,
    /// The sender's name and address.
    pub from: (String, String),
    /// The subject.
    pub subject: String,
    /// The plain part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The language.
    pub language: String,
    /// The URLs in the plain part, in order.
    pub links: Vec<String>,
    headers: Vec<(String, String)>,
}

impl TestMail {
    /// Decodes a message. Fails the test if it is none, or has not exactly a plain and an HTML part.
    pub fn parse(bytes: &[u8]) -> Self {
        let message = MessageParser::default().parse(bytes).expect("a mail is a message");
        assert_eq!((message.text_body.len(), message.html_body.len()), (1, 1), "a mail has both parts");
        let text = message.body_text(0).expect("a mail has a plain part").replace("\r\n", "\n");
        let html = message.body_html(0).expect("a mail has an HTML part").replace("\r\n", "\n");
        let unfolded = |value: &str| value.replace("\r\n", "").trim().to_owned();
        let headers: Vec<(String, String)> =
            message.headers_raw().map(|(name, value)| (name.to_owned(), unfolded(value))).collect();
        let address = |addresses: Option<&mail_parser::Address<'_>>| {
            let first = addresses.and_then(|all| all.first()).expect("a mail has a sender and a recipient");
            (first.name().unwrap_or_default().to_owned(), first.address().unwrap_or_default().to_owned())
        };
        let language = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Content-Language"));
        Self {
            to: address(message.to()).1,
            from: address(message.from()),
            subject: message.subject().unwrap_or_default().to_owned(),
            links: text.split_whitespace().filter(|word| word.starts_with("http")).map(str::to_owned).collect(),
            language: language.map(|(_, value)| value.clone()).unwrap_or_default(),
            text,
            html,
            headers,
        }
    }

    /// Decodes every mail in the folder `mail` of a data folder, the oldest first.
    pub fn read_all(data: &Path) -> Vec<Self> {
        let entries = std::fs::read_dir(data.join("mail")).expect("a process has a folder of mails");
        let mut files: Vec<_> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
        // A name begins with the mail's time.
        files.sort();
        let read = |path: &PathBuf| match std::fs::read(path) {
            // It was forgotten meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            bytes => Some(Self::parse(&bytes.expect("a mail can be read"))),
        };
        files.iter().filter_map(read).collect()
    }

    /// Returns a header in one line, as it was sent.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(has, _)| has.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
    }
}

impl World {
    /// Returns every mail that the world's folder holds, the oldest first, once none is due any more.
    pub async fn mails(&self) -> Vec<TestMail> {
        self.wait_for("every due mail is sent", async || self.due_mails().await.is_empty().then_some(())).await;
        TestMail::read_all(&self.folder().join("data"))
    }

    /// Returns every mail to an address, the oldest first.
    pub async fn mails_to(&self, address: &str) -> Vec<TestMail> {
        let mut mails = self.mails().await;
        mails.retain(|mail| mail.to == address);
        mails
    }

    /// Returns the newest mail to an address; fails the test if there is none.
    pub async fn mail_to(&self, address: &str) -> TestMail {
        let newest = self.mails_to(address).await.pop();
        newest.unwrap_or_else(|| panic!("there is no mail to {address}"))
    }

    /// Returns the number of mails of each service that are due or being sent, if there are any.
    pub(crate) async fn due_mails(&self) -> Vec<(String, u64)> {
        let mut due = Vec::new();
        for (service, db) in &self.process.databases {
            let count = mail::count_due(db.read(), self.clock().now()).await.expect("the query succeeds");
            if count > 0 {
                due.push((format!("the mails of {service}"), count));
            }
        }
        due
    }
}
