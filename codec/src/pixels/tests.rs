//! Renders generated images, intact and damaged.

use super::*;

type Rgb = [u8; 3];

/// An image whose four quarters are red, green / blue, white.
fn quarters(width: u32, height: u32) -> Vec<u8> {
    let colour = |x, y| -> Rgb {
        match (x * 2 >= width, y * 2 >= height) {
            (false, false) => [230, 20, 20],
            (true, false) => [20, 200, 20],
            (false, true) => [20, 20, 220],
            (true, true) => [250, 250, 250],
        }
    };
    (0..height).flat_map(|y| (0..width).flat_map(move |x| colour(x, y))).collect()
}

fn jpeg(width: u32, height: u32, progressive: bool) -> Vec<u8> {
    let mut compress = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
    compress.set_size(width as usize, height as usize);
    compress.set_quality(90.0);
    compress.set_fastest_defaults();
    if progressive {
        compress.set_progressive_mode();
    }
    let mut started = compress.start_compress(Vec::new()).unwrap();
    started.write_scanlines(&quarters(width, height)).unwrap();
    started.finish().unwrap()
}

fn png_of(width: u32, height: u32, kind: ::png::ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(kind);
    encoder.set_compression(::png::Compression::Fast);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    bytes
}

fn png(width: u32, height: u32) -> Vec<u8> {
    png_of(width, height, ::png::ColorType::Rgb, &quarters(width, height))
}

fn webp(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image_webp::WebPEncoder::new(&mut bytes);
    encoder.encode(&quarters(width, height), width, height, image_webp::ColorType::Rgb8).unwrap();
    bytes
}

fn gif(width: u16, height: u16, frames: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    let palette = [230, 20, 20, 20, 200, 20, 20, 20, 220, 250, 250, 250];
    let mut encoder = ::gif::Encoder::new(&mut bytes, width, height, &palette).unwrap();
    let index = |x: u16, y: u16| u8::from(x * 2 >= width) + 2 * u8::from(y * 2 >= height);
    let indices: Vec<u8> = (0..height).flat_map(|y| (0..width).map(move |x| index(x, y))).collect();
    for _ in 0..frames {
        let frame = ::gif::Frame { width, height, buffer: indices.as_slice().into(), ..::gif::Frame::default() };
        encoder.write_frame(&frame).unwrap();
    }
    drop(encoder);
    bytes
}

fn within(edge: u32) -> Frame {
    Frame { width: edge, height: edge, fit: Fit::Contain }
}

fn rendered(bytes: &[u8], orientation: u8, frame: Frame) -> Image {
    render(bytes, orientation, frame, Limits::default()).unwrap()
}

/// Returns the colours of the four corners, as letters.
fn corners(picture: &Image) -> String {
    let (w, h, c) = (picture.width as usize, picture.height as usize, usize::from(picture.channels));
    let at = |x: usize, y: usize| {
        let pixel = &picture.pixels[(y * w + x) * c..];
        match (pixel[0] > 128, pixel[1] > 128, pixel[2] > 128) {
            (true, false, false) => 'r',
            (false, true, false) => 'g',
            (false, false, true) => 'b',
            (true, true, true) => 'w',
            _ => '?',
        }
    };
    let (r, b) = (w - 1 - w / 8, h - 1 - h / 8);
    [at(w / 8, h / 8), at(r, h / 8), at(w / 8, b), at(r, b)].iter().collect()
}

#[test]
fn every_source_renders_upright_at_every_scale() {
    for bytes in [jpeg(640, 480, false), jpeg(640, 480, true), png(640, 480), webp(640, 480), gif(640, 480, 3)] {
        for edge in [64, 128, 320, 500, 640, 2560] {
            let picture = rendered(&bytes, 1, within(edge));
            let wide = edge.min(640);
            assert_eq!((picture.width(), picture.height()), (wide, (f64::from(wide) * 0.75).round() as u32));
            assert_eq!(corners(&picture), "rgbw", "at {edge}");
        }
        let picture = rendered(&bytes, 6, within(320));
        assert_eq!((picture.width(), picture.height()), (240, 320));
        assert_eq!(corners(&picture), "brwg");
    }
}

#[test]
fn cover_cuts_evenly_on_both_sides() {
    for bytes in [jpeg(1600, 400, false), png(1600, 400), webp(1600, 400), gif(1600, 400, 1)] {
        let picture = rendered(&bytes, 1, Frame { width: 128, height: 128, fit: Fit::Cover });
        assert_eq!((picture.width(), picture.height()), (128, 128));
        assert_eq!(corners(&picture), "rgbw");
        let middle = &picture.pixels()[(20 * 128 + 62) * usize::from(picture.channels)..];
        assert!(middle[0] > 60 || middle[1] > 60, "the seam lies in the middle: {:?}", &middle[..3]);
    }
}

#[test]
fn every_encoding_comes_back_with_its_pixels_and_nothing_else() {
    let picture = rendered(&jpeg(640, 480, false), 1, within(128));
    for encoding in [Encoding::Jpeg, Encoding::Webp] {
        let bytes = picture.encode(encoding).unwrap();
        let again = rendered(&bytes, 1, within(128));
        assert_eq!((again.width(), again.height(), corners(&again).as_str()), (128, 96, "rgbw"));
        for tag in [b"Exif".as_slice(), b"http://ns.adobe.com", b"EXIF", b"XMP "] {
            assert!(!bytes.windows(tag.len()).any(|window| window == tag));
        }
    }
    let avif = picture.encode(Encoding::Avif).unwrap();
    assert_eq!(&avif[4..12], b"ftypavif");
}

#[test]
fn transparency_is_kept_or_blended_with_white() {
    let clear: Vec<u8> = std::iter::repeat_n([255, 0, 0, 0], 64 * 64).flatten().collect();
    let picture = rendered(&png_of(64, 64, ::png::ColorType::Rgba, &clear), 1, within(32));
    assert!(picture.has_alpha());
    assert!(rendered(&picture.encode(Encoding::Webp).unwrap(), 1, within(32)).has_alpha());
    let flat = rendered(&picture.encode(Encoding::Jpeg).unwrap(), 1, within(32));
    assert!(flat.pixels().iter().all(|&value| value > 250));
}

#[test]
fn grey_images_have_three_equal_channels() {
    let grey = png_of(40, 40, ::png::ColorType::Grayscale, &[90; 1600]);
    assert!(rendered(&grey, 1, within(40)).pixels().iter().all(|&value| value == 90));
}

#[test]
fn a_thumbhash_has_about_25_bytes() {
    let hash = rendered(&jpeg(640, 480, false), 1, THUMBHASH_FRAME).thumbhash().unwrap();
    assert!((15..=30).contains(&hash.len()), "{}", hash.len());
    let large = rendered(&png(640, 480), 1, within(640));
    assert_eq!(large.thumbhash(), None);
    let small = large.fit_into(THUMBHASH_FRAME).unwrap();
    assert_eq!((small.width(), small.height(), small.thumbhash().is_some()), (100, 75, true));
    assert_eq!(small.fit_into(within(640)).unwrap(), small, "never larger");
}

/// Of a JPEG or PNG that is cut off, what is there is shown; the others are refused. No cut makes it panic.
#[test]
fn images_that_are_cut_off_show_what_is_there() {
    let shows_a_part = [jpeg(64, 48, false), jpeg(64, 48, true), png(64, 48)];
    for (number, bytes) in shows_a_part.into_iter().chain([webp(64, 48), gif(64, 48, 1)]).enumerate() {
        let whole = rendered(&bytes, 1, within(32));
        for length in 0..bytes.len() - 12 {
            if let Ok(image) = render(&bytes[..length], 1, within(32), Limits::default()) {
                assert_eq!((image.width(), image.height()), (whole.width(), whole.height()));
                assert!(number < 3 || image == whole, "cut to {length} of {}", bytes.len());
            }
        }
        let most = render(&bytes[..bytes.len() - 16], 1, within(32), Limits::default());
        assert_eq!(most.is_ok(), number < 3);
        if let Ok(most) = most {
            let (first_row, upper_half) = (most.width() as usize * 3, most.pixels().len() / 2);
            // A progressive JPEG lacks its last details everywhere.
            let rows = most.pixels().iter().zip(whole.pixels()).take(first_row.min(upper_half));
            assert!(rows.clone().all(|(most, whole)| most.abs_diff(*whole) <= 12), "{number}: {rows:?}");
        }
        assert!(render(&bytes[..20], 1, within(32), Limits::default()).is_err(), "nothing is there");
    }
}

#[test]
fn damaged_images_never_panic() {
    for bytes in [jpeg(64, 48, false), jpeg(64, 48, true), png(64, 48), webp(64, 48), gif(64, 48, 1)] {
        for at in 0..bytes.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut broken = bytes.clone();
                broken[at] ^= flip;
                let limits = Limits { pixels: 1_000_000, bytes: 64 << 20 };
                let _ = render(&broken, 1, within(32), limits);
            }
        }
    }
}

#[test]
fn huge_headers_are_refused_before_decoding() {
    let mut wide = jpeg(64, 48, false);
    let frame = wide.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    wide[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xdc, 0xff, 0xdc]);
    let refused = render(&wide, 1, within(64), Limits::default());
    assert_eq!(refused, Err(Error::TooManyPixels { megapixels: 4291, limit: 100 }));
    let mut tall = png(64, 48);
    tall[16..24].copy_from_slice(&[0, 0, 0xff, 0xdc, 0, 0, 0xff, 0xdc]);
    assert!(matches!(render(&tall, 1, within(64), Limits::default()), Err(Error::TooManyPixels { .. })));
}

#[test]
fn a_large_image_costs_little_when_a_small_one_is_requested() {
    let mut photo = jpeg(64, 48, false);
    let frame = photo.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    photo[frame + 5..frame + 9].copy_from_slice(&[0x22, 0x00, 0x2d, 0x00]);
    let plain = probe(&photo).unwrap();
    assert!(plain.pixels() > 99_000_000);
    assert!(plain.cost(0, 1, within(320), Some(Encoding::Webp)) < 20 << 20);
    photo[frame + 1] = 0xc2;
    let progressive = probe(&photo).unwrap();
    let cost = progressive.cost(0, 1, within(320), Some(Encoding::Webp));
    assert!((280 << 20..700 << 20).contains(&cost), "all coefficients are held: {cost}");
    let mut drawing = png(64, 48);
    drawing[16..24].copy_from_slice(&[0, 0, 0x27, 0x10, 0, 0, 0x27, 0x10]);
    assert!(probe(&drawing).unwrap().cost(0, 1, within(320), None) < 10 << 20);
}

#[test]
fn a_png_bomb_costs_time_for_its_rows_only() {
    let (width, height) = (9000, 9000);
    let bomb = png_of(width, height, ::png::ColorType::Grayscale, &vec![0; (width * height) as usize]);
    assert!(bomb.len() < 2 << 20);
    let picture = rendered(&bomb, 1, within(64));
    assert_eq!((picture.width(), picture.height()), (64, 64));
}

#[test]
fn an_animation_costs_its_first_frame() {
    let long = gif(32, 32, 10_000);
    let picture = rendered(&long, 1, within(32));
    assert_eq!(picture, rendered(&gif(32, 32, 1), 1, within(32)));
}

#[test]
fn a_file_of_a_thousand_scans_is_refused() {
    let photo = jpeg(64, 48, true);
    let scan = photo.windows(2).position(|marker| marker == [0xff, 0xda]).unwrap();
    let end = photo.len() - 2;
    let mut many = photo[..end].to_vec();
    for _ in 0..1000 {
        many.extend_from_slice(&photo[scan..end]);
    }
    many.extend_from_slice(&[0xff, 0xd9]);
    assert_eq!(render(&many, 1, within(64), Limits::default()), Err(Error::Damaged("too many scans")));
}

/// Returns the peak signal-to-noise ratio of two images of one size, in decibels.
fn psnr(one: &Image, other: &Image) -> f64 {
    assert_eq!((one.width, one.height, one.channels), (other.width, other.height, other.channels));
    let squares: f64 = one.pixels.iter().zip(&other.pixels).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    10.0 * (255.0_f64.powi(2) / (squares / one.pixels.len() as f64).max(1e-9)).log10()
}

/// An image that is hard for lossy coding: text-like edges, a gradient, saturated colours side by side.
fn hard(width: u32, height: u32) -> Vec<u8> {
    let pixel = |x: u32, y: u32| -> Rgb {
        match (x / 64 + y / 64) % 3 {
            0 if (x / 9 + y / 15).is_multiple_of(2) => [0, 0, 0],
            0 => [255, 255, 255],
            1 => [(x * 255 / width) as u8, (y * 255 / height) as u8, 128],
            _ if (x / 16).is_multiple_of(2) => [255, 0, 0],
            _ => [0, 0, 255],
        }
    };
    (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect()
}

#[test]
fn sizes_from_the_intermediate_match_those_from_the_original() {
    let source = png_of(2000, 1500, ::png::ColorType::Rgb, &hard(2000, 1500));
    let frame = probe(&source).unwrap().intermediate(source.len() as u64, 1, Limits::default()).unwrap();
    let intermediate = rendered(&source, 1, frame).encode_intermediate().unwrap();
    // A loss becomes visible at about 36 dB. At a sixteenth the two are reduced in other steps (eighths against boxes),
    // which counts for more than the coding, in an image of stripes nine pixels wide.
    for (frame, least) in [
        (within(1536), 36.0),
        (within(640), 36.0),
        (within(128), 30.0),
        (Frame { width: 512, height: 512, fit: Fit::Cover }, 33.0),
    ] {
        let ratio = psnr(&rendered(&source, 1, frame), &rendered(&intermediate, 1, frame));
        assert!(ratio > least, "{ratio} dB at {frame:?}");
    }
    // The orientation is applied once, not twice, and transparency is kept.
    let sideways = rendered(&jpeg(640, 480, false), 6, within(320)).encode_intermediate().unwrap();
    assert_eq!(corners(&rendered(&sideways, 1, within(320))), "brwg");
    let clear: Vec<u8> = std::iter::repeat_n([10, 200, 30, 77], 64 * 64).flatten().collect();
    let picture = rendered(&png_of(64, 64, ::png::ColorType::Rgba, &clear), 1, within(64));
    assert_eq!(rendered(&picture.encode_intermediate().unwrap(), 1, within(64)), picture, "lossless");
}

#[test]
fn the_intermediate_is_large_enough_for_every_size_and_never_too_large_for_the_memory() {
    let mut drawing = png(64, 48);
    let mut sized = |width: u32, height: u32| {
        drawing[16..20].copy_from_slice(&width.to_be_bytes());
        drawing[20..24].copy_from_slice(&height.to_be_bytes());
        probe(&drawing).unwrap()
    };
    for (width, height) in [(10_000, 10_000), (12_000, 8000), (8000, 12_000)] {
        let info = sized(width, height);
        let frame = info.intermediate(1000, 1, Limits::default()).unwrap();
        let (w, h) = info.size(1, frame);
        assert!(w.min(h) >= 2560 && w.max(h) <= 3840, "{w} × {h}");
        let (w, h) = info.size(6, info.intermediate(1000, 6, Limits::default()).unwrap());
        assert!(w.min(h) >= 2560 && w.max(h) <= 3840, "sideways: {w} × {h}");
    }
    let tight = Limits { bytes: 16 << 20, ..Limits::default() };
    let info = sized(9900, 9900);
    let frame = info.intermediate(1000, 1, tight).unwrap();
    assert!(info.cost(1000, 1, frame, Some(Encoding::Jpeg)) <= tight.bytes && frame.width < 3840);
    assert_eq!(info.intermediate(1000, 1, Limits { bytes: 1000, ..tight }), None);
}

#[test]
fn an_interrupt_stops_the_rendering_at_the_next_row() {
    for bytes in [jpeg(640, 480, false), png(640, 480), webp(640, 480), gif(640, 480, 1)] {
        let interrupt = Interrupt::default();
        assert!(render_with_interrupt(&bytes, 1, within(64), Limits::default(), &interrupt).is_ok());
        interrupt.clone().set();
        assert_eq!(
            render_with_interrupt(&bytes, 1, within(64), Limits::default(), &interrupt),
            Err(Error::Interrupted)
        );
    }
    // Another thread sets the interrupt after the first rows of a rendering that takes seconds here.
    let bomb = png_of(9000, 9000, ::png::ColorType::Grayscale, &vec![0; 9000 * 9000]);
    let interrupt = Interrupt::default();
    let other = interrupt.clone();
    let setter = std::thread::spawn(move || other.set());
    assert_eq!(render_with_interrupt(&bomb, 1, within(64), Limits::default(), &interrupt), Err(Error::Interrupted));
    setter.join().unwrap();
}

#[test]
fn the_time_is_known_before_a_pixel_is_decoded() {
    let time = |bytes: &[u8]| probe(bytes).unwrap().decode_time();
    let (plain, progressive) = (time(&jpeg(640, 480, false)), time(&jpeg(640, 480, true)));
    assert!(plain < progressive && plain.as_millis() < 10);
    let mut large = gif(64, 48, 1);
    large[6..10].copy_from_slice(&[0x10, 0x27, 0x10, 0x27]);
    assert!((1..=4).contains(&time(&large).as_secs()), "100 megapixels");
    let info = probe(&large).unwrap();
    assert!(info.time(1, within(2560), Encoding::Avif) > info.time(1, within(2560), Encoding::Jpeg));
}

#[test]
fn an_interlaced_gif_decodes_to_the_same_image() {
    let plain = gif(64, 48, 1);
    let mut bytes = Vec::new();
    let palette = [230, 20, 20, 20, 200, 20, 20, 20, 220, 250, 250, 250];
    let mut encoder = ::gif::Encoder::new(&mut bytes, 64, 48, &palette).unwrap();
    let order = (0..48).step_by(8).chain((4..48).step_by(8)).chain((2..48).step_by(4)).chain((1..48).step_by(2));
    let indices: Vec<u8> =
        order.flat_map(|y: u16| (0..64_u16).map(move |x| u8::from(x >= 32) + 2 * u8::from(y >= 24))).collect();
    encoder
        .write_frame(&::gif::Frame {
            width: 64,
            height: 48,
            buffer: indices.into(),
            interlaced: true,
            ..::gif::Frame::default()
        })
        .unwrap();
    drop(encoder);
    assert_eq!(rendered(&bytes, 1, within(64)), rendered(&plain, 1, within(64)));
}

#[test]
fn other_formats_are_not_images() {
    for bytes in
        [b"".as_slice(), b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"PK\x03\x04", b"\xff\xd8\xff"]
    {
        let error = render(bytes, 1, within(64), Limits::default()).unwrap_err();
        assert!(matches!(error, Error::Unsupported | Error::Truncated), "{error}");
    }
}
