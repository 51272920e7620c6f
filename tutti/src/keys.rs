//! `tutti keys`: makes keys of an installation.
//!
//! Invariant: a key is printed and nowhere else; the command writes no file and reads no configuration.

use base::Random;
use clap::{Args, Subcommand};

use crate::CommandError;
use crate::release::acceptance::new_key;
use crate::terminal::say;

/// The arguments of `tutti keys`.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    kind: KeyKind,
}

#[derive(Debug, Subcommand)]
enum KeyKind {
    /// Make a private key for Web Push. Prints its public key, and then the key itself in PEM
    #[command(after_help = "Example:\n  (umask 077 && tutti keys vapid > vapid.pem)")]
    Vapid,
    /// Make a private key for accepting releases. Prints its public key, and then the key itself in PEM
    #[command(after_help = "Example:\n  (umask 077 && tutti keys tester > tester.pem)")]
    Tester,
}

/// Prints a new key.
pub(crate) fn run(arguments: &Keys) -> Result<(), CommandError> {
    match arguments.kind {
        KeyKind::Vapid => {
            let made = notify::new_vapid_key(&Random::system());
            let (pem, public_key) = made.ok_or("no key could be made; try again")?;
            // Readers of PEM skip what is before the first line of dashes (RFC 7468 section 2).
            say!("Public key: {public_key}");
            say!("{}", pem.trim_end());
            Ok(())
        }
        KeyKind::Tester => {
            let (pem, public_key) = new_key(Random::system().bytes());
            say!("Public key: {public_key}");
            say!("{}", pem.trim_end());
            Ok(())
        }
    }
}
