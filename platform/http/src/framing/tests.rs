//! Tests of the grammar: what is told apart, what is refused, and that the size of the chunks never matters.

use proptest::collection::vec;
use proptest::prelude::{any, proptest};
use proptest::sample::select;

use super::*;

/// Parses a stream of bytes in chunks of this size. Returns the heads' lengths, the bytes that passed, and the
/// error.
fn read(bytes: &[u8], size: usize) -> (Vec<usize>, usize, Option<FramingError>) {
    let (mut framing, mut held, mut heads, mut passed) = (Framing::new(1000), Vec::new(), Vec::new(), 0);
    for chunk_bytes in bytes.chunks(size) {
        held.extend_from_slice(chunk_bytes);
        while !held.is_empty() {
            let taken = match framing.step(&held) {
                Step::Pass(taken) => {
                    passed += taken;
                    taken
                }
                Step::Head { bytes, .. } => {
                    heads.push(bytes);
                    bytes
                }
                Step::NeedMore => break,
                Step::Invalid(error) => return (heads, passed, Some(error)),
            };
            held.drain(..taken);
        }
    }
    (heads, passed, None)
}

#[test]
fn heads_and_bodies_are_told_apart_however_they_arrive() {
    let get = "GET /a?b=c HTTP/1.1\r\nHost: x\r\nAccept:\t\u{e4} \r\n\r\n";
    let post = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n";
    let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n";
    let body = "5;name=\"a b\"\r\nhello\r\n0b\r\nGET / HTTP/\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n";
    let all = format!("\r\n{get}{post}\n\r\n\n\r\n{chunked}{body}\r\n{get}");
    for chunk_bytes in [1, 2, 3, 7, 64, all.len()] {
        let (heads, passed, wrong) = read(all.as_bytes(), chunk_bytes);
        assert_eq!(
            (heads, passed, wrong),
            (vec![get.len(), post.len(), chunked.len(), get.len()], 2 + 6 + body.len() + 2, None),
            "{chunk_bytes}"
        );
    }
}

#[test]
fn ambiguous_framing_is_an_error_however_it_arrives() {
    use FramingError::{
        Chunk, Coding, Folded, HeaderName, HeaderValue, Length, LineEnd, RequestLine, TooLarge, Trailer,
    };
    let line = |line: &str| format!("{line}\r\nHost: x\r\n\r\n");
    let with = |headers: &str| format!("POST / HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n");
    let body = |body: &str| format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
    let rows = [
        ("GET / HTTP/1.1\nHost: x\n\n".to_owned(), LineEnd),
        ("GET / HTTP/1.1\r\nHost: x\n\r\n".to_owned(), LineEnd),
        ("GET / HTTP/1.1\r\nHost: x\r\n\n".to_owned(), LineEnd),
        ("\nGET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), LineEnd),
        ("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), LineEnd),
        (with("A: b\rC: d"), LineEnd),
        (line("GET  / HTTP/1.1"), RequestLine),
        (line("GET / HTTP/1.1 "), RequestLine),
        (line("GET\t/ HTTP/1.1"), RequestLine),
        (line("GET / HTTP/2.0"), RequestLine),
        (line("GET / http/1.1"), RequestLine),
        (line("GET /"), RequestLine),
        (line("G(T / HTTP/1.1"), RequestLine),
        (line("GET /\u{e4} HTTP/1.1"), RequestLine),
        (line("GET a b HTTP/1.1"), RequestLine),
        ("\u{16}\u{3}\u{1}".to_owned(), RequestLine),
        (with("A : b"), HeaderName),
        (with(": b"), HeaderName),
        (with("no colon"), HeaderName),
        (with("A\u{e4}: b"), HeaderName),
        (with("A: b\r\n c"), Folded),
        (with("A: b\0"), HeaderValue),
        (with("A: b\u{7f}"), HeaderValue),
        (with("Content-Length: 1\r\nContent-Length: 1"), Length),
        (with("Content-Length: 1\r\ncontent-length: 2"), Length),
        (with("Content-Length: 1, 1"), Length),
        (with("Content-Length: +1"), Length),
        (with("Content-Length:"), Length),
        (with("Content-Length: 18446744073709551615"), Length),
        (with("Content-Length: 18446744073709551616"), Length),
        (with("Transfer-Encoding: gzip, chunked"), Coding),
        (with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), Coding),
        (with("Transfer-Encoding: chunked\r\nContent-Length: 0"), Coding),
        (with("Transfer-Encoding:"), Coding),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), Coding),
        (with(&format!("A: {}", "b".repeat(1000))), TooLarge),
        (body("\r\n"), Chunk),
        (body("g\r\n"), Chunk),
        (body("-1\r\n"), Chunk),
        (body("0x1\r\n"), Chunk),
        (body("1 \r\n"), Chunk),
        (body(" 1\r\n"), Chunk),
        (body("1\n"), Chunk),
        (body("1\ra"), Chunk),
        (body("1;a\n"), Chunk),
        (body("1;\0\r\n"), Chunk),
        (body(&format!("1;{}\r\n", "a".repeat(2000))), Chunk),
        (body("11111111111111111\r\n"), Chunk),
        (body("1\r\nab"), Chunk),
        (body("1\r\na\n"), Chunk),
        (body("1\r\na\r\r"), Chunk),
        (body("0\r\nA\r\n\r\n"), Trailer),
        (body("0\r\nA : b\r\n\r\n"), Trailer),
        (body("0\r\nA: b\r\n c\r\n\r\n"), Trailer),
        (body("0\r\nA: b\n\r\n"), Trailer),
        (body("0\r\n\n"), Trailer),
        (body(&format!("0\r\nA: {}\r\n\r\n", "b".repeat(9000))), Trailer),
    ];
    for (text, error) in rows {
        for chunk_bytes in [1, 5, text.len()] {
            assert_eq!(read(text.as_bytes(), chunk_bytes).2, Some(error), "{text:?} in chunks of {chunk_bytes}");
        }
    }
    assert_eq!(
        read(with(&"A: b\r\n".repeat(101)).replace("\r\n\r\n\r\n", "\r\n\r\n").as_bytes(), 10).2,
        Some(FramingError::TooManyLines)
    );
}

proptest! {
    #[test]
    fn the_size_of_the_chunks_never_matters(
        bytes in vec(select(b"\r\n :;0a1GET/HTP.-\0".to_vec()), 0..200),
        chunk_bytes in 1usize..20,
        chunked in any::<bool>(),
    ) {
        let head: &[u8] = if chunked { b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" } else { b"" };
        let all = [head, &bytes].concat();
        assert_eq!(read(&all, all.len().max(1)), read(&all, chunk_bytes));
    }
}
