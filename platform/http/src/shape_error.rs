//! What is wrong about the shape of a body or a query, in words for people.
//!
//! serde reports errors in the words of its types ("expected struct SignIn with 3 elements"). Invariant: no such word
//! reaches a person; a message that a type of ours makes itself is passed on.

use std::fmt::{self, Display, Write as _};

use serde::de::{Expected, Unexpected};

/// Why a value could not be read. It does not know where the value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ShapeError {
    /// Another kind of value, or another range: what it must be.
    MustBe(String),
    /// A field is missing.
    Missing(&'static str),
    /// There is no such field; those that there are.
    Unknown(String, &'static [&'static str]),
    /// A field is there twice.
    Twice(String),
    /// A sentence of ours.
    Other(String),
}

impl ShapeError {
    /// Returns the sentence. `path` is where the value is, such as `cover.width`, and empty for the whole body.
    pub(crate) fn sentence(&self, path: &str) -> String {
        let place = if path.is_empty() { "The body".to_owned() } else { format!("`{path}`") };
        let within = if path.is_empty() { String::new() } else { format!(" of `{path}`") };
        match self {
            Self::MustBe(what) => format!("{place} must be {what}."),
            Self::Missing(field) => format!("The field `{field}`{within} is missing."),
            Self::Unknown(field, fields) => {
                format!("There is no field `{field}`{within}. {}", list(fields, "There is none.", "The fields are"))
            }
            Self::Twice(field) => format!("The field `{field}` is there twice."),
            Self::Other(message) if path.is_empty() => message.clone(),
            Self::Other(message) => format!("{place}: {message}"),
        }
    }
}

impl Display for ShapeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(""))
    }
}

impl std::error::Error for ShapeError {}

impl serde::de::Error for ShapeError {
    fn custom<T: Display>(message: T) -> Self {
        from_parser(&message.to_string())
    }
    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::MustBe(in_words(&expected.to_string()))
    }
    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::MustBe(in_words(&expected.to_string()))
    }
    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::MustBe(in_words(&expected.to_string()))
    }
    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        Self::MustBe(list(variants, "nothing", "one of").trim_end_matches('.').to_owned())
    }
    fn unknown_field(field: &str, fields: &'static [&'static str]) -> Self {
        Self::Unknown(shown(field), fields)
    }
    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
    fn duplicate_field(field: &'static str) -> Self {
        Self::Twice(field.to_owned())
    }
}

/// Returns as much of a stranger's name as a sentence can have.
fn shown(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(64).collect()
}

fn list(names: &[&str], none: &str, start: &str) -> String {
    let mut names = names.iter();
    let Some(first) = names.next() else { return none.to_owned() };
    let mut text = format!("{start} `{first}`");
    for name in names {
        // Writing to a String cannot fail.
        let _ = write!(text, ", `{name}`");
    }
    text.push('.');
    text
}

/// What serde expected, in words.
fn in_words(expected: &str) -> String {
    let range = |low: &str, high: &str| format!("a whole number from {low} to {high}");
    match expected {
        "u8" => range("0", "255"),
        "u16" => range("0", "65535"),
        "u32" => range("0", "4294967295"),
        "u64" | "usize" => "a whole number that is not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "`true` or `false`".to_owned(),
        "a string" | "a borrowed string" | "a character" | "string" => "a text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "an object".to_owned(),
        "unit" => "`null`".to_owned(),
        other if other.starts_with("struct ") => "an object".to_owned(),
        other if other.starts_with("enum ") || other.starts_with("variant ") => {
            "one of the described values".to_owned()
        }
        other if other.starts_with("tuple ") || other.starts_with("an array") => "a list".to_owned(),
        other => other.to_owned(),
    }
}

/// What a parser of the standard library, or serde in the words of another format, said.
pub(crate) fn from_parser(message: &str) -> ShapeError {
    let must_be = |what: &str| ShapeError::MustBe(what.to_owned());
    match message {
        "invalid digit found in string"
        | "cannot parse integer from empty string"
        | "number too large to fit in target type"
        | "number too small to fit in target type" => must_be("a whole number in its range"),
        "invalid float literal" | "cannot parse float from empty string" => must_be("a number"),
        "provided string was not `true` or `false`" => must_be("`true` or `false`"),
        other if other.starts_with("UUID parsing failed") => must_be("a UUID"),
        other => {
            let variants = other.strip_prefix("unknown variant ").and_then(|rest| rest.rsplit_once(", expected "));
            if let Some((_, names)) = variants {
                return ShapeError::MustBe(names.to_owned());
            }
            match other.strip_prefix("duplicate field ") {
                Some(field) => ShapeError::Twice(shown(field.trim_matches('`'))),
                None => ShapeError::Other(other.to_owned()),
            }
        }
    }
}
