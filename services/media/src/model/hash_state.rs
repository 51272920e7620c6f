//! The state of a SHA-256 between two requests, as the row of an upload has it.
//!
//! Invariant: a hash that continues from its saved state is the hash of all the bytes.

use sha2::Sha256;
use sha2::digest::common::hazmat::{SerializableState as _, SerializedState};

/// Returns the state of a hash as it is stored.
pub(crate) fn to_column(hash: &Sha256) -> Vec<u8> {
    hash.serialize().to_vec()
}

/// Returns the hash of a stored state; `None` where the state cannot be read.
pub(crate) fn from_column(state: &[u8]) -> Option<Sha256> {
    let state: &SerializedState<Sha256> = state.try_into().ok()?;
    Sha256::deserialize(state).ok()
}

#[cfg(test)]
mod tests {
    use sha2::Digest as _;

    use super::*;

    #[test]
    fn a_hash_continues_from_its_saved_state() {
        let data: Vec<u8> = (0..1000_u32).map(|n| (n % 251) as u8).collect();
        for cut in [0, 1, 63, 64, 65, 999] {
            let mut first = Sha256::new();
            first.update(&data[..cut]);
            let mut second = from_column(&to_column(&first)).unwrap();
            second.update(&data[cut..]);
            assert_eq!(second.finalize(), Sha256::digest(&data));
        }
        assert!(from_column(b"nonsense").is_none());
    }
}
