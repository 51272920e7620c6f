//! Parses how a client's bytes are framed into requests (RFC 9112), strictly: ambiguous framing is an error.
//!
//! Owns the grammar; does not own a socket or what requests mean. It is fed with bytes as they arrive and reports where
//! each head ends, or what is wrong. hyper parses the same bytes afterwards, and more leniently (it accepts a line feed
//! alone, and merges equal lengths). Invariant: what passes here has only one interpretation, so hyper and any server
//! behind or before us agree on it.

use http::{Method, Uri};

/// The longest line with a chunk's size, in bytes: 16 digits, and extensions.
const MAX_CHUNK_LINE_BYTES: usize = 1024;
/// Bytes of all trailers of a body.
const MAX_TRAILERS_BYTES: usize = 8 * 1024;
/// Empty lines before a request (RFC 9112 §2.2: some old clients send one after a body).
const MAX_EMPTY_LINES: u8 = 2;
/// Header lines that hyper accepts.
const MAX_HEADER_LINES: usize = 100;

/// What is wrong with the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FramingError {
    /// A line ends with a line feed alone, or has a carriage return elsewhere.
    LineEnd,
    /// The first line is not a method, a target and a version with one space between them.
    RequestLine,
    /// A header line has no name, an invalid one, or a space before its colon.
    HeaderName,
    /// A header line begins with a space, which would continue the previous one.
    Folded,
    /// A header has a control character.
    HeaderValue,
    /// There is more than one length, or one that is not a number.
    Length,
    /// The transfer coding is not `chunked`, or comes with a length.
    Coding,
    /// A chunk's size, its extension or its end is malformed.
    Chunk,
    /// A trailer is malformed, or there are too many.
    Trailer,
    /// The head is too large.
    TooLarge,
    /// There are too many header lines.
    TooManyLines,
}

/// The position in the stream of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReaderState {
    /// Before or within a head.
    Head {
        empty_lines: u8,
    },
    /// This many bytes of a body remain.
    Body(u64),
    Chunk(Chunk),
}

/// The position within a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    /// The line with the size: digits so far, their value, bytes of the line, whether an extension has begun.
    Size {
        digits: u8,
        value: u64,
        line: usize,
        extension: bool,
    },
    /// The line feed after it.
    SizeEnd(u64),
    Data(u64),
    DataReturn,
    DataEnd,
    /// A trailer line: its bytes so far, the bytes of all trailers, whether its name is complete.
    Trailer {
        line: usize,
        all: usize,
        value: bool,
    },
    TrailerEnd {
        empty: bool,
        all: usize,
    },
}

/// The result of a step over some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// These bytes are valid: part of a body, or an empty line before a head, which hyper skips as well.
    Pass(usize),
    /// These bytes are a complete head. `upgrade`: it asks for another protocol and has no body.
    Head {
        /// The head's length in bytes.
        bytes: usize,
        /// Whether another protocol than HTTP may follow.
        upgrade: bool,
    },
    /// The head is not complete: more bytes are needed.
    NeedMore,
    /// The bytes are invalid.
    Invalid(FramingError),
}

/// The parser. It stores no bytes: an incomplete head has to be passed again, with more bytes.
#[derive(Debug, Clone)]
pub(super) struct Framing {
    state: ReaderState,
    /// Bytes of the head that were parsed so far.
    scanned: usize,
    /// Whether the request line says HTTP/1.1; `None` before it is complete.
    is_11: Option<bool>,
    max_head: usize,
}

impl Framing {
    /// Returns a parser for the beginning of a connection.
    pub(super) fn new(max_head: usize) -> Self {
        Self { state: ReaderState::Head { empty_lines: 0 }, scanned: 0, is_11: None, max_head }
    }

    /// Whether the next bytes belong to a head, so that an error in them is reported before hyper sees a request.
    pub(super) fn is_at_head(&self) -> bool {
        matches!(self.state, ReaderState::Head { .. })
    }

    /// Takes the next step over `bytes`, which must not be empty.
    pub(super) fn step(&mut self, bytes: &[u8]) -> Step {
        match self.state {
            ReaderState::Head { empty_lines } => self.read_head_bytes(bytes, empty_lines),
            ReaderState::Body(left) => {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                let left = left - taken as u64;
                self.state = if left == 0 { ReaderState::Head { empty_lines: 0 } } else { ReaderState::Body(left) };
                Step::Pass(taken)
            }
            ReaderState::Chunk(chunk) => self.read_chunks(chunk, bytes),
        }
    }

    fn read_head_bytes(&mut self, bytes: &[u8], empty_lines: u8) -> Step {
        if self.scanned == 0 {
            match bytes {
                [b'\r', b'\n', ..] if empty_lines < MAX_EMPTY_LINES => {
                    self.state = ReaderState::Head { empty_lines: empty_lines + 1 };
                    return Step::Pass(2);
                }
                [b'\r'] if empty_lines < MAX_EMPTY_LINES => return Step::NeedMore,
                [b'\r' | b'\n', ..] => return Step::Invalid(FramingError::LineEnd),
                // Anything but HTTP, such as TLS, is refused at once.
                [first, ..] if !is_token_byte(*first) => return Step::Invalid(FramingError::RequestLine),
                _ => {}
            }
        }
        // Line ends are checked first, as they arrive, so that invalid bytes are refused without waiting for more.
        let mut at = self.scanned;
        while let Some(found) = memchr::memchr2(b'\r', b'\n', bytes.get(at..).unwrap_or_default()) {
            let end = at + found;
            match (bytes.get(end), bytes.get(end + 1)) {
                (Some(b'\r'), Some(b'\n')) => {}
                (Some(b'\r'), None) => {
                    self.scanned = end;
                    return if end > self.max_head { Step::Invalid(FramingError::TooLarge) } else { Step::NeedMore };
                }
                _ => return Step::Invalid(FramingError::LineEnd),
            }
            at = end + 2;
            if end + 2 > self.max_head {
                return Step::Invalid(FramingError::TooLarge);
            }
            let before = bytes.get(..end).unwrap_or_default();
            match self.is_11 {
                None => match request_line(before) {
                    Ok(is_11) => self.is_11 = Some(is_11),
                    Err(error) => return Step::Invalid(error),
                },
                Some(is_11) if before.ends_with(b"\r\n") => {
                    (self.scanned, self.is_11) = (0, None);
                    return self.finish_head(is_11, bytes.get(..at).unwrap_or_default());
                }
                Some(_) => {}
            }
        }
        self.scanned = bytes.len();
        if bytes.len() > self.max_head { Step::Invalid(FramingError::TooLarge) } else { Step::NeedMore }
    }

    /// Parses a complete head and determines what follows it.
    fn finish_head(&mut self, is_11: bool, head: &[u8]) -> Step {
        match read_head(is_11, head) {
            Ok(Head { body, upgrade }) => {
                self.state = match body {
                    Body::None => ReaderState::Head { empty_lines: 0 },
                    Body::Length(length) => ReaderState::Body(length),
                    Body::Chunked => ReaderState::Chunk(Chunk::START),
                };
                Step::Head { bytes: head.len(), upgrade: upgrade && self.is_at_head() }
            }
            Err(error) => Step::Invalid(error),
        }
    }

    fn read_chunks(&mut self, mut chunk: Chunk, bytes: &[u8]) -> Step {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if let Chunk::Data(left) = chunk {
                let taken = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                at += taken;
                let left = left - taken as u64;
                chunk = if left == 0 { Chunk::DataReturn } else { Chunk::Data(left) };
                continue;
            }
            at += 1;
            match chunk.next(byte) {
                Ok(Some(next)) => chunk = next,
                // The body is complete.
                Ok(None) => {
                    self.state = ReaderState::Head { empty_lines: 0 };
                    return Step::Pass(at);
                }
                // The valid bytes before it are passed on first; the next step then reports the error.
                Err(_) if at > 1 => {
                    self.state = ReaderState::Chunk(chunk);
                    return Step::Pass(at - 1);
                }
                Err(error) => return Step::Invalid(error),
            }
        }
        self.state = ReaderState::Chunk(chunk);
        Step::Pass(at)
    }
}

impl Chunk {
    const START: Self = Self::Size { digits: 0, value: 0, line: 0, extension: false };

    /// Returns the position after a byte; `None` after the last byte of a body.
    fn next(self, byte: u8) -> Result<Option<Self>, FramingError> {
        Ok(Some(match (self, byte) {
            (Self::Size { digits, value, line, extension: false }, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F')
                if digits < 16 =>
            {
                let digit = u64::from(char::from(byte).to_digit(16).unwrap_or_default());
                // hyper counts in 64 bits as well, and no body is that large.
                let value =
                    value.checked_mul(16).and_then(|value| value.checked_add(digit)).ok_or(FramingError::Chunk)?;
                Self::Size { digits: digits + 1, value, line: line + 1, extension: false }
            }
            (Self::Size { digits: 1.., value, .. }, b'\r') => Self::SizeEnd(value),
            (Self::Size { digits: digits @ 1.., value, line, extension: false }, b';') => {
                Self::Size { digits, value, line: line + 1, extension: true }
            }
            (Self::Size { digits, value, line, extension: true }, _)
                if line < MAX_CHUNK_LINE_BYTES && is_field_byte(byte) =>
            {
                Self::Size { digits, value, line: line + 1, extension: true }
            }
            (Self::SizeEnd(0), b'\n') => Self::Trailer { line: 0, all: 0, value: false },
            (Self::SizeEnd(size), b'\n') => Self::Data(size),
            (Self::DataReturn, b'\r') => Self::DataEnd,
            (Self::DataEnd, b'\n') => Self::START,
            (Self::Trailer { line: 0, all, .. }, b'\r') => Self::TrailerEnd { empty: true, all },
            (Self::Trailer { all, value: true, .. }, b'\r') => Self::TrailerEnd { empty: false, all },
            (Self::Trailer { line: 1.., value: false, .. }, b':') => self.trailer_byte(true)?,
            (Self::Trailer { value: false, .. }, byte) if is_token_byte(byte) => self.trailer_byte(false)?,
            (Self::Trailer { value: true, .. }, byte) if is_field_byte(byte) => self.trailer_byte(true)?,
            (Self::TrailerEnd { empty: true, .. }, b'\n') => return Ok(None),
            (Self::TrailerEnd { empty: false, all }, b'\n') => Self::Trailer { line: 0, all, value: false },
            (Self::Trailer { .. } | Self::TrailerEnd { .. }, _) => return Err(FramingError::Trailer),
            _ => return Err(FramingError::Chunk),
        }))
    }

    /// Advances by one byte in a trailer.
    fn trailer_byte(self, value: bool) -> Result<Self, FramingError> {
        match self {
            Self::Trailer { line, all, .. } if all < MAX_TRAILERS_BYTES => {
                Ok(Self::Trailer { line: line + 1, all: all + 1, value })
            }
            _ => Err(FramingError::Trailer),
        }
    }
}

/// What a head says about the bytes after it.
struct Head {
    body: Body,
    upgrade: bool,
}

enum Body {
    None,
    Length(u64),
    Chunked,
}

/// Parses the header lines of a head whose lines all end correctly, including its last, empty one.
fn read_head(is_11: bool, head: &[u8]) -> Result<Head, FramingError> {
    let lines = head.split(|byte| *byte == b'\n').skip(1).map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let (mut length, mut chunked, mut upgrade, mut count) = (None, false, false, 0);
    for line in lines.filter(|line| !line.is_empty()) {
        count += 1;
        if count > MAX_HEADER_LINES {
            return Err(FramingError::TooManyLines);
        }
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Err(FramingError::Folded);
        }
        let colon = memchr::memchr(b':', line).ok_or(FramingError::HeaderName)?;
        let (name, value) = (line.get(..colon).unwrap_or_default(), line.get(colon + 1..).unwrap_or_default());
        if name.is_empty() || !name.iter().all(|byte| is_token_byte(*byte)) {
            return Err(FramingError::HeaderName);
        }
        if !value.iter().all(|byte| is_field_byte(*byte)) {
            return Err(FramingError::HeaderValue);
        }
        let value = value.trim_ascii();
        if name.eq_ignore_ascii_case(b"content-length") {
            let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
            let number = std::str::from_utf8(value)
                .ok()
                .filter(|_| digits && length.is_none())
                .and_then(|value| value.parse::<u64>().ok());
            // hyper gives the two largest values another meaning.
            length = Some(number.filter(|number| *number < u64::MAX - 1).ok_or(FramingError::Length)?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if chunked || !is_11 || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(FramingError::Coding);
            }
            chunked = true;
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            upgrade = true;
        }
    }
    let body = match (length, chunked) {
        (Some(_), true) => return Err(FramingError::Coding),
        (None, true) => Body::Chunked,
        (None | Some(0), false) => Body::None,
        (Some(length), false) => Body::Length(length),
    };
    Ok(Head { body, upgrade })
}

/// Parses the request line. Returns `true` for HTTP/1.1, `false` for 1.0.
fn request_line(line: &[u8]) -> Result<bool, FramingError> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(FramingError::RequestLine);
    };
    let is_method =
        !method.is_empty() && method.iter().all(|byte| is_token_byte(*byte)) && Method::from_bytes(method).is_ok();
    // A request target is printable ASCII.
    let is_target = target.iter().all(u8::is_ascii_graphic) && Uri::try_from(target).is_ok();
    let is_11 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ => return Err(FramingError::RequestLine),
    };
    if is_method && is_target { Ok(is_11) } else { Err(FramingError::RequestLine) }
}

/// RFC 9110 §5.6.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// RFC 9110 §5.5: visible characters, spaces, tabs, and what is not ASCII.
fn is_field_byte(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

#[cfg(test)]
mod tests;
