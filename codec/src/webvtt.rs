//! Captions: checks WebVTT, and makes WebVTT of SubRip (`.srt`).
//!
//! Owns the syntax of files, not that of the text in a cue, which browsers show as text whatever it is. A browser
//! leaves out a cue that it cannot read, so a mistake would show as captions that are missing; here it is an error with
//! its line. Source: WebVTT, W3C, sections 4.1 and 6.1. Invariant: a text that is returned is valid WebVTT with at
//! least one cue; it has no byte order mark and no NUL, and its lines end with LF.

use std::ops::RangeInclusive;

const ARROW: &str = "-->";
const SPACES: [char; 2] = [' ', '\t'];

/// Why a file is refused. Lines count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes are no UTF-8.
    #[error("The captions are not UTF-8 text. Save them as UTF-8, and send them again.")]
    NotUtf8,
    /// The file begins neither as WebVTT nor as SubRip does.
    #[error("The file is neither WebVTT nor SubRip. A WebVTT file begins with a line `WEBVTT`.")]
    UnknownFormat,
    /// A line with `-->` is no timing.
    #[error("Line {0} of the captions is not a timing such as `00:01.000 --> 00:02.500`.")]
    BadTiming(usize),
    /// A cue ends before, or when, it begins.
    #[error("Line {0} of the captions ends its cue before it begins. Swap the times or correct one.")]
    EndsBeforeStart(usize),
    /// Text outside of any cue or comment begins here.
    #[error("Line {0} of the captions belongs to no cue. Put a timing such as `00:01.000 --> 00:02.500` above it.")]
    OutsideCue(usize),
    /// There is no cue.
    #[error("The file has no captions in it.")]
    NoCue,
}

/// Returns the captions as WebVTT.
pub fn normalize(bytes: &[u8]) -> Result<String, Error> {
    let text = std::str::from_utf8(bytes).map_err(|_| Error::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\0', "\u{fffd}");
    let (text, added_lines) = if has_signature(&text) {
        (text, 0)
    } else if is_subrip(&text) {
        (from_subrip(&text), 2)
    } else {
        return Err(Error::UnknownFormat);
    };
    check(&text, added_lines)?;
    Ok(text)
}

/// Returns the captions as the one segment of an HLS stream: their header says that their times are those of the
/// stream (RFC 8216, section 3.5), whose first sample has the time 0.
pub fn segment(text: &str) -> String {
    let (signature, rest) = text.split_once('\n').unwrap_or((text, ""));
    // A cue may follow the first line at once; it is no part of the header.
    let gap = if rest.lines().next().is_some_and(|line| line.contains(ARROW)) { "\n" } else { "" };
    format!("{signature}\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n{gap}{rest}")
}

fn has_signature(text: &str) -> bool {
    text.strip_prefix("WEBVTT").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n']))
}

/// Whether the first two lines with text are a number and a timing with commas.
fn is_subrip(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let is_numbered = lines.next().is_some_and(|line| line.bytes().all(|byte| byte.is_ascii_digit()));
    is_numbered && lines.next().is_some_and(|line| line.contains(ARROW) && line.contains(','))
}

/// Returns SubRip as WebVTT, with two lines more in front. The numbers become the identifiers of the cues.
fn from_subrip(text: &str) -> String {
    let mut converted = "WEBVTT\n\n".to_owned();
    for line in text.split('\n').map(str::trim_end) {
        if line.contains(ARROW) {
            converted.push_str(&line.replacen(',', ".", 2));
        } else {
            converted.push_str(line);
        }
        converted.push('\n');
    }
    converted
}

/// What a line belongs to.
#[derive(Clone, Copy)]
enum Block {
    Header,
    /// Lines without a timing yet: the identifier of a cue, a comment, a style, a region.
    Untimed {
        first: usize,
        lines: usize,
        is_definition: bool,
    },
    Cue,
    None,
}

impl Block {
    /// Ends the block before an empty line.
    fn end(self) -> Result<(), Error> {
        match self {
            Self::Untimed { first, is_definition: false, .. } => Err(Error::OutsideCue(first)),
            _ => Ok(()),
        }
    }
}

/// Checks a text that begins with the signature. The first `added_lines` lines are not the file's.
fn check(text: &str, added_lines: usize) -> Result<(), Error> {
    let (mut block, mut has_cue) = (Block::Header, false);
    for (at, line) in text.split('\n').enumerate().skip(1) {
        let number = (at + 1).saturating_sub(added_lines);
        block = if line.contains(ARROW) {
            // One line before a timing is the identifier of the cue.
            if !matches!(block, Block::Untimed { lines: 1, .. }) {
                block.end()?;
            }
            check_timing(line, number)?;
            has_cue = true;
            Block::Cue
        } else if line.is_empty() {
            block.end()?;
            Block::None
        } else {
            match block {
                Block::None if line.trim().is_empty() => Block::None,
                Block::None => Block::Untimed { first: number, lines: 1, is_definition: begins_definition(line) },
                Block::Untimed { first, lines, is_definition } => {
                    Block::Untimed { first, lines: lines + 1, is_definition }
                }
                Block::Header | Block::Cue => block,
            }
        };
    }
    block.end()?;
    if has_cue { Ok(()) } else { Err(Error::NoCue) }
}

/// Whether a comment, a style sheet or a region begins with this line.
fn begins_definition(line: &str) -> bool {
    let line = line.trim_end_matches(SPACES);
    line == "NOTE" || line.starts_with("NOTE ") || line.starts_with("NOTE\t") || line == "STYLE" || line == "REGION"
}

fn check_timing(line: &str, number: usize) -> Result<(), Error> {
    let times = line.split_once(ARROW).and_then(|(start, rest)| {
        // The settings of the cue follow. A browser ignores those that it does not know.
        let end = rest.trim_start_matches(SPACES).split(SPACES).next()?;
        Some((milliseconds(start.trim_matches(SPACES))?, milliseconds(end)?))
    });
    let (start, end) = times.ok_or(Error::BadTiming(number))?;
    if end > start { Ok(()) } else { Err(Error::EndsBeforeStart(number)) }
}

/// Returns the milliseconds of `mm:ss.ttt` or `hh:mm:ss.ttt`.
fn milliseconds(timestamp: &str) -> Option<u64> {
    let (clock, fraction) = timestamp.split_once('.')?;
    let mut parts = clock.rsplit(':');
    let seconds = digits(parts.next()?, 2..=2)?;
    let minutes = digits(parts.next()?, 2..=2)?;
    let hours = parts.next().map_or(Some(0), |part| digits(part, 1..=6))?;
    if parts.next().is_some() || seconds > 59 || minutes > 59 {
        return None;
    }
    Some(((hours * 60 + minutes) * 60 + seconds) * 1000 + digits(fraction, 3..=3)?)
}

fn digits(text: &str, lengths: RangeInclusive<usize>) -> Option<u64> {
    let fits = lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Error {
        normalize(text.as_bytes()).expect_err(text)
    }

    #[test]
    fn a_segment_says_whose_times_its_cues_have_and_is_valid() {
        let map = "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000";
        for (text, expected) in [
            (
                "WEBVTT - a\nKind: captions\n\n00:01.000 --> 00:02.000\nA\n",
                format!("WEBVTT - a\n{map}\nKind: captions\n\n"),
            ),
            ("WEBVTT\n\n00:01.000 --> 00:02.000\nA\n", format!("WEBVTT\n{map}\n\n")),
            ("WEBVTT\n00:01.000-->00:02.500", format!("WEBVTT\n{map}\n\n")),
        ] {
            let segment = segment(text);
            assert!(segment.starts_with(&expected), "{segment}");
            assert_eq!(normalize(segment.as_bytes()).as_deref(), Ok(segment.as_str()));
        }
    }

    #[test]
    fn what_browsers_read_is_valid() {
        for text in [
            "WEBVTT\n\n00:01.000 --> 00:02.500\nHello\n",
            "WEBVTT - a title\nKind: captions\n\nNOTE\nby Ada\n\nSTYLE\n::cue { color: red }\n\nREGION\nid:a\n\n\
             first\n00:00:01.000 --> 100:00:02.500 line:0 region:a\n<v Ada>Hello\nthere",
            "WEBVTT\n00:01.000-->00:02.500",
            "WEBVTT\n\nNOTE\n00:01.000 --> 00:02.500\n \n\n\n \n00:01.000 --> 00:02.000\nA\n00:02.000 --> 00:03.000\nB",
        ] {
            assert_eq!(normalize(text.as_bytes()).as_deref(), Ok(text));
        }
        let windows = "\u{feff}WEBVTT\r\n\r\n00:01.000 --> 00:02.500\r\nA\0B\r";
        assert_eq!(normalize(windows.as_bytes()).unwrap(), "WEBVTT\n\n00:01.000 --> 00:02.500\nA\u{fffd}B\n");
    }

    #[test]
    fn subrip_becomes_webvtt() {
        let text = "1\r\n00:00:01,000 --> 00:00:02,500\r\nHello, you\r\n \r\n2\r\n00:00:03,000 --> 00:00:04,000\r\nBye";
        let expected =
            "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.500\nHello, you\n\n2\n00:00:03.000 --> 00:00:04.000\nBye\n";
        assert_eq!(normalize(text.as_bytes()).unwrap(), expected);
        assert_eq!(refused("1\n00:00:01,000 --> 00:00:02,500\nA\n\n2\n00:03,00 --> 00:04,000\nB"), Error::BadTiming(6));
    }

    #[test]
    fn a_mistake_is_named_by_its_line() {
        assert_eq!(normalize(b"WEBVTT\n\n\xff"), Err(Error::NotUtf8));
        for text in ["", "WEBVTTX\n\n", "<script>", "{}", "1\n2\n", "webvtt\n\n00:01.000 --> 00:02.000\n"] {
            assert_eq!(refused(text), Error::UnknownFormat, "{text}");
        }
        for text in ["WEBVTT", "WEBVTT\n\nNOTE only a comment\n"] {
            assert_eq!(refused(text), Error::NoCue, "{text}");
        }
        for timing in [
            "00:01,000 --> 00:02.000",
            "0:01.000 --> 00:02.000",
            "00:01.000 --> 00:60.000",
            "00:01.000 --> 00:02.0000",
            "00:01.000 -->",
            "-->",
            "1:1:00:01.000 --> 00:02.000",
            "00:01.000 --> 99999999999999999999:00:02.000",
        ] {
            assert_eq!(refused(&format!("WEBVTT\n\n{timing}\n")), Error::BadTiming(3), "{timing}");
        }
        assert_eq!(refused("WEBVTT\n\n00:02.000 --> 00:02.000\n"), Error::EndsBeforeStart(3));
        assert_eq!(refused("WEBVTT\n\nHello\n\n00:01.000 --> 00:02.000\n"), Error::OutsideCue(3));
        assert_eq!(refused("WEBVTT\n\nHello\nyou\n00:01.000 --> 00:02.000\n"), Error::OutsideCue(3));
    }
}
