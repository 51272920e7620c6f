//! ISO base media: boxes, videos of one track, and fragments.
//!
//! Owns the layout of `moov` and its tables. Invariant: the declared sizes of boxes are true, whatever their tables
//! declare.

/// A box of ISO base media.
pub fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    [&(8 + content.len() as u32).to_be_bytes(), &kind[..], content].concat()
}

/// 32-bit numbers, the format of most fields there.
pub fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A box that begins with version and flags.
pub fn full(kind: &[u8; 4], fields: &[u32]) -> Vec<u8> {
    boxed(kind, &[words(&[0]), words(fields)].concat())
}

/// The variable values of a video of one track.
pub struct Movie {
    pub handler: [u8; 4],
    /// Samples by `stsz`, each of one byte.
    pub samples: u32,
    pub edits: u32,
    pub tracks: u32,
    /// The coded picture's size in the sample entry.
    pub size: (u16, u16),
    pub rate: u16,
    pub channels: u16,
    /// Boxes behind the track in `moov`, and behind `moov`.
    pub in_moov: Vec<u8>,
    pub behind: Vec<u8>,
    /// Samples per chunk, and the number of chunks.
    pub runs: (u32, u32),
}

impl Default for Movie {
    fn default() -> Self {
        Self {
            handler: *b"vide",
            samples: 250,
            edits: 1,
            tracks: 1,
            size: (64, 48),
            rate: 48_000,
            channels: 2,
            in_moov: Vec::new(),
            behind: Vec::new(),
            runs: (250, 1),
        }
    }
}

impl Movie {
    fn entry(&self) -> Vec<u8> {
        if &self.handler == b"soun" {
            let mut fields = vec![0; 28];
            fields[16..18].copy_from_slice(&self.channels.to_be_bytes());
            fields[24..26].copy_from_slice(&self.rate.to_be_bytes());
            return boxed(b"sowt", &fields);
        }
        let mut fields = vec![0; 78];
        fields[24..26].copy_from_slice(&self.size.0.to_be_bytes());
        fields[26..28].copy_from_slice(&self.size.1.to_be_bytes());
        boxed(b"mp4v", &fields)
    }

    pub fn file(&self) -> Vec<u8> {
        let offset = 40;
        let table = [
            boxed(b"stsd", &[words(&[0, 1]), self.entry()].concat()),
            full(b"stts", &[1, self.samples, 1]),
            full(b"stsc", &[1, 1, self.runs.0, 1]),
            full(b"stsz", &[1, self.samples]),
            boxed(b"stco", &[words(&[0, self.runs.1]), words(&vec![offset; self.runs.1 as usize])].concat()),
        ];
        let edits =
            boxed(b"elst", &[words(&[0, self.edits]), words(&[1, 0, 0x10000]).repeat(self.edits as usize)].concat());
        let mut header = vec![0; 84];
        header[76..80].copy_from_slice(&(64_u32 << 16).to_be_bytes());
        header[80..84].copy_from_slice(&(48_u32 << 16).to_be_bytes());
        let media = [
            full(b"mdhd", &[0, 0, 25, 250, 0]),
            boxed(b"hdlr", &[&[0; 8][..], &self.handler, &[0; 12]].concat()),
            boxed(b"minf", &boxed(b"stbl", &table.concat())),
        ];
        let track = boxed(
            b"trak",
            &[boxed(b"tkhd", &header), boxed(b"edts", &edits), boxed(b"mdia", &media.concat())].concat(),
        );
        let index =
            [full(b"mvhd", &[0, 0, 1000, 10_000, 0x10000]), track.repeat(self.tracks as usize), self.in_moov.clone()]
                .concat();
        [
            boxed(b"ftyp", b"isom\0\0\x02\0isomiso2"),
            boxed(b"mdat", &[0; 300]),
            boxed(b"moov", &index),
            self.behind.clone(),
        ]
        .concat()
    }
}

/// A fragment whose one run declares so many samples, none with a field of its own.
pub fn fragment(samples: u32) -> Vec<u8> {
    boxed(
        b"moof",
        &[full(b"mfhd", &[1]), boxed(b"traf", &[full(b"tfhd", &[1]), full(b"trun", &[samples])].concat())].concat(),
    )
}
