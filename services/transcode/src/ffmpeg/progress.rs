//! Parses the output of `-progress`: how far an ffmpeg is.
//!
//! Invariant: [`Progress::feed`] returns `true` only when the output grew or its time advanced, which is what the stall
//! timeout needs.

/// Collects `key=value` lines.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    rest: Vec<u8>,
    /// The output's own time so far, in microseconds.
    pub out_us: i64,
    /// Bytes and frames written, as a measure of progress.
    size: i64,
    frame: i64,
}

/// Lines longer than this are not ffmpeg's.
const MAX_LINE_BYTES: usize = 4096;

impl Progress {
    /// Adds output; returns whether it shows progress.
    pub fn feed(&mut self, printed: &[u8]) -> bool {
        let before = (self.out_us, self.size, self.frame);
        let mut ended = false;
        for &byte in printed {
            if byte == b'\n' {
                let line = std::mem::take(&mut self.rest);
                ended |= self.line(&String::from_utf8_lossy(&line));
            } else if self.rest.len() < MAX_LINE_BYTES {
                self.rest.push(byte);
            }
        }
        ended || before != (self.out_us, self.size, self.frame)
    }

    fn line(&mut self, line: &str) -> bool {
        let Some((key, value)) = line.split_once('=') else { return false };
        let number = value.trim().parse::<i64>();
        match (key, number) {
            ("out_time_us", Ok(us)) => self.out_us = us,
            ("total_size", Ok(bytes)) => self.size = bytes,
            ("frame", Ok(frame)) => self.frame = frame,
            ("progress", _) => return value.trim() == "end",
            _ => {}
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_lines_are_joined_and_a_stall_is_detected() {
        let mut progress = Progress::default();
        assert!(!progress.feed(b"frame=1"));
        assert!(progress.feed(b"2\nout_time_us=500000\nprogress=continue\n"));
        assert_eq!(progress.out_us, 500_000);
        assert!(!progress.feed(b"frame=12\nout_time_us=500000\nout_time_us=N/A\nprogress=continue\n"));
        assert!(progress.feed(b"progress=end\n"));
    }
}
