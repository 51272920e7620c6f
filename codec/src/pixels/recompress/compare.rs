//! Whether two files have the same pixels.
//!
//! Decoded by the libraries that show pictures to members, not by the code that wrote the new file. Invariant: every
//! row of both is compared, as it is before colours are converted for screens.

use mozjpeg::{ColorSpace, Decompress};

use super::png::read_rows;
use crate::pixels::{Error, Interrupt};

/// Whether two PNG have the same rows.
pub(super) fn same_png(one: &[u8], other: &[u8], interrupt: &Interrupt) -> Result<bool, Error> {
    Ok(read_rows(one, interrupt)? == read_rows(other, interrupt)?)
}

/// Whether two JPEG have the same rows.
pub(super) fn same_jpeg(one: &[u8], other: &[u8], interrupt: &Interrupt) -> Result<bool, Error> {
    let [mut one, mut other] = [open(one)?, open(other)?];
    let size = (one.width(), one.height());
    if size != (other.width(), other.height()) || one.color_space() != other.color_space() {
        return Ok(false);
    }
    let bytes = size.0 * if one.color_space() == ColorSpace::JCS_CMYK { 4 } else { 3 };
    let [mut row, mut other_row] = [vec![0_u8; bytes], vec![0_u8; bytes]];
    for _ in 0..size.1 {
        interrupt.check()?;
        one.read_scanlines_into(&mut row).map_err(|_| Error::Damaged("JPEG rows"))?;
        other.read_scanlines_into(&mut other_row).map_err(|_| Error::Damaged("JPEG rows"))?;
        if row != other_row {
            return Ok(false);
        }
    }
    Ok(true)
}

fn open(bytes: &[u8]) -> Result<mozjpeg::decompress::DecompressStarted<&[u8]>, Error> {
    let decompress = Decompress::new_mem(bytes).map_err(|_| Error::Damaged("JPEG header"))?;
    let is_ink = matches!(decompress.color_space(), ColorSpace::JCS_CMYK | ColorSpace::JCS_YCCK);
    let space = if is_ink { ColorSpace::JCS_CMYK } else { ColorSpace::JCS_RGB };
    decompress.to_colorspace(space).map_err(|_| Error::Damaged("JPEG start"))
}
