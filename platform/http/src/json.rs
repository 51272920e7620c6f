//! A JSON body, parsed strictly: ambiguous JSON, and any other shape than the described one, is refused.
//!
//! serde's derived readers accept an array where an object is described, and JSON's own grammar does not say what a
//! repeated key means. Invariant: a structure is read from an object only, at every depth, and no object has a key
//! twice.

use std::collections::BTreeMap;
use std::fmt;

use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{
    DeserializeOwned, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::Number;
use serde_json::error::Category;

use crate::problem::{Problem, every_role};
use crate::shape_error::{ShapeError, from_parser};

/// A JSON request body (at most 64 KB) or response.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

/// The most bytes of a JSON body.
pub const MAX_JSON_BYTES: usize = 64 * 1024;

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::of(
                every_role::UNSUPPORTED_CONTENT_TYPE,
                "Send JSON with `Content-Type: application/json`.",
            ));
        }
        if request.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
            let detail = "Send the JSON as it is, without `Content-Encoding`.";
            return Err(Problem::of(every_role::CONTENT_ENCODING, detail));
        }
        let body = Limited::new(request.into_body(), MAX_JSON_BYTES).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() {
                return Problem::of(every_role::TOO_LARGE, "The JSON body is larger than 64 KB.");
            }
            Problem::of(every_role::BROKEN_OFF, "The body of the request broke off, or was malformed.")
        })?;
        read(&body.to_bytes()).map(Self)
    }
}

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Whether a request says that its body is JSON, as [`Json`] asks for.
pub fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let tree: Tree = serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        // The only error of a tree's own is a field that is there twice.
        Category::Data => Problem::of(every_role::INVALID, twice(&error)),
        Category::Eof => Problem::of(every_role::NOT_JSON, "The JSON ends too early."),
        _ if error.to_string().starts_with("recursion limit") => {
            Problem::of(every_role::NOT_JSON, "The JSON is nested too deeply.")
        }
        _ => {
            let (line, column) = (error.line(), error.column());
            Problem::of(every_role::NOT_JSON, format!("The body is not JSON: see line {line}, column {column}."))
        }
    })?;
    serde_path_to_error::deserialize(tree)
        .map_err(|error| Problem::of(every_role::INVALID, error.inner().sentence(&place(error.path(), error.inner()))))
}

/// Returns where a value is; empty for the whole body. The path of a field that there is not leads to that field.
fn place(path: &serde_path_to_error::Path, error: &ShapeError) -> String {
    let whole = path.to_string();
    match path.iter().next_back().map(ToString::to_string) {
        None => String::new(),
        Some(field) if matches!(error, ShapeError::Unknown(..)) => {
            whole.strip_suffix(field.as_str()).unwrap_or(&whole).trim_end_matches('.').to_owned()
        }
        Some(_) => whole,
    }
}

/// Returns the sentence of the tree's own error, without the place that the parser adds.
fn twice(error: &serde_json::Error) -> String {
    let message = error.to_string();
    from_parser(message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message)).sentence("")
}

/// A parsed JSON value.
enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Array(Vec<Self>),
    Object(BTreeMap<String, Self>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Tree, E> {
        Number::from_f64(value).map(Tree::Number).ok_or_else(|| E::custom("a number is too large"))
    }
    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }
    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Text(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Tree, A::Error> {
        let mut array = Vec::new();
        while let Some(value) = values.next_element()? {
            array.push(value);
        }
        Ok(Tree::Array(array))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut values: A) -> Result<Tree, A::Error> {
        let mut object = BTreeMap::new();
        while let Some((key, value)) = values.next_entry::<String, Tree>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
            }
            object.insert(key, value);
        }
        Ok(Tree::Object(object))
    }
}

/// The error of reading a value from the tree.
type ReadError = ShapeError;

impl IntoDeserializer<'_, ReadError> for Tree {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Tree {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Self::Null => visitor.visit_unit(),
            Self::Bool(value) => visitor.visit_bool(value),
            Self::Number(value) => match (value.as_u64(), value.as_i64(), value.as_f64()) {
                (Some(value), ..) => visitor.visit_u64(value),
                (_, Some(value), _) => visitor.visit_i64(value),
                (.., value) => visitor.visit_f64(value.unwrap_or(f64::NAN)),
            },
            Self::Text(value) => visitor.visit_string(value),
            Self::Array(values) => {
                let mut values = SeqDeserializer::new(values.into_iter());
                let read = visitor.visit_seq(&mut values)?;
                values.end()?;
                Ok(read)
            }
            Self::Object(values) => {
                let mut values = MapDeserializer::new(values.into_iter());
                let read = visitor.visit_map(&mut values)?;
                values.end()?;
                Ok(read)
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self {
            Self::Null => visitor.visit_none(),
            other => visitor.visit_some(other),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self {
            object @ Self::Object(_) => object.deserialize_any(visitor),
            other => Err(ReadError::invalid_type(other.unexpected(), &visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self {
            Self::Text(text) => StringDeserializer::new(text).deserialize_enum(name, variants, visitor),
            Self::Object(values) => {
                visitor.visit_enum(MapAccessDeserializer::new(MapDeserializer::new(values.into_iter())))
            }
            other => Err(ReadError::invalid_type(other.unexpected(), &"a name")),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier ignored_any
    }
}

impl Tree {
    fn unexpected(&self) -> Unexpected<'_> {
        match self {
            Self::Null => Unexpected::Other("null"),
            Self::Bool(value) => Unexpected::Bool(*value),
            Self::Number(value) => value.as_u64().map_or(Unexpected::Other("a number"), Unexpected::Unsigned),
            Self::Text(text) => Unexpected::Str(text),
            Self::Array(_) => Unexpected::Seq,
            Self::Object(_) => Unexpected::Map,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Song {
        title: String,
        #[serde(default)]
        seconds: Option<f64>,
        #[serde(default)]
        tags: Vec<String>,
        #[serde(default)]
        cover: Option<Cover>,
        #[serde(default)]
        kind: Kind,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Cover {
        width: u16,
        more: Option<serde_json::Value>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        #[default]
        Song,
        Cover(Cover),
    }

    fn song(text: &str) -> Result<Song, (u16, String)> {
        read(text.as_bytes())
            .map_err(|problem| (problem.status.as_u16(), format!("{}: {}", problem.code, problem.detail)))
    }

    #[test]
    fn valid_bodies_are_read() {
        let cover = |more: Option<serde_json::Value>| Cover { width: 7, more };
        let plain = Song {
            title: "Ä\u{1F3B5}".into(),
            seconds: Some(2.0),
            tags: vec!["a".into()],
            cover: Some(cover(Some(serde_json::json!([1, { "b": null }])))),
            kind: Kind::Song,
        };
        assert_eq!(
            song(concat!(
                r#"{"title":"Ä\ud83c\udfb5","seconds":2,"tags":["a"],"#,
                r#""cover":{"width":7,"more":[1,{"b":null}]},"kind":"song"}"#,
            )),
            Ok(plain)
        );
        let kind = song(r#" {"title":"","cover":null,"seconds":null,"kind":{"cover":{"width":7}}} "#).unwrap();
        assert_eq!((kind.cover, kind.kind), (None, Kind::Cover(cover(None))));
        assert_eq!(read::<Vec<u8>>(b"[1, 2]").unwrap(), [1, 2]);
    }

    #[test]
    fn ambiguous_bodies_and_other_shapes_are_refused_with_the_place() {
        let deep = format!("{{\"title\":{}", "[".repeat(200));
        for (text, status, expected) in [
            (r#"["a",1,[],null]"#, 422, "request.invalid: The body must be an object."),
            (r#"{"title":"a","cover":[7,null]}"#, 422, "request.invalid: `cover` must be an object."),
            (r#"{"title":"a","kind":{"cover":[7,null]}}"#, 422, "`kind.cover` must be an object."),
            (r#"{"title":"a","title":"b"}"#, 422, "The field `title` is there twice."),
            (r#"{"title":"a","cover":{"width":1,"width":1}}"#, 422, "The field `width` is there twice."),
            (r#"{"title":"a","cover":{"width":1,"more":{"x":1,"\u0078":2}}}"#, 422, "The field `x` is there twice."),
            (r#"{"title":"a","cover":{"width":65536}}"#, 422, "`cover.width` must be a whole number from 0 to 65535."),
            (
                r#"{"title":"a","other":1}"#,
                422,
                "There is no field `other`. The fields are `title`, `seconds`, `tags`, `cover`, `kind`.",
            ),
            (r#"{"title":"a","kind":{"cover":{"width":1,"x":2}}}"#, 422, "There is no field `x` of `kind.cover`."),
            (r#"{"seconds":1}"#, 422, "The field `title` is missing."),
            ("null", 422, "The body must be an object."),
            ("7", 422, "The body must be an object."),
            (r#"{"title":"a"} {}"#, 400, "request.not_json"),
            (r#"{"title":"a"}x"#, 400, "request.not_json"),
            (r#"{"title":"a","seconds":NaN}"#, 400, "request.not_json"),
            (r#"{"title":"a","seconds":1e999}"#, 400, "request.not_json"),
            (r#"{"title":"\ud800"}"#, 400, "request.not_json"),
            (r#"{"title":"a",}"#, 400, "request.not_json"),
            ("{'title':'a'}", 400, "request.not_json"),
            ("", 400, "request.not_json"),
            (&deep, 400, "nested too deeply"),
        ] {
            let (got, message) = song(text).unwrap_err();
            assert!(got == status && message.contains(expected), "{text}: {got} {message}");
        }
        assert_eq!(read::<Song>(b"{\"title\":\"\xff\"}").unwrap_err().status, 400);
        assert_eq!(read::<Song>(b"\xef\xbb\xbf{\"title\":\"\"}").unwrap_err().status, 400);
    }
}
