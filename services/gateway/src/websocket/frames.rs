//! Where frames begin and end in the bytes of a WebSocket.
//!
//! Does not read what is in a frame. Invariant: a boundary is found in parts of any size.

/// Tracks frame boundaries in a stream of bytes (RFC 6455 §5.2).
#[derive(Debug, Default)]
pub(super) struct FrameParser {
    /// The bytes of the current frame's header that have been received.
    header: [u8; 14],
    header_len: usize,
    /// Bytes of the payload that are still to come.
    payload_left: u64,
}

impl FrameParser {
    /// Whether the last frame is complete and the next one has not begun.
    pub(super) fn is_at_boundary(&self) -> bool {
        self.header_len == 0 && self.payload_left == 0
    }

    pub(super) fn advance(&mut self, mut bytes: &[u8]) {
        while let [first, rest @ ..] = bytes {
            if self.payload_left > 0 {
                let taken = bytes.len().min(usize::try_from(self.payload_left).unwrap_or(usize::MAX));
                self.payload_left -= taken as u64;
                bytes = bytes.get(taken..).unwrap_or_default();
                continue;
            }
            if let Some(byte) = self.header.get_mut(self.header_len) {
                *byte = *first;
            }
            self.header_len += 1;
            bytes = rest;
            if let Some(payload) = self.payload_len() {
                (self.payload_left, self.header_len) = (payload, 0);
            }
        }
    }

    /// Returns the length of the payload in bytes, once the header is complete.
    fn payload_len(&self) -> Option<u64> {
        let [_, second, more @ ..] = &self.header;
        let (extended, mask) = match second & 0x7f {
            126 => (2, second >> 7),
            127 => (8, second >> 7),
            _ => (0, second >> 7),
        };
        if self.header_len < 2 + extended + usize::from(mask) * 4 {
            return None;
        }
        let extended_len = more.iter().take(extended).fold(0, |length, byte| length << 8 | u64::from(*byte));
        Some(if extended == 0 { u64::from(second & 0x7f) } else { extended_len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_boundaries_are_found_in_chunks_of_any_size() {
        let frame = |payload: usize, masked: bool| {
            let mut frame = vec![0x82];
            let mask = u8::from(masked) << 7;
            match payload {
                0..126 => frame.push(mask + payload as u8),
                126..65_536 => {
                    frame.push(mask + 126);
                    frame.extend((payload as u16).to_be_bytes());
                }
                _ => {
                    frame.push(mask + 127);
                    frame.extend((payload as u64).to_be_bytes());
                }
            }
            frame.extend(vec![0x7f; payload + usize::from(masked) * 4]);
            frame
        };
        for size in [0, 1, 125, 126, 127, 128, 65_535, 65_536, 70_000] {
            for masked in [false, true] {
                let bytes = frame(size, masked);
                for step in [1, 2, 3, 7, 4096, bytes.len()] {
                    let mut frames = FrameParser::default();
                    let mut at = 0;
                    for piece in bytes.chunks(step) {
                        assert_eq!(frames.is_at_boundary(), at == 0, "{size} {masked} {step} {at}");
                        frames.advance(piece);
                        at += piece.len();
                    }
                    assert!(frames.is_at_boundary(), "{size} {masked} {step}");
                }
                let mut frames = FrameParser::default();
                frames.advance(&[bytes.clone(), bytes.clone(), vec![0x88, 0x02, 0x03, 0xe9]].concat());
                assert!(frames.is_at_boundary());
            }
        }
    }
}
