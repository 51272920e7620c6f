//! What a client's HTTP/2 frames cost (RFC 9113 §4.1), found in its bytes as they arrive.
//!
//! Owns the grammar of frame headers; does not read payloads, and does not own a socket or the time. hyper parses the
//! same bytes afterwards. It bounds the memory of every frame, but answers control frames for as long as they come.
//! Invariant: the cost of a stream of bytes is the same in parts of any size.

/// The client's first bytes, before any frame (§3.4).
const PREFACE_BYTES: u64 = 24;
/// The length of a frame's header.
const HEADER_BYTES: usize = 9;

/// Ends a stream, for which a handler may have begun to work (CVE-2023-44487).
const RESET_COST: u64 = 10;
/// A frame that the server answers, or has to look at: SETTINGS, PING, WINDOW_UPDATE, PRIORITY, and unknown ones.
const CONTROL_COST: u64 = 1;
/// A request pays for what a client says beside it: its priority, or more room for its response.
const REQUEST_CREDIT: u64 = 2;

/// What some bytes have cost and paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Charge {
    pub(super) cost: u64,
    pub(super) credit: u64,
}

/// The position in the stream of frames.
#[derive(Debug, Clone)]
pub(super) struct Frames {
    /// Bytes of the preface or of a payload that are still to come.
    left: u64,
    header: [u8; HEADER_BYTES],
    /// Bytes of the current header that have arrived.
    header_len: usize,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self { left: PREFACE_BYTES, header: [0; HEADER_BYTES], header_len: 0 }
    }

    /// Advances by the client's next bytes. Returns what the frames cost whose headers are complete now.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> Charge {
        let mut charge = Charge::default();
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let taken = bytes.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                self.left -= taken as u64;
                bytes = bytes.get(taken..).unwrap_or_default();
                continue;
            }
            if let Some(byte) = self.header.get_mut(self.header_len) {
                *byte = *first;
            }
            self.header_len += 1;
            bytes = rest;
            if self.header_len == HEADER_BYTES {
                let [high, middle, low, kind, ..] = self.header;
                self.left = u64::from(u32::from_be_bytes([0, high, middle, low]));
                self.header_len = 0;
                let frame = charge_of(kind);
                charge.cost += frame.cost;
                charge.credit += frame.credit;
            }
        }
        charge
    }
}

/// Returns what a frame of a type (§6) costs and pays for.
fn charge_of(kind: u8) -> Charge {
    match kind {
        // DATA and CONTINUATION, whose number hyper bounds by their sizes.
        0 | 9 => Charge::default(),
        // HEADERS.
        1 => Charge { cost: 0, credit: REQUEST_CREDIT },
        // RST_STREAM.
        3 => Charge { cost: RESET_COST, credit: 0 },
        _ => Charge { cost: CONTROL_COST, credit: 0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, 0, 0, 0, 0, 1];
        frame.extend(vec![3; payload]);
        frame
    }

    #[test]
    fn frames_cost_the_same_in_parts_of_any_size() {
        let kinds = [(4, 0), (1, 40), (3, 4), (0, 70_000), (6, 8), (8, 4), (9, 5), (16, 300)];
        let frames: Vec<u8> = kinds.into_iter().flat_map(|(kind, payload)| frame(kind, payload)).collect();
        let bytes = [vec![3; 24], frames].concat();
        for size in [1, 2, 3, 8, 9, 10, 1_000, bytes.len()] {
            let mut reader = Frames::new();
            let charges: Vec<Charge> = bytes.chunks(size).map(|part| reader.read(part)).collect();
            let sum = |of: fn(&Charge) -> u64| charges.iter().map(of).sum::<u64>();
            assert_eq!((sum(|all| all.cost), sum(|all| all.credit)), (14, 2), "parts of {size}");
        }
    }
}
