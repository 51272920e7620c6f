//! The coefficients of a picture, by component and block.
//!
//! Invariant: their memory is bounded by [`MAX_BLOCKS`], and by the length of the file that they come from.

use crate::pixels::Error;

/// The coefficients of a block in the order in which they are coded (zigzag).
pub(super) type Block = [i16; 64];

/// 96 MiB: a picture of 32 megapixels with halved colours, or of 16 with all of them.
const MAX_BLOCKS: usize = (96 << 20) / size_of::<Block>();
/// A block takes two bits at least: a code for its first coefficient, and one for the end.
const MAX_BLOCKS_PER_BYTE: usize = 4;
/// The most blocks of an MCU (ITU-T T.81 B.2.3).
const MAX_MCU_BLOCKS: usize = 10;

/// A component.
pub(super) struct Component {
    /// Its number in the file.
    pub id: u8,
    /// Blocks of it side by side in an MCU.
    pub across: usize,
    /// Blocks of it one below the other in an MCU.
    pub down: usize,
    /// Blocks in a row that have a part of the picture.
    pub columns: usize,
    /// Rows of blocks that have a part of the picture.
    pub rows: usize,
    /// Blocks in a row, with those that fill up the last MCU.
    stride: usize,
    blocks: Vec<Block>,
}

impl Component {
    /// Returns a block that has a part of the picture.
    pub(super) fn block(&self, column: usize, row: usize) -> Option<&Block> {
        if column < self.columns && row < self.rows { self.blocks.get(row * self.stride + column) } else { None }
    }

    /// Returns a block.
    pub(super) fn block_mut(&mut self, column: usize, row: usize) -> Option<&mut Block> {
        self.blocks.get_mut(row * self.stride + column)
    }

    /// Returns all blocks that have a part of the picture, row by row.
    pub(super) fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.blocks.chunks(self.stride).take(self.rows).flat_map(|row| row.iter().take(self.columns))
    }
}

/// A picture.
pub(super) struct Frame {
    width: usize,
    height: usize,
    /// Its components, in the order of the file.
    pub components: Vec<Component>,
    /// MCUs in a row.
    pub mcu_columns: usize,
    /// Rows of MCUs.
    pub mcu_rows: usize,
}

impl Frame {
    /// Reads a frame header (ITU-T T.81 B.2.2) of a file of so many bytes. All coefficients are zero.
    pub(super) fn of(header: &[u8], file_bytes: usize) -> Result<Self, Error> {
        let &[precision, h0, h1, w0, w1, count, ref rest @ ..] = header else { return Err(Error::Truncated) };
        let (width, height) = (usize::from(u16::from_be_bytes([w0, w1])), usize::from(u16::from_be_bytes([h0, h1])));
        let is_known = precision == 8 && matches!(count, 1 | 3 | 4) && rest.len() == 3 * usize::from(count);
        if !is_known || width == 0 || height == 0 {
            return Err(Error::Unsupported);
        }
        let sampling: Vec<(u8, usize, usize)> =
            rest.chunks_exact(3).map(|part| (part[0], usize::from(part[1] >> 4), usize::from(part[1] & 15))).collect();
        let is_sampling = |(_, across, down): &(u8, usize, usize)| (1..=4).contains(across) && (1..=4).contains(down);
        let in_mcu: usize = sampling.iter().map(|(_, across, down)| across * down).sum();
        if !sampling.iter().all(is_sampling) || (count > 1 && in_mcu > MAX_MCU_BLOCKS) {
            return Err(Error::Unsupported);
        }
        let widest = sampling.iter().map(|(_, across, _)| *across).max().unwrap_or(1);
        let highest = sampling.iter().map(|(_, _, down)| *down).max().unwrap_or(1);
        let (mcu_columns, mcu_rows) = (width.div_ceil(8 * widest), height.div_ceil(8 * highest));
        let blocks = mcu_columns * mcu_rows * in_mcu;
        if blocks > MAX_BLOCKS || blocks > file_bytes.saturating_mul(MAX_BLOCKS_PER_BYTE) {
            return Err(Error::Unsupported);
        }
        let component = |(id, across, down): (u8, usize, usize)| Component {
            id,
            across,
            down,
            columns: (width * across).div_ceil(widest).div_ceil(8),
            rows: (height * down).div_ceil(highest).div_ceil(8),
            stride: mcu_columns * across,
            blocks: vec![[0; 64]; mcu_columns * across * mcu_rows * down],
        };
        let components = sampling.into_iter().map(component).collect();
        Ok(Self { width, height, components, mcu_columns, mcu_rows })
    }

    /// Returns width times height.
    pub(super) fn pixels(&self) -> usize {
        self.width * self.height
    }

    /// Visits the blocks in the order of a scan of all components, each with its component's place. Those that only
    /// fill up an MCU are `None`.
    pub(super) fn each_block(&self, mut visit: impl FnMut(usize, Option<&Block>)) {
        if let [only] = self.components.as_slice() {
            return only.blocks().for_each(|block| visit(0, Some(block)));
        }
        for row in 0..self.mcu_rows {
            for column in 0..self.mcu_columns {
                for (place, component) in self.components.iter().enumerate() {
                    for y in 0..component.down {
                        for x in 0..component.across {
                            let (column, row) = (column * component.across + x, row * component.down + y);
                            visit(place, component.block(column, row));
                        }
                    }
                }
            }
        }
    }
}
