//! Vorbis comments, the tags of Ogg and FLAC.
//!
//! Owns the list of field names that stay. Invariant: the block's length stays, and it is a valid block to its last
//! byte: removed comments are replaced by zeros in the vendor string, which comes first.

use super::Error;
use crate::bytes::le32;

/// The fields that identify a song for a listener.
const KEPT: [&str; 8] = ["title", "artist", "album", "albumartist", "date", "genre", "tracknumber", "discnumber"];
/// The longest comment that is kept; titles are shorter.
const MAX_COMMENT_BYTES: usize = 1024;
/// The most comments that are kept.
const MAX_KEPT: usize = 64;

/// Returns the block with only the kept comments, at the same length. `block` starts at the vendor's length; the bytes
/// behind the last comment (a framing bit, padding) are blanked except the first.
pub(super) fn scrubbed(block: &[u8]) -> Result<Vec<u8>, Error> {
    let mut kept = Vec::new();
    let mut count = 0_u32;
    let used = read(block, |comment| {
        if count < MAX_KEPT as u32 && is_kept(comment) {
            count += 1;
            kept.extend((comment.len() as u32).to_le_bytes());
            kept.extend(comment);
        }
    });
    let used = used.ok_or(Error::NotUnderstood("its comments cannot be read"))?;
    // The lengths of vendor and list take four bytes each; everything kept was there before, so the rest is not
    // negative.
    let vendor = used - 8 - kept.len();
    let mut output = (vendor as u32).to_le_bytes().to_vec();
    output.resize(4 + vendor, 0);
    output.extend(count.to_le_bytes());
    output.extend(kept);
    output.extend(block.get(used));
    output.resize(block.len(), 0);
    Ok(output)
}

/// Reads the comments, in order; returns the offset behind the last.
fn read(block: &[u8], mut comment: impl FnMut(&[u8])) -> Option<usize> {
    let mut at = 4_usize.checked_add(le32(block, 0)? as usize)?;
    let count = le32(block, at)?;
    at += 4;
    for _ in 0..count {
        let start = at.checked_add(4)?;
        let end = start.checked_add(le32(block, at)? as usize)?;
        comment(block.get(start..end)?);
        at = end;
    }
    Some(at)
}

fn is_kept(comment: &[u8]) -> bool {
    let Some((name, _)) = std::str::from_utf8(comment).ok().and_then(|text| text.split_once('=')) else { return false };
    comment.len() <= MAX_COMMENT_BYTES && KEPT.iter().any(|kept| name.eq_ignore_ascii_case(kept))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn block(comments: &[&str], behind: &[u8]) -> Vec<u8> {
        let mut block = [&6_u32.to_le_bytes()[..], b"vendor", &(comments.len() as u32).to_le_bytes()].concat();
        for comment in comments {
            block.extend((comment.len() as u32).to_le_bytes());
            block.extend(comment.bytes());
        }
        [&block, behind].concat()
    }

    fn list(block: &[u8]) -> Vec<String> {
        let mut list = Vec::new();
        read(block, |comment| list.push(String::from_utf8(comment.to_vec()).unwrap())).unwrap();
        list
    }

    #[test]
    fn songs_keep_their_names_only() {
        let old = block(&["TITLE=Song", "LOCATION=52.5,13.4", "Artist=Ada", "METADATA_BLOCK_PICTURE=AAAA"], &[1]);
        let new = scrubbed(&old).unwrap();
        assert_eq!(new.len(), old.len());
        assert_eq!(list(&new), ["TITLE=Song", "Artist=Ada"]);
        assert_eq!(new.last(), Some(&1), "the framing bit");
        assert_eq!(scrubbed(&new).unwrap(), new);
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        assert!(scrubbed(b"").is_err());
        assert!(scrubbed(&[255; 20]).is_err());
        assert!(scrubbed(&block(&["TITLE=Song"], &[])[..20]).is_err());
    }

    proptest! {
        #[test]
        fn lengths_stay(
            comments in proptest::collection::vec("(title|artist|x|GPS)=[a-z]{0,20}", 0..6),
            behind in proptest::collection::vec(any::<u8>(), 0..5),
        ) {
            let comments: Vec<_> = comments.iter().map(String::as_str).collect();
            let old = block(&comments, &behind);
            let new = scrubbed(&old).unwrap();
            prop_assert_eq!(new.len(), old.len());
            prop_assert!(list(&new).iter().all(|comment| is_kept(comment.as_bytes())));
        }

        #[test]
        fn any_block(data in proptest::collection::vec(0_u8..20, 0..100)) {
            if let Ok(new) = scrubbed(&data) { prop_assert_eq!(new.len(), data.len()); }
        }
    }
}
