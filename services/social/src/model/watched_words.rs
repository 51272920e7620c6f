//! The words and phrases that a member watches: a comment with one of them waits for approval.
//!
//! Invariant: each is in lower case, not empty and there once; there are at most [`MAX_WORDS`].

use super::topic::composed;

/// The most words of a member.
const MAX_WORDS: usize = 200;
/// The longest word or phrase, in characters.
const MAX_WORD_CHARS: usize = 60;

/// Words and phrases.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct WatchedWords(Vec<String>);

impl WatchedWords {
    /// Checks and normalizes words; the error is a sentence that names the rule.
    pub(crate) fn parse(words: &[String]) -> Result<Self, &'static str> {
        let mut kept: Vec<String> = Vec::new();
        if words.len() > MAX_WORDS {
            return Err("There are at most 200 watched words.");
        }
        for word in words {
            let word = folded(word);
            if word.is_empty() {
                return Err("A watched word has at least one character.");
            }
            if word.chars().count() > MAX_WORD_CHARS {
                return Err("A watched word or phrase has at most 60 characters.");
            }
            if !kept.contains(&word) {
                kept.push(word);
            }
        }
        Ok(Self(kept))
    }

    /// Returns the words that a row has: one in each line.
    pub(crate) fn from_lines(lines: &str) -> Self {
        Self(lines.lines().map(str::to_owned).collect())
    }

    /// Returns the words as a row has them.
    pub(crate) fn to_lines(&self) -> String {
        self.0.join("\n")
    }

    /// Returns the words.
    pub(crate) fn into_words(self) -> Vec<String> {
        self.0
    }

    /// Whether a text has one of the words, as a word of its own: `ass` is not in `class`. In scripts without spaces
    /// between words it can be anywhere.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        let text = folded(text);
        self.0.iter().any(|word| has_word(&text, word))
    }
}

/// Returns a text in lower case, with single spaces and without joiners between letters.
fn folded(text: &str) -> String {
    let text = composed(&text.replace('\u{200d}', "")).to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, found)| {
        let before = text.get(..at).and_then(|rest| rest.chars().next_back());
        let after = text.get(at + found.len()..).and_then(|rest| rest.chars().next());
        is_edge(before, found.chars().next()) && is_edge(after, found.chars().next_back())
    })
}

/// Whether a word ends between a character outside and its own first or last one.
fn is_edge(outside: Option<char>, inside: Option<char>) -> bool {
    let continues = |char: char| char.is_alphanumeric() && !is_unspaced(char);
    !(outside.is_some_and(continues) && inside.is_some_and(continues))
}

/// Whether a character is of a script that does not put spaces between words (Thai, Lao, Khmer, Myanmar, Japanese,
/// Chinese), or that joins particles to them (Korean).
fn is_unspaced(char: char) -> bool {
    matches!(char,
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{9fff}'
        | '\u{ac00}'..='\u{d7af}'
        | '\u{20000}'..='\u{323af}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Result<WatchedWords, &'static str> {
        WatchedWords::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_word_is_found_as_a_word_whatever_hides_it() {
        let watched = words(&["Ass", "buy  NOW", "笨", "été"]).unwrap();
        for text in [
            "an ass!",
            "ASS",
            "a\u{200b}s\u{200d}s",
            "Buy\nnow, friends",
            "你笨蛋",
            "l'Été",
            "l'E\u{301}te\u{301}",
            "ass\u{202e}",
        ] {
            assert!(watched.is_in(text), "{text:?}");
        }
        for text in ["class", "assess", "buy nowhere", "étés", "", "as s"] {
            assert!(!watched.is_in(text), "{text:?}");
        }
        assert_eq!(WatchedWords::from_lines(&watched.to_lines()), watched);
        assert!(!WatchedWords::from_lines("").is_in("anything"));
    }

    #[test]
    fn words_have_bounds() {
        assert_eq!(words(&["a", " A "]).unwrap().into_words(), ["a"]);
        assert!(words(&["\u{200b}"]).is_err() && words(&[&"a".repeat(MAX_WORD_CHARS + 1)]).is_err());
        assert!(words(&["a"; MAX_WORDS]).is_ok());
        assert!(words(&["a"; MAX_WORDS + 1]).is_err());
    }
}
