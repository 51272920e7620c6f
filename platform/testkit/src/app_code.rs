//! The codes that an authenticator app shows (RFC 6238).
//!
//! Invariant: the parameters are those of every app: SHA-1, six digits, 30 seconds.

use totp_rs::{Builder, Secret};

/// Returns the code of an authenticator app with this secret, in base 32, at a time in seconds since 1970.
///
/// # Panics
///
/// If the secret is none.
pub fn app_code(secret: &str, seconds: i64) -> String {
    let secret = Secret::try_from_base32(secret).expect("the secret is base 32");
    let app = Builder::new().with_secret(secret).build().expect("the secret is long enough");
    app.generate(seconds.unsigned_abs()).to_string()
}
