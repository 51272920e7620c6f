//! What an owner may change about an item.
//!
//! Invariant: a field that is left out stays as it is.

use contract::media::Visibility;

use super::{Item, tags, texts};

/// A change, normalized. `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct ItemChange {
    name: Option<String>,
    tags: Option<Vec<String>>,
    visibility: Option<Visibility>,
    description: Option<String>,
    alt: Option<String>,
    /// Whether its owner says that its picture is sensitive.
    pub sensitive: Option<bool>,
}

/// The fields that an owner may change, with the values that they have after a change.
#[derive(Debug, Clone)]
pub(crate) struct ItemUpdate {
    pub name: String,
    pub tags: Vec<String>,
    pub visibility: Visibility,
    pub description: String,
    pub alt: String,
}

impl ItemChange {
    /// Returns the change, or a sentence that says why it is refused.
    pub(crate) fn parse(
        name: Option<&str>,
        tags: Option<&[String]>,
        visibility: Option<Visibility>,
    ) -> Result<Self, String> {
        let tags =
            tags.map(|tags| tags::normalize(&tags.iter().map(String::as_str).collect::<Vec<_>>())).transpose()?;
        let name = name.map(|name| codec::filename::title(name).ok_or("`name` must not be empty."));
        Ok(Self { name: name.transpose()?, tags, visibility, ..Self::default() })
    }

    /// Adds changes of the texts beside the name. An empty one removes it.
    pub(crate) fn with_texts(self, description: Option<&str>, alt: Option<&str>) -> Result<Self, String> {
        let description = description.map(texts::parse_description).transpose()?;
        let alt = alt.map(texts::parse_alt).transpose()?;
        Ok(Self { description, alt, ..self })
    }

    /// Adds what the owner says of its picture.
    pub(crate) fn with_mark(self, sensitive: Option<bool>) -> Self {
        Self { sensitive, ..self }
    }

    /// Whether the owner says that only they may read the item.
    pub(crate) fn makes_private(&self) -> bool {
        self.visibility == Some(Visibility::Private)
    }

    /// Returns the fields of `item` after the change.
    pub(crate) fn apply(self, item: &Item) -> ItemUpdate {
        ItemUpdate {
            name: self.name.unwrap_or_else(|| item.name.clone()),
            tags: self.tags.unwrap_or_else(|| item.tags.clone()),
            visibility: self.visibility.unwrap_or(item.visibility),
            description: self.description.unwrap_or_else(|| item.description.clone()),
            alt: self.alt.unwrap_or_else(|| item.alt.clone()),
        }
    }
}
