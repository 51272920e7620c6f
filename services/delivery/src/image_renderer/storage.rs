//! Rendered images in the object store and in the table.
//!
//! Invariant: the key of an object is held before its first byte is written and until its row exists, so a process that
//! dies leaves nothing that the sweep would not find.

use base::Transient as _;
use bytes::Bytes;
use contract::{MediaId, ObjectKey};
use db::Lane;

use super::{ImageKey, ImageRenderer, Inner, Product, READ_AT_PRECISION, RenderedImage};
use crate::error::Error;
use crate::model::Variant;
use crate::store;

impl ImageRenderer {
    /// Returns the image if it is stored, without rendering it.
    pub async fn find_variant(&self, id: &MediaId, variant: Variant) -> Result<Option<RenderedImage>, Error> {
        self.find(&(id.clone(), Product::Variant(variant))).await
    }

    pub(super) async fn find(&self, key: &ImageKey) -> Result<Option<RenderedImage>, Error> {
        if let Some(rendered) = self.0.rendered.get(key) {
            return Ok(Some(rendered));
        }
        if self.0.absent.contains_key(key) {
            return Ok(None);
        }
        let found = self.find_stored(key).await?;
        if found.is_none() {
            self.0.absent.insert(key.clone(), ());
        }
        Ok(found)
    }

    pub(super) async fn find_stored(&self, key: &ImageKey) -> Result<Option<RenderedImage>, Error> {
        let (id, name) = (&key.0, key.1.key());
        let Some(image) = store::find_image(self.0.context.db.read(), id, &name).await? else { return Ok(None) };
        let now = self.0.context.clock.now();
        if now - image.read_at > READ_AT_PRECISION {
            let id = id.clone();
            let touched = self
                .0
                .context
                .db
                .write(Lane::of(&key.0), async move |tx| store::set_image_read_at(tx, &id, &name, now).await)
                .await;
            match touched {
                // The time of the last read matters to the sweep alone.
                Err(error) if error.is_transient() => tracing::warn!(%error, "the time of a read could not be stored"),
                touched => {
                    touched?;
                }
            }
        }
        let rendered = RenderedImage { object: image.object, bytes: image.bytes };
        self.0.rendered.insert(key.clone(), rendered.clone());
        Ok(Some(rendered))
    }

    pub(super) async fn store_image(&self, key: &ImageKey, image_data: Bytes) -> Result<RenderedImage, Error> {
        let Inner { context, object_cache, orphans, .. } = &*self.0;
        let (now, bytes) = (context.clock.now(), image_data.len() as u64);
        let lease = orphans.register(1).await?.pop().ok_or(Error::TaskFailed)?;
        let object = lease.key().clone();
        let mut writer = context.objects.create_as(object.clone()).await?;
        writer.write(image_data.clone()).await?;
        writer.finish().await?;
        let (item, name) = (key.0.clone(), key.1.key());
        let image = store::Image { object: object.clone(), bytes, read_at: now };
        let inserted = context
            .db
            .write(Lane::of(&key.0), async move |tx| store::insert_image(tx, &item, &name, &image).await)
            .await?;
        if inserted {
            if key.1 != Product::Intermediate {
                object_cache.put(object.clone(), image_data).await;
            }
            return Ok(RenderedImage { object, bytes });
        }
        // The item was deleted during the render, or another process was faster.
        self.remove(vec![object]).await?;
        self.find_stored(key).await?.ok_or(Error::NotFound)
    }

    /// Removes a stored image whose object is missing.
    pub(super) async fn remove_lost(&self, key: &ImageKey, lost: &RenderedImage) -> Result<(), Error> {
        let (item, name, object) = (key.0.clone(), key.1.key(), lost.object.clone());
        self.0
            .context
            .db
            .write(Lane::of(&key.0), async move |tx| store::remove_image(tx, &item, &name, &object).await)
            .await?;
        self.0.rendered.invalidate(key);
        Ok(())
    }

    /// Removes every orphan now.
    #[cfg(test)]
    pub async fn sweep(&self) {
        assert!(self.0.orphans.sweep().await.unwrap());
    }

    /// Removes objects that no row names.
    pub async fn remove(&self, objects: Vec<ObjectKey>) -> Result<(), Error> {
        for object in &objects {
            self.0.object_cache.invalidate(object).await;
        }
        // The sweep removes those that could not be removed now.
        self.0.orphans.remove(&objects).await?;
        Ok(())
    }
}
