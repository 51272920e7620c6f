//! `[mail]` in the configuration.
//!
//! Invariant: a password is never in debug output or an error, and never sent over a connection that others can read.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use base::config::{Error, Secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::address::Address;
use super::message;

/// The ports of message submission (RFC 8314 §3.3, RFC 6409).
const SUBMISSIONS_PORT: u16 = 465;
const SUBMISSION_PORT: u16 = 587;
const SMTP_PORT: u16 = 25;
const MAX_NAME_CHARS: usize = 100;

/// Where mails go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// Into a folder.
    Folder,
    /// To a mail server.
    Smtp,
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpTls {
    /// TLS from the first byte.
    Tls,
    /// The connection starts in plain text and must change to TLS (RFC 3207).
    Starttls,
    /// Plain text.
    None,
}

/// Where mails go: into files in the data folder, or to a mail server. The data folder is for a laptop: no
/// person receives those mails.
#[derive(Clone, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MailOptions {
    /// `folder` writes each mail as a file into `mail/` in the data folder; `smtp` sends it through a mail server.
    #[schema(value_type = String)]
    pub engine: EngineKind,
    /// The address that mails come from, such as `noreply@example.org`. Set it together with `engine = "smtp"`.
    pub from_address: String,
    /// The name that mails come from. Mails also call the site by it.
    pub from_name: String,
    /// The origin of the site as people see it, such as `https://tutti.example`, for the links in mails. If unset,
    /// `gateway.public_url`; if that is unset too, the public listener. Passkeys are bound to its host name: those that
    /// were made for another one can't be used after a change, and an IP address has none.
    pub site_url: Option<String>,
    /// How many mails the folder keeps. A new one removes the oldest.
    pub max_files: usize,
    /// The host name of the mail server. Its certificate must have this name.
    pub smtp_host: Option<String>,
    /// The port. If unset, 465 for `smtp_tls = "tls"`, 587 for `"starttls"`, 25 for `"none"`.
    pub smtp_port: Option<u16>,
    /// `tls`: TLS from the first byte. `starttls`: the server must offer STARTTLS, or nothing is sent. `none`: plain
    /// text, for a server on this machine or a network of your own; not together with a user name, unless the server is
    /// on this machine.
    #[schema(value_type = String)]
    pub smtp_tls: SmtpTls,
    /// The user name, if the server asks for one.
    pub smtp_username: Option<String>,
    /// The password. It is safer in a file, or in the environment as `TUTTI_MAIL_SMTP_PASSWORD`.
    #[schema(value_type = Option<String>)]
    pub smtp_password: Option<Secret>,
    /// A file that contains only the password.
    #[schema(value_type = Option<String>)]
    pub smtp_password_file: Option<PathBuf>,
    /// A PEM file of certificates to trust in addition to the system's.
    #[schema(value_type = Option<String>)]
    pub smtp_ca_file: Option<PathBuf>,
    /// How many mails a role sends at once, each on a connection of its own. Connections are kept for half a minute.
    pub smtp_connections: usize,
    /// Seconds for connecting, with TLS, the greeting and the login.
    pub smtp_connect_timeout_seconds: u64,
    /// Seconds in which the server must respond to each command.
    pub smtp_command_timeout_seconds: u64,
    /// Seconds for one mail in all. After that it counts as not sent and is tried again later.
    pub smtp_total_timeout_seconds: u64,
}

impl Default for MailOptions {
    fn default() -> Self {
        Self {
            engine: EngineKind::Folder,
            from_address: "tutti@localhost".to_owned(),
            from_name: "Tutti".to_owned(),
            site_url: None,
            max_files: 1000,
            smtp_host: None,
            smtp_port: None,
            smtp_tls: SmtpTls::Tls,
            smtp_username: None,
            smtp_password: None,
            smtp_password_file: None,
            smtp_ca_file: None,
            smtp_connections: 4,
            smtp_connect_timeout_seconds: 20,
            smtp_command_timeout_seconds: 60,
            smtp_total_timeout_seconds: 180,
        }
    }
}

impl fmt::Debug for MailOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailOptions")
            .field("engine", &self.engine)
            .field("smtp_host", &self.smtp_host)
            .field("smtp_tls", &self.smtp_tls)
            .finish_non_exhaustive()
    }
}

/// The mail server and the credentials for it.
#[derive(Clone)]
pub(crate) struct SmtpOptions {
    pub host: String,
    pub port: u16,
    pub tls: SmtpTls,
    /// The user name and the password.
    pub login: Option<(String, String)>,
    /// Certificates to trust in addition to the system's, as PEM.
    pub ca_certificates: Option<Vec<u8>>,
    pub connections: usize,
    pub connect_timeout: Duration,
    pub command_timeout: Duration,
    pub total_timeout: Duration,
}

impl MailOptions {
    /// Returns an error that names the key and what to do if the section can't be used. Opens no connection.
    pub fn check(&self) -> Result<(), Error> {
        self.sender()?;
        if let Some(url) = &self.site_url {
            origin("mail.site_url", url)?;
        }
        if self.max_files == 0 {
            return Err(unusable("mail.max_files must be at least 1"));
        }
        match self.engine {
            EngineKind::Folder => Ok(()),
            EngineKind::Smtp => self.smtp().map(drop),
        }
    }

    /// Returns the address and the name that mails come from.
    pub(crate) fn sender(&self) -> Result<(Address, String), Error> {
        let wrong = "mail.from_address is no e-mail address; write it like \"noreply@example.org\"";
        let address = Address::parse(&self.from_address).ok_or_else(|| unusable(wrong))?;
        let name = self.from_name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME_CHARS || name.chars().any(char::is_control) {
            return Err(unusable(&format!("mail.from_name must be one line of 1 to {MAX_NAME_CHARS} characters")));
        }
        if !message::is_writable_sender(&address, name) {
            return Err(unusable("mail.from_name and mail.from_address make no sender of a mail; choose plainer ones"));
        }
        Ok((address, name.to_owned()))
    }

    /// Returns the origin for links: `site_url`, else `public_url` (of `[gateway]`), else that of the public listener.
    pub fn site_origin(&self, public_url: &str, listen: SocketAddr) -> Result<String, Error> {
        match &self.site_url {
            Some(url) => origin("mail.site_url", url),
            None if !public_url.is_empty() => origin("gateway.public_url", public_url),
            // `0.0.0.0` is no address that a browser could open.
            None if listen.ip().is_loopback() || listen.ip().is_unspecified() => {
                Ok(format!("http://localhost:{}", listen.port()))
            }
            None => Ok(format!("http://{listen}")),
        }
    }

    /// Returns the mail server of `engine = "smtp"`.
    pub(crate) fn smtp(&self) -> Result<SmtpOptions, Error> {
        let Some(host) = self.smtp_host.clone().filter(|host| !host.is_empty()) else {
            return Err(unusable("mail.engine is \"smtp\", so mail.smtp_host must name the mail server"));
        };
        if !host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:".contains(&byte)) {
            return Err(unusable(
                "mail.smtp_host must be a host name such as \"smtp.example.org\", without a scheme; the port is \
                 mail.smtp_port",
            ));
        }
        if self.from_address == Self::default().from_address {
            return Err(unusable(
                "mail.engine is \"smtp\", so mail.from_address must be set: the address that mails come from, such as \
                 \"noreply@example.org\"",
            ));
        }
        if !(1..=100).contains(&self.smtp_connections) {
            return Err(unusable("mail.smtp_connections must be 1 to 100"));
        }
        let port = self.smtp_port.unwrap_or(match self.smtp_tls {
            SmtpTls::Tls => SUBMISSIONS_PORT,
            SmtpTls::Starttls => SUBMISSION_PORT,
            SmtpTls::None => SMTP_PORT,
        });
        let login = self.login()?;
        if self.smtp_tls == SmtpTls::None && login.is_some() && !is_this_machine(&host) {
            return Err(unusable(
                "mail.smtp_tls is \"none\", so the password of mail.smtp_username could be read on the way; set \
                 mail.smtp_tls to \"starttls\" or \"tls\"",
            ));
        }
        let read = |path: &PathBuf| std::fs::read(path).map_err(|error| unreadable("mail.smtp_ca_file", path, &error));
        let ca_certificates = self.smtp_ca_file.as_ref().map(read).transpose()?;
        let seconds = |seconds: u64| Duration::from_secs(seconds.clamp(1, 3600));
        Ok(SmtpOptions {
            host,
            port,
            tls: self.smtp_tls,
            login,
            ca_certificates,
            connections: self.smtp_connections,
            connect_timeout: seconds(self.smtp_connect_timeout_seconds),
            command_timeout: seconds(self.smtp_command_timeout_seconds),
            total_timeout: seconds(self.smtp_total_timeout_seconds),
        })
    }

    fn login(&self) -> Result<Option<(String, String)>, Error> {
        let password = match (&self.smtp_password, &self.smtp_password_file) {
            (Some(_), Some(_)) => {
                return Err(unusable("mail.smtp_password and mail.smtp_password_file are both set; leave one out"));
            }
            (Some(password), None) => Some(password.expose().to_owned()),
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| unreadable("mail.smtp_password_file", path, &error))?;
                Some(text.lines().next().unwrap_or_default().trim().to_owned())
            }
            (None, None) => None,
        };
        match (&self.smtp_username, password) {
            (None, None) => Ok(None),
            (Some(user), Some(password)) if !password.is_empty() => Ok(Some((user.clone(), password))),
            _ => Err(unusable(
                "mail.smtp_username and a password go together; set mail.smtp_password_file, or \
                 TUTTI_MAIL_SMTP_PASSWORD in the environment",
            )),
        }
    }
}

fn unusable(sentence: &str) -> Error {
    Error::Unusable(sentence.to_owned())
}

fn unreadable(key: &str, path: &std::path::Path, error: &std::io::Error) -> Error {
    Error::Unusable(format!("{key} {} can't be read: {error}", path.display()))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Returns an origin as it is, if it is one: a scheme, a host and perhaps a port.
fn origin(key: &str, text: &str) -> Result<String, Error> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    if host.is_empty() || !host.bytes().all(is_host) {
        return Err(Error::Unusable(format!(
            "{key} is {text:?}, which is no origin; write it like \"https://tutti.example\", without a slash at the end"
        )));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smtp() -> MailOptions {
        MailOptions {
            engine: EngineKind::Smtp,
            from_address: "noreply@example.org".into(),
            smtp_host: Some("smtp.example.org".into()),
            ..MailOptions::default()
        }
    }

    #[test]
    fn a_wrong_section_names_the_key_and_what_to_do() {
        MailOptions::default().check().unwrap();
        smtp().check().unwrap();
        let with_login =
            MailOptions { smtp_username: Some("me".into()), smtp_password: Some("LEAKME".into()), ..smtp() };
        with_login.check().unwrap();
        let file = Some(PathBuf::from("/nowhere/password"));
        let wrong = [
            (MailOptions { smtp_host: None, ..smtp() }, "mail.smtp_host"),
            (MailOptions { smtp_host: Some("smtp://x".into()), ..smtp() }, "mail.smtp_port"),
            (MailOptions { from_address: "tutti@localhost".into(), ..smtp() }, "mail.from_address"),
            (MailOptions { from_address: "a\r\nb@c.org".into(), ..smtp() }, "mail.from_address"),
            (MailOptions { from_name: "a\nBcc: b@c.org".into(), ..smtp() }, "mail.from_name"),
            (MailOptions { site_url: Some("https://a.example/".into()), ..smtp() }, "mail.site_url"),
            (MailOptions { smtp_password: None, ..with_login.clone() }, "mail.smtp_password_file"),
            (MailOptions { smtp_username: None, ..with_login.clone() }, "mail.smtp_username"),
            (MailOptions { smtp_password_file: file.clone(), ..with_login.clone() }, "leave one out"),
            (MailOptions { smtp_password: None, smtp_password_file: file, ..with_login.clone() }, "can't be read"),
            (MailOptions { smtp_tls: SmtpTls::None, ..with_login.clone() }, "mail.smtp_tls"),
            (MailOptions { smtp_connections: 0, ..smtp() }, "mail.smtp_connections"),
            (MailOptions { max_files: 0, ..MailOptions::default() }, "mail.max_files"),
        ];
        for (options, key) in wrong {
            let error = options.check().unwrap_err().to_string();
            assert!(error.contains(key) && !error.contains("LEAKME"), "{key}: {error}");
        }
        assert!(!format!("{with_login:?}").contains("LEAKME"));
        let local = MailOptions { smtp_tls: SmtpTls::None, smtp_host: Some("127.0.0.1".into()), ..with_login };
        assert_eq!(local.smtp().unwrap().port, SMTP_PORT);
    }

    #[test]
    fn links_begin_with_the_origin_that_people_see() {
        let listen = |text: &str| text.parse::<SocketAddr>().unwrap();
        let origin = |options: &MailOptions, public: &str, text: &str| options.site_origin(public, listen(text));
        let options = MailOptions::default();
        assert_eq!(origin(&options, "", "127.0.0.1:8080").unwrap(), "http://localhost:8080");
        assert_eq!(origin(&options, "", "0.0.0.0:80").unwrap(), "http://localhost:80");
        assert_eq!(origin(&options, "", "10.0.0.7:8080").unwrap(), "http://10.0.0.7:8080");
        assert_eq!(origin(&options, "https://a.example", "10.0.0.7:8080").unwrap(), "https://a.example");
        // What `gateway.public_url` may be, this takes as well: a container's name may have an underscore.
        assert_eq!(origin(&options, "http://my_site:8080", "10.0.0.7:8080").unwrap(), "http://my_site:8080");
        assert!(origin(&options, "a.example", "10.0.0.7:80").unwrap_err().to_string().contains("gateway.public_url"));
        let own = MailOptions { site_url: Some("https://b.example:8443".into()), ..options };
        assert_eq!(origin(&own, "https://a.example", "10.0.0.7:80").unwrap(), "https://b.example:8443");
    }
}
