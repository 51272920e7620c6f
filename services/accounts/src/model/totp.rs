//! One-time codes of authenticator apps (RFC 6238): SHA-1, six digits, 30 seconds, as every app reads them.
//!
//! Owns the parameters; the library owns the algorithm. Invariant: a code is accepted one step early or late at most,
//! and never one of a step that is not after the last accepted one.

use totp_rs::{Builder, Secret, Totp};

/// The bytes of a secret (RFC 4226 §4 recommends 160 bits).
pub(crate) const SECRET_BYTES: usize = 20;
const STEP_SECONDS: u64 = 30;
/// The name of the service in authenticator apps.
const ISSUER: &str = "Tutti";

/// Returns the step whose code this is, at `seconds` since 1970; `None` if it is none of an acceptable step.
/// `last_step` is the last accepted step.
pub(crate) fn matching_step(secret: &[u8], code: &str, last_step: Option<i64>, seconds: i64) -> Option<i64> {
    let digits: String = code.chars().filter(|char| !char.is_whitespace()).take(7).collect();
    let step = totp(secret)?.check(&digits, u64::try_from(seconds).ok()?)?;
    let step = i64::try_from(step).ok()?;
    last_step.is_none_or(|last| step > last).then_some(step)
}

/// Returns the secret as members type it: base 32, without padding.
pub(crate) fn secret_text(secret: &[u8]) -> String {
    Secret::from(secret).to_base32()
}

/// Returns the `otpauth:` URI that authenticator apps read from a QR code. A handle has only characters that need no
/// escape in a URI.
pub(crate) fn uri(secret: &[u8], handle: &str) -> String {
    format!(
        "otpauth://totp/{ISSUER}:{handle}?secret={}&issuer={ISSUER}&algorithm=SHA1&digits=6&period={STEP_SECONDS}",
        secret_text(secret)
    )
}

fn totp(secret: &[u8]) -> Option<Totp> {
    Builder::new().with_secret(secret).with_skew(1).with_step_duration(STEP_SECONDS).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    #[test]
    fn the_vectors_of_the_rfc_hold() {
        // RFC 6238, appendix B, SHA-1, the last six of eight digits.
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(matching_step(SECRET, code, None, seconds), Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_accepted_one_step_early_or_late_and_once() {
        let accepted = |last, seconds| matching_step(SECRET, "050471", last, seconds);
        let step = 1_111_111_111 / 30;
        for seconds in [(step - 1) * 30, step * 30, step * 30 + 59] {
            assert_eq!(accepted(None, seconds), Some(step), "{seconds}");
        }
        for seconds in [(step - 1) * 30 - 1, step * 30 + 60, -1, i64::MAX] {
            assert_eq!(accepted(None, seconds), None, "{seconds}");
        }
        assert_eq!(accepted(Some(step - 1), step * 30), Some(step));
        assert_eq!((accepted(Some(step), step * 30), accepted(Some(step + 1), step * 30)), (None, None));
    }

    #[test]
    fn only_six_digits_are_a_code() {
        let seconds = 1_111_111_111;
        assert!(matching_step(SECRET, " 050 471 ", None, seconds).is_some(), "apps show a space in the middle");
        for wrong in ["", "50471", "0504710", "+50471", "٠٥٠٤٧١", "05047a", &"0".repeat(60_000)] {
            assert_eq!(matching_step(SECRET, wrong, None, seconds), None, "{wrong:.20}");
        }
    }

    #[test]
    fn the_uri_has_what_apps_read() {
        assert_eq!(
            uri(SECRET, "ada"),
            "otpauth://totp/Tutti:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Tutti&algorithm=SHA1&digits=6\
             &period=30"
        );
    }
}
