//! A mail server (aiosmtpd) in a temporary folder.
//!
//! Owns the program beside this file, which stores what it gets. Invariant: it listens on loopback only and passes
//! nothing on.

use std::path::PathBuf;

use serde::Deserialize;
use tempfile::TempDir;

use super::{Authority, Program, ReadyCheck, free_port, installed};
use crate::TestMail;

const PROGRAM: &str = include_str!("mail_server.py");

/// How the server protects connections.
#[derive(Debug, Clone, Copy)]
pub enum MailServerTls<'a> {
    /// Not at all.
    None,
    /// It requires STARTTLS, with a certificate for `localhost` of this authority.
    Starttls(&'a Authority),
    /// TLS from the first byte.
    Tls(&'a Authority),
}

/// A step of a conversation for which a test can say what the server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailStep {
    /// The recipient.
    Rcpt,
    /// The content, once it is complete.
    Data,
}

/// A mail that the server has taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedMail {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// Whether it came over TLS.
    pub tls: bool,
    /// The user who had logged in.
    pub login: Option<String>,
    /// The message.
    pub mail: TestMail,
    /// The message's bytes.
    pub bytes: Vec<u8>,
}

/// What the program stores beside a message.
#[derive(Deserialize)]
struct About {
    from: String,
    to: Vec<String>,
    tls: bool,
    login: Option<String>,
}

/// A mail server.
#[derive(Debug)]
pub struct MailServer {
    /// The program.
    pub program: Program,
    port: u16,
    folder: TempDir,
}

impl MailServer {
    /// Starts a server; with a `login` (a user and a password), it takes mails after that only.
    pub fn start(tls: MailServerTls<'_>, login: Option<(&str, &str)>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let modules = installed("aiosmtpd").parent().expect("a folder has a parent").to_owned();
        let (program, mails, port) = (folder.path().join("server.py"), folder.path().join("mails"), free_port());
        std::fs::write(&program, PROGRAM).expect("the temporary folder is writable");
        std::fs::create_dir(&mails).expect("the temporary folder is writable");
        let mut arguments =
            vec!["env".to_owned(), format!("PYTHONPATH={}", modules.display()), "python3".to_owned(), shown(&program)];
        let mut option = |name: &str, value: &str| arguments.extend([format!("--{name}"), value.to_owned()]);
        option("port", &port.to_string());
        option("folder", &shown(&mails));
        let (kind, authority) = match tls {
            MailServerTls::None => ("none", None),
            MailServerTls::Starttls(authority) => ("starttls", Some(authority)),
            MailServerTls::Tls(authority) => ("tls", Some(authority)),
        };
        option("tls", kind);
        if let Some((certificate, key)) = authority.map(Authority::server_files) {
            option("certificate", &shown(&certificate));
            option("key", &shown(&key));
        }
        if let Some((user, password)) = login {
            option("user", user);
            option("password", password);
        }
        let program =
            Program::start("the mail server", arguments, ReadyCheck::PortOpen(port), &folder.path().join("log"));
        Self { program, port, folder }
    }

    /// Returns its port, on `localhost`.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Makes the server reply to a step with this line, such as `450 4.2.0 later`. It never replies to `hang`, and to
    /// `store and hang` after it has taken the mail.
    pub fn reply(&self, step: MailStep, line: &str) {
        let step = match step {
            MailStep::Rcpt => "RCPT",
            MailStep::Data => "DATA",
        };
        let (temporary, rules) = (self.mails().join("rules.new"), self.mails().join("rules.json"));
        let text = serde_json::Value::from_iter([(step, line)]).to_string();
        std::fs::write(&temporary, text).expect("the temporary folder is writable");
        std::fs::rename(&temporary, &rules).expect("the temporary folder is writable");
    }

    /// Makes the server take every mail again.
    pub fn accept(&self) {
        std::fs::remove_file(self.mails().join("rules.json")).expect("there are rules");
    }

    /// Returns what the server has taken, in order.
    pub fn received(&self) -> Vec<ReceivedMail> {
        let entries = std::fs::read_dir(self.mails()).expect("the folder can be read");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
        files.retain(|path| {
            path.extension().is_some_and(|extension| extension == "json") && !path.ends_with("rules.json")
        });
        files.sort();
        let read = |path: PathBuf| {
            let text = std::fs::read_to_string(&path).expect("a file can be read");
            let About { from, to, tls, login } = serde_json::from_str(&text).expect("the program writes JSON");
            let bytes = std::fs::read(path.with_extension("eml")).expect("a mail was written before");
            ReceivedMail { from, to, tls, login, mail: TestMail::parse(&bytes), bytes }
        };
        files.into_iter().map(read).collect()
    }

    fn mails(&self) -> PathBuf {
        self.folder.path().join("mails")
    }
}

fn shown(path: &std::path::Path) -> String {
    path.display().to_string()
}
