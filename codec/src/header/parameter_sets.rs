//! The picture size in a codec's own header: H.264, HEVC and AV1.
//!
//! Containers declare a size too, but decoders believe the codec. Owns the fields up to the size and nothing behind it.
//! Invariant: a header that ends early, or declares an absurd number, returns `None`.

use crate::bytes::{be16, take};

/// Reads bits, the most significant first.
struct BitReader<'a> {
    data: &'a [u8],
    at: usize,
}

impl BitReader<'_> {
    fn bit(&mut self) -> Option<u32> {
        let byte = *self.data.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit.into())
    }

    fn take(&mut self, count: u32) -> Option<u32> {
        let mut value = 0_u32;
        for _ in 0..count {
            value = value << 1 | self.bit()?;
        }
        Some(value)
    }

    fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    /// An Exp-Golomb number. ITU-T H.264 §9.1.
    fn exp_golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let rest = self.take(zeros)?;
        Some(((1_u64 << zeros) - 1 + u64::from(rest)) as u32)
    }

    /// A signed one; only its presence matters.
    fn signed_exp_golomb(&mut self) -> Option<i32> {
        let code = self.exp_golomb()?;
        let half = code.div_ceil(2) as i32;
        Some(if code % 2 == 1 { half } else { -half })
    }
}

/// Removes the emulation prevention bytes (H.264 §7.4.1). Parameter sets are short: more than this is not read.
fn unescape(unit: &[u8]) -> Vec<u8> {
    const MAX_BYTES: usize = 4096;
    let mut plain = Vec::with_capacity(unit.len().min(MAX_BYTES));
    let mut zeros = 0;
    for byte in unit.iter().take(MAX_BYTES) {
        if zeros >= 2 && *byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if *byte == 0 { zeros + 1 } else { 0 };
        plain.push(*byte);
    }
    plain
}

/// Returns width and height from a sequence parameter set of H.264, its one-byte head included. §7.3.2.1.1.
pub(super) fn h264(unit: &[u8]) -> Option<(u32, u32)> {
    let plain = unescape(unit.get(1..)?);
    let mut bits = BitReader { data: &plain, at: 0 };
    let profile = bits.take(8)?;
    bits.skip(16);
    bits.exp_golomb()?;
    if matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135) {
        let chroma = bits.exp_golomb()?;
        if chroma == 3 {
            bits.skip(1);
        }
        bits.exp_golomb()?;
        bits.exp_golomb()?;
        bits.skip(1);
        if bits.bit()? == 1 {
            for list in 0..if chroma == 3 { 12 } else { 8 } {
                if bits.bit()? == 1 {
                    scaling_list(&mut bits, if list < 6 { 16 } else { 64 })?;
                }
            }
        }
    }
    bits.exp_golomb()?;
    match bits.exp_golomb()? {
        0 => {
            bits.exp_golomb()?;
        }
        1 => {
            bits.skip(1);
            bits.signed_exp_golomb()?;
            bits.signed_exp_golomb()?;
            for _ in 0..bits.exp_golomb()?.min(255) {
                bits.signed_exp_golomb()?;
            }
        }
        _ => {}
    }
    bits.exp_golomb()?;
    bits.skip(1);
    let (width, height) = (bits.exp_golomb()?.saturating_add(1), bits.exp_golomb()?.saturating_add(1));
    let fields = 2 - bits.bit()?;
    Some((width.saturating_mul(16), height.saturating_mul(16).saturating_mul(fields)))
}

fn scaling_list(bits: &mut BitReader<'_>, size: u32) -> Option<()> {
    let (mut last, mut next) = (8, 8);
    for _ in 0..size {
        if next != 0 {
            next = (last + bits.signed_exp_golomb()?) & 0xff;
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

/// Returns width and height from a sequence parameter set of HEVC, its two-byte head included. ITU-T H.265 §7.3.2.2.
pub(super) fn hevc(unit: &[u8]) -> Option<(u32, u32)> {
    const PROFILE: usize = 88;
    let plain = unescape(unit.get(2..)?);
    let mut bits = BitReader { data: &plain, at: 0 };
    bits.skip(4);
    let layers = bits.take(3)?;
    bits.skip(1 + PROFILE + 8);
    let mut sub_layers = Vec::new();
    for _ in 0..layers {
        sub_layers.push((bits.bit()?, bits.bit()?));
    }
    if layers > 0 {
        bits.skip(2 * (8 - layers as usize));
    }
    for (profile, level) in sub_layers {
        bits.skip(profile as usize * PROFILE + level as usize * 8);
    }
    bits.exp_golomb()?;
    if bits.exp_golomb()? == 3 {
        bits.skip(1);
    }
    Some((bits.exp_golomb()?, bits.exp_golomb()?))
}

/// Returns the largest picture size in the parameter sets of an `avcC` box. ISO/IEC 14496-15 §5.3.3.1.
pub(super) fn avc_configuration(data: &[u8]) -> Option<(u32, u32)> {
    let mut at = 6;
    let mut largest = None;
    for _ in 0..data.get(5)? & 31 {
        let Some(unit) = unit(data, &mut at) else { break };
        largest = larger(largest, h264(unit));
    }
    largest
}

/// Returns the largest picture size in the parameter sets of an `hvcC` box. §8.3.3.1.
pub(super) fn hevc_configuration(data: &[u8]) -> Option<(u32, u32)> {
    const SPS: u8 = 33;
    let mut at = 23;
    let mut largest = None;
    for _ in 0..*data.get(22)? {
        let Some([kind, high, low]) = take::<3>(data, at) else { break };
        at += 3;
        for _ in 0..u16::from_be_bytes([high, low]) {
            let Some(unit) = unit(data, &mut at) else { return largest };
            if kind & 63 == SPS {
                largest = larger(largest, hevc(unit));
            }
        }
    }
    largest
}

fn larger(a: Option<(u32, u32)>, b: Option<(u32, u32)>) -> Option<(u32, u32)> {
    let pixels = |size: Option<(u32, u32)>| size.map_or(0, |(width, height)| u64::from(width) * u64::from(height));
    if pixels(b) > pixels(a) { b } else { a }
}

fn unit<'a>(data: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let len = usize::from(be16(data, *at)?);
    let unit = data.get(*at + 2..*at + 2 + len)?;
    *at += 2 + len;
    Some(unit)
}

/// Returns the largest picture size in the sequence header of an `av1C` box. AV1 specification §5.5, ISOBMFF binding
/// §2.3.
pub(super) fn av1_configuration(data: &[u8]) -> Option<(u32, u32)> {
    let header = *data.get(4)?;
    let mut at = 5 + usize::from(header >> 2 & 1);
    if header >> 1 & 1 == 1 {
        // The unit's length, seven bits in each byte.
        at += data.get(at..)?.iter().take(8).position(|byte| byte & 0x80 == 0)? + 1;
    }
    (header >> 3 & 15 == 1).then(|| sequence_header(data.get(at..)?)).flatten()
}

fn sequence_header(data: &[u8]) -> Option<(u32, u32)> {
    let mut bits = BitReader { data, at: 0 };
    bits.skip(4);
    if bits.bit()? == 1 {
        bits.skip(5);
    } else {
        let mut delay_bits = None;
        if bits.bit()? == 1 {
            bits.skip(64);
            if bits.bit()? == 1 {
                bits.exp_golomb()?;
            }
            if bits.bit()? == 1 {
                delay_bits = Some(bits.take(5)? as usize + 1);
                bits.skip(32 + 5 + 5);
            }
        }
        let has_delay = bits.bit()? == 1;
        for _ in 0..=bits.take(5)? {
            bits.skip(12);
            if bits.take(5)? > 7 {
                bits.skip(1);
            }
            if let Some(delay_bits) = delay_bits
                && bits.bit()? == 1
            {
                bits.skip(2 * delay_bits + 1);
            }
            if has_delay && bits.bit()? == 1 {
                bits.skip(4);
            }
        }
    }
    let (width, height) = (bits.take(4)? + 1, bits.take(4)? + 1);
    Some((bits.take(width)? + 1, bits.take(height)? + 1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    // Written by x264 for 64×48 and for 8192×8192.
    const SMALL: &[u8] =
        &[0x67, 0x42, 0xc0, 0x0a, 0xda, 0x11, 0xec, 0x04, 0x40, 0, 0, 3, 0, 0x40, 0, 0, 3, 0, 0x83, 0xc4, 0x89, 0xa8];
    const LARGE: &[u8] =
        &[0x67, 0x42, 0xc0, 0x3e, 0xda, 0, 0x20, 0, 4, 1, 0xb0, 0x11, 0, 0, 3, 0, 1, 0, 0, 3, 0, 2, 0x0f, 8, 4, 0x2a];

    #[test]
    fn real_parameter_sets() {
        assert_eq!((h264(SMALL), h264(LARGE)), (Some((64, 48)), Some((8192, 8192))));
        let configuration = [&[1, 0x64, 0, 10, 0xff, 0xe1, 0, SMALL.len() as u8], SMALL, &[1, 0, 0]].concat();
        assert_eq!(avc_configuration(&configuration), Some((64, 48)));
        let two = [&[1, 0x64, 0, 10, 0xff, 0xe2, 0, SMALL.len() as u8], SMALL, &[0, LARGE.len() as u8], LARGE].concat();
        assert_eq!(avc_configuration(&two), Some((8192, 8192)), "the larger of two");
    }

    proptest! {
        #[test]
        fn any_bytes(data in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (h264(&data), hevc(&data));
            let _ = (avc_configuration(&data), hevc_configuration(&data), av1_configuration(&data));
        }
    }
}
