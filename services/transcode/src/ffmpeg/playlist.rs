//! Reads the playlist that ffmpeg's HLS muxer updates while it works: which segments are complete.
//!
//! Invariant: a segment is reported once, and only when the muxer has closed it (it is listed after that).

use std::path::{Path, PathBuf};

use super::file_groups::{ClosedSegment, FileGroups};

/// The files of a rendition that is being written.
#[derive(Debug)]
pub(crate) struct PlaylistReader {
    folder: PathBuf,
    name: String,
    /// Which runs of files are segments; each file is one if it is `None`.
    groups: Option<FileGroups>,
    read: usize,
}

impl PlaylistReader {
    /// Returns a watcher of the rendition `name` in `folder`. Without `groups` each file is a segment.
    pub fn new(folder: &Path, name: &str, groups: Option<FileGroups>) -> Self {
        Self { folder: folder.to_owned(), name: name.to_owned(), groups, read: 0 }
    }

    /// Returns the path of the header that all its segments share.
    pub fn init(&self) -> PathBuf {
        self.folder.join(format!("{}.init.mp4", self.name))
    }

    async fn text(&self) -> String {
        tokio::fs::read_to_string(self.folder.join(format!("{}.m3u8", self.name))).await.unwrap_or_default()
    }

    /// Returns the total duration of the listed files, in microseconds.
    pub async fn listed_us(&self) -> u64 {
        listed(&self.text().await, &self.folder).map(|segment| segment.duration_us).sum()
    }

    /// Returns the segments that were closed since the last call; and what is left of one if the muxer has ended.
    pub async fn read_new(&mut self, is_over: bool) -> Vec<ClosedSegment> {
        let text = self.text().await;
        let files: Vec<ClosedSegment> = listed(&text, &self.folder).skip(self.read).collect();
        self.read += files.len();
        let Some(groups) = &mut self.groups else { return files };
        let mut segments = Vec::new();
        for file in files {
            for path in file.files {
                segments.extend(groups.add(path, file.duration_us));
            }
        }
        if is_over {
            segments.extend(groups.finish());
        }
        segments
    }
}

/// Returns the files that a playlist lists, each as a segment of its own.
fn listed<'a>(text: &'a str, folder: &'a Path) -> impl Iterator<Item = ClosedSegment> + 'a {
    let mut duration_us = 0;
    text.lines().filter_map(move |line| {
        if let Some(seconds) = line.strip_prefix("#EXTINF:") {
            let seconds: f64 = seconds.trim_end_matches(',').parse().unwrap_or(0.0);
            duration_us = (seconds * 1e6).round() as u64;
            return None;
        }
        if line.starts_with('#') || line.is_empty() {
            return None;
        }
        // Past a source's real end the muxer lists one empty segment.
        if duration_us == 0 {
            return None;
        }
        let number = line.strip_suffix(".m4s")?.rsplit_once('-')?.1.parse().ok()?;
        Some(ClosedSegment { number, duration_us, files: vec![folder.join(line)] })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closed_segments_are_read_with_their_lengths() {
        let text = concat!(
            "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-MAP:URI=\"v360.init.mp4\"\n",
            "#EXTINF:4.004000,\nv360-7.m4s\n",
            "#EXTINF:0.5,\nv360-8.m4s\n",
            "#EXTINF:0.000000,\nv360-9.m4s\n"
        );
        let all: Vec<ClosedSegment> = listed(text, Path::new("/w")).collect();
        assert_eq!(all.iter().map(|s| (s.number, s.duration_us)).collect::<Vec<_>>(), [(7, 4_004_000), (8, 500_000)]);
    }
}
