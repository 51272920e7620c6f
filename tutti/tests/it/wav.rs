//! WAVE files for uploads, written by hand.
//!
//! Invariant: every file is a valid WAVE of 16-bit mono at 44.1 kHz.

/// Returns a WAVE file of these samples (little-endian, two bytes each).
pub(crate) fn wave(samples: &[u8]) -> Vec<u8> {
    let size = u32::try_from(samples.len()).unwrap();
    let mut file = b"RIFF".to_vec();
    file.extend((size + 36).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(44_100_u32.to_le_bytes());
    file.extend(88_200_u32.to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(size.to_le_bytes());
    file.extend(samples);
    file
}
