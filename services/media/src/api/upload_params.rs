//! What a client says about a file that it sends: parameters of the query, and a digest.
//!
//! Invariant: what is said is normalized here, and believed nowhere: the type of a file comes from its bytes.

use codec::digest::repr_digest;
use http::HeaderMap;
use serde::Deserialize;
use utoipa::IntoParams;

use super::form::FormFields;
use crate::error::Error;
use crate::model::ItemDetails;

/// Parameters of a file that is sent as the body.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct UploadParams {
    /// What the item is called.
    #[param(example = "cat.jpeg")]
    name: Option<String>,
    /// Up to 20 tags, separated by commas.
    #[param(example = "wedding,sea")]
    tags: Option<String>,
    /// `private` (the default), `unlisted` or `public`.
    #[param(example = "private")]
    visibility: Option<String>,
    /// `later`: the item is staged until it is claimed, and removed if that does not happen within a day.
    #[param(example = "later")]
    claim: Option<String>,
    /// What you tell about the item: at most 2,000 characters, in lines if you like.
    #[param(example = "The first morning at the sea.")]
    description: Option<String>,
    /// What stands for the picture where it is not seen, as in `<img alt>`: at most 1,000 characters.
    #[param(example = "A black cat looks out of a porthole.")]
    alt: Option<String>,
}

impl UploadParams {
    /// Returns the parameters as item details, normalized.
    pub(super) fn details(&self) -> Result<ItemDetails, Error> {
        let tags: Vec<&str> = self.tags.as_deref().into_iter().collect();
        ItemDetails::parse(self.name.as_deref(), &tags, self.visibility.as_deref(), self.claim.as_deref())
            .and_then(|details| details.with_texts(self.description.as_deref(), self.alt.as_deref()))
            .map_err(Error::Invalid)
    }

    /// Returns the item details of these parameters and the fields of a form, which take precedence.
    pub(super) fn with_form(&self, form: &FormFields) -> Result<ItemDetails, Error> {
        let mut tags: Vec<&str> = self.tags.as_deref().into_iter().collect();
        tags.extend(form.tags.iter().map(String::as_str));
        let or = |form_value: &Option<String>, own: &Option<String>| form_value.clone().or_else(|| own.clone());
        let name = or(&form.name, &self.name)
            .filter(|name| !name.trim().is_empty())
            .or_else(|| form.file_name.as_deref().map(codec::filename::title_of_file));
        ItemDetails::parse(
            name.as_deref(),
            &tags,
            or(&form.visibility, &self.visibility).as_deref(),
            or(&form.claim, &self.claim).as_deref(),
        )
        .and_then(|details| {
            let description = or(&form.description, &self.description);
            details.with_texts(description.as_deref(), or(&form.alt, &self.alt).as_deref())
        })
        .map_err(Error::Invalid)
    }
}

/// Returns the SHA-256 that the client announced, if any.
pub(super) fn digest(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Error> {
    for name in ["repr-digest", "content-digest"] {
        if let Some(value) = headers.get(name) {
            let found = value.to_str().ok().and_then(|text| repr_digest(text).ok()).ok_or(Error::BadDigest)?;
            if found.is_some() {
                return Ok(found);
            }
        }
    }
    Ok(None)
}
