//! What verdicts read of a message: any text has a bounded number of links, and disguises change no comparison.
#![no_main]

use screening::facts::Content;
use screening::links::MAX_LINKS;
use screening::text::Normalised;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let content = Content::of(text);
    assert!(content.text.links as usize <= MAX_LINKS && content.domains.len() <= MAX_LINKS);
    assert!(Normalised::of(text).key().chars().all(char::is_alphanumeric));
});
