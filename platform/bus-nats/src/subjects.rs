//! Maps our names to NATS names.
//!
//! A subject is tokens between dots, each without dots, wildcards or spaces; the name of a consumer is one token.
//! Invariant: two different names never become the same one, and each can be decoded.

/// Encodes a subject or topic: dots stay, and every byte that NATS does not allow becomes `=` and its value in
/// hexadecimal.
pub(super) fn subject(name: &str) -> String {
    name.split('.')
        .map(|part| if part.is_empty() { "=".to_owned() } else { escape(part, b'_') })
        .collect::<Vec<_>>()
        .join(".")
}

/// Encodes a name as one token: as [`subject`], and dots become `_`.
pub(super) fn token(name: &str) -> String {
    if name.is_empty() { "=".to_owned() } else { escape(name, b'.').replace('.', "_") }
}

/// Decodes what [`subject`] encoded.
pub(super) fn from_subject(subject: &str) -> String {
    subject.split('.').map(unescape).collect::<Vec<_>>().join(".")
}

/// Decodes what [`token`] encoded.
pub(super) fn from_token(token: &str) -> String {
    unescape(&token.replace('_', "."))
}

fn escape(text: &str, also: u8) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'-' || byte == also {
            escaped.push(char::from(byte));
        } else {
            escaped.push('=');
            escaped.push_str(&hex::encode([byte]));
        }
    }
    escaped
}

fn unescape(text: &str) -> String {
    let mut parts = text.split('=');
    let mut bytes: Vec<u8> = parts.next().unwrap_or_default().into();
    for part in parts {
        // Only the output of `escape` comes here, so two hexadecimal digits follow, or nothing if the name was empty.
        let (code, rest) = part.split_at_checked(2).unwrap_or(("", part));
        bytes.extend(hex::decode(code).unwrap_or_default());
        bytes.extend(rest.bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_read_back_and_never_meet() {
        let names = [
            "media.received",
            "a.b",
            "a_b",
            "a.b_c",
            "a_b.c",
            "a=b",
            "",
            ".",
            "a..b",
            "a *>b",
            "día.ä",
            "5kT0-x",
            "=5f",
            "_",
        ];
        for name in names {
            for made in [subject(name), token(name)] {
                assert!(!made.is_empty() && !made.contains([' ', '*', '>', '/']), "{made}");
                assert!(made.split('.').all(|part| !part.is_empty()), "{made}");
            }
            assert_eq!(from_subject(&subject(name)), name);
            assert_eq!(from_token(&token(name)), name);
            assert!(!token(name).contains('.'));
        }
        assert_eq!(subject("media.received"), "media.received");
        assert_eq!(token("media.received"), "media_received");
    }
}
