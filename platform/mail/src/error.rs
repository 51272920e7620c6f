//! Errors of sending a mail.
//!
//! Invariant: what `Display` says holds no address, no link and nothing that a server sent, so it can be logged. A
//! server's own words are in [`Error::reason`], which is stored with the mail and shown to operators.

use base::Transient;

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server can't be reached, did not respond in time, refused the login, or does not speak TLS.
    #[error("the mail server is unavailable ({step})")]
    Unavailable {
        /// The step of the conversation, such as `connect`.
        step: &'static str,
        /// What happened.
        reason: String,
    },
    /// The server refused the mail for now (a reply of 4xx).
    #[error("the mail server deferred the mail ({code})")]
    Deferred {
        /// The reply's code.
        code: u16,
        /// The server's words.
        reason: String,
    },
    /// The server refused the mail for good (a reply of 5xx).
    #[error("the mail server refused the mail ({code})")]
    Refused {
        /// The reply's code.
        code: u16,
        /// The server's words.
        reason: String,
    },
    /// The folder of mails can't be written.
    #[error("the folder of mails can't be written")]
    Folder(#[source] std::io::Error),
    /// The recipient is not one of those to whom mails may go outside production.
    #[error("outside production, mails go only to the addresses and domains of environment.mail_allowed")]
    Withheld,
    /// A row does not make a mail.
    #[error("the mail can't be written as a message: {0}")]
    Unwritable(&'static str),
}

/// The longest reason that is stored, in characters.
const MAX_REASON_CHARS: usize = 300;

impl Error {
    /// Returns the reason in one line, for operators. It may hold the recipient's address.
    pub fn reason(&self) -> String {
        let text = match self {
            Self::Unavailable { step, reason } => format!("{step}: {reason}"),
            Self::Deferred { code, reason } | Self::Refused { code, reason } => format!("{code} {reason}"),
            Self::Folder(error) => error.to_string(),
            Self::Withheld | Self::Unwritable(_) => self.to_string(),
        };
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(MAX_REASON_CHARS).collect()
    }
}

impl Transient for Error {
    fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Deferred { .. } | Self::Folder(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_for_good_is_permanent_and_no_reply_is_logged() {
        let reason = "5.1.1 <ada@example.org>\r\nunknown".to_owned();
        let refused = Error::Refused { code: 550, reason: reason.clone() };
        assert!(!refused.is_transient() && !refused.to_string().contains("ada"));
        assert_eq!(refused.reason(), "550 5.1.1 <ada@example.org>  unknown");
        assert!(Error::Deferred { code: 450, reason: reason.clone() }.is_transient());
        let unavailable = Error::Unavailable { step: "connect", reason };
        assert!(unavailable.is_transient() && !unavailable.to_string().contains("ada"));
        assert!(!Error::Unwritable("x").is_transient());
    }
}
