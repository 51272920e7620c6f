//! The two checksums that must be recomputed when bytes inside a file are blanked: those of PNG and Ogg.
//!
//! Owns the arithmetic only. Invariant: the result does not depend on how the input is split.

const fn table(reflected: bool, polynomial: u32) -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = if reflected { index as u32 } else { (index as u32) << 24 };
        let mut bit = 0;
        while bit < 8 {
            value = if reflected {
                if value & 1 == 0 { value >> 1 } else { value >> 1 ^ polynomial }
            } else if value & 0x8000_0000 == 0 {
                value << 1
            } else {
                value << 1 ^ polynomial
            };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
}

/// CRC-32 as in ISO 3309, which PNG uses (PNG specification, annex D).
static PNG: [u32; 256] = table(true, 0xedb8_8320);
/// The same polynomial unreflected, start 0, no final inversion, which Ogg uses (RFC 3533 §6).
static OGG: [u32; 256] = table(false, 0x04c1_1db7);

/// Returns the CRC-32 of a PNG chunk's type and data.
pub(crate) fn crc32(data: &[u8]) -> u32 {
    let mut crc = Crc32::new();
    crc.update(data);
    crc.finish()
}

/// A CRC-32 that is computed incrementally.
pub(crate) struct Crc32(u32);

impl Crc32 {
    pub(crate) fn new() -> Self {
        Self(u32::MAX)
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        self.0 = data.iter().fold(self.0, |crc, b| crc >> 8 ^ PNG[((crc ^ u32::from(*b)) & 0xff) as usize]);
    }

    /// Adds `count` zero bytes.
    pub(crate) fn zeros(&mut self, count: u64) {
        self.0 = (0..count).fold(self.0, |crc, _| crc >> 8 ^ PNG[(crc & 0xff) as usize]);
    }

    pub(crate) fn finish(self) -> u32 {
        !self.0
    }
}

/// Adds `data` to an Ogg page checksum that starts at 0.
pub(crate) fn ogg(crc: u32, data: &[u8]) -> u32 {
    data.iter().fold(crc, |crc, b| crc << 8 ^ OGG[(crc >> 24 ^ u32::from(*b)) as usize & 0xff])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // The check value of every CRC catalogue, and the checksum of PNG's empty IEND.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b"IEND"), 0xae42_6082);
        let mut zeros = Crc32::new();
        zeros.update(b"x");
        zeros.zeros(3);
        assert_eq!(zeros.finish(), crc32(b"x\0\0\0"));
        // CRC-32/POSIX without its final inversion and length has the same register.
        assert_eq!(ogg(0, b"123456789"), 0x89a1_897f);
        assert_eq!(ogg(ogg(0, b"1234"), b"56789"), ogg(0, b"123456789"));
    }
}
