//! A public item: uploaded, converted, and every file that a player requests.
//!
//! Invariant: every file was served with 200, and its bytes are kept, so that another server's can be compared with
//! them.

use std::net::SocketAddr;
use std::time::Duration;

use crate::Bench;
use crate::Error;
use crate::clips::{Clip, Clips};
use crate::http::{Connection, resolve};
use crate::scenarios::{text, wait_for};

/// The sizes that count as "1 MB".
const MEGABYTE: std::ops::Range<usize> = 800_000..1_300_000;

/// A path and the body behind it.
#[derive(Debug)]
pub struct Page {
    /// Its path.
    pub path: String,
    /// The body that is served there.
    pub body: Vec<u8>,
}

/// The files of the item.
#[derive(Debug)]
pub struct Item {
    /// Its segments of 1 MB.
    pub segments: Vec<Page>,
    /// Its playlists.
    pub playlists: Vec<Page>,
}

impl Item {
    /// Uploads a public clip as the member with this `token`, waits until it is ready and reads it.
    pub async fn publish(bench: &Bench, address: SocketAddr, token: &str) -> Result<Self, Error> {
        // The clip is made first: meanwhile the server would close an idle connection.
        let clip = Clips::unique(&bench.clips.get(Clip::Megabyte).await?, 1)?;
        let mut member = Connection::of_member(address, token).await?;
        let item = member
            .send("POST", "/v1/media?name=clip.mp4&visibility=public", "video/mp4", &clip)
            .await?
            .expect(201)?
            .json()?;
        let path = format!("/v1/media/{}", text(&item["id"], "id")?);
        let (item, _) =
            wait_for(&mut member, &path, &["ready"], Duration::from_millis(500), Duration::from_secs(400)).await?;
        let mut anonymous = Connection::open(address).await?;
        let master = page(&mut anonymous, text(&item["urls"]["hls"], "urls.hls")?.to_owned()).await?;
        let (mut segments, mut playlists) = (Vec::new(), Vec::new());
        for variant in listed_urls(&master.body) {
            let playlist = page(&mut anonymous, resolve(&master.path, &variant)).await?;
            for segment in listed_urls(&playlist.body) {
                let segment = page(&mut anonymous, resolve(&playlist.path, &segment)).await?;
                if MEGABYTE.contains(&segment.body.len()) {
                    segments.push(segment);
                }
            }
            playlists.push(playlist);
        }
        playlists.push(master);
        if segments.is_empty() {
            return Err("none of the clip's segments has 1 MB".into());
        }
        Ok(Self { segments, playlists })
    }

    /// Returns an error unless the server at `address` serves the same bytes at the same paths.
    pub async fn compare(&self, address: SocketAddr) -> Result<(), Error> {
        let mut peer = Connection::open(address).await?;
        for page in self.segments.iter().chain(&self.playlists) {
            if peer.get(&page.path).await?.expect(200)?.body != page.body {
                return Err(format!("the servers do not serve the same bytes at {}", page.path).into());
            }
        }
        Ok(())
    }
}

/// Returns the mean number of bytes of the files.
pub fn mean_bytes(pages: &[Page]) -> f64 {
    pages.iter().map(|page| page.body.len()).sum::<usize>() as f64 / pages.len().max(1) as f64
}

/// Returns the URLs in a playlist: its lines that are no tags.
pub fn listed_urls(playlist: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(playlist)
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

async fn page(connection: &mut Connection, path: String) -> Result<Page, Error> {
    let body = connection.get(&path).await?.expect(200)?.body;
    Ok(Page { path, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn playlists_name_what_is_no_tag() {
        assert_eq!(listed_urls(b"#EXTM3U\n\nv720/playlist.m3u8\n#EXTINF:4,\n0.m4s\n"), ["v720/playlist.m3u8", "0.m4s"]);
    }
}
