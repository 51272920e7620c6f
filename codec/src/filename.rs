//! Names of items, and names of the files in which they are downloaded.
//!
//! Owns what a title may contain, what a file system cannot store, and the `Content-Disposition` value. The server
//! never uses a name as a path. Invariant: a title and a file name have at most [`MAX_BYTES`] bytes and no control
//! characters and are never empty; a file name is one path component.

use crate::sniff::Format;

/// The longest name in characters.
pub const MAX_CHARS: usize = 120;
/// The longest name in bytes of UTF-8; file systems allow 255.
pub const MAX_BYTES: usize = 200;
/// The name of a file that was uploaded without one.
const NAMELESS: &str = "untitled";
/// The longest extension, in bytes with its dot, that is kept when a name is shortened.
const MAX_EXTENSION_BYTES: usize = 12;

/// Returns a title as people see it: without control, invisible or text-direction characters, with runs of spaces
/// joined, shortened before its extension. `None` if nothing is left. `AC/DC live` and `What? "Why"` stay as they are.
pub fn title(text: &str) -> Option<String> {
    // Long enough for any title, and bounds the work for a text of megabytes.
    let start = text.char_indices().rev().nth(1023).map_or(0, |(at, _)| at);
    let mut title = String::new();
    for character in text[start..].chars().filter(|c| !is_hidden(*c)) {
        match character {
            c if c.is_whitespace() && title.ends_with(' ') => {}
            c if c.is_whitespace() => title.push(' '),
            c => title.push(c),
        }
    }
    let short = shorten(title.trim());
    (!short.is_empty()).then_some(short)
}

/// Returns a text of several lines as people see it: without control, invisible or text-direction characters, with line
/// feeds between its lines. Empty if nothing is left to see.
pub fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', " ");
    let kept: String = text.chars().filter(|c| *c == '\n' || !is_hidden(*c)).collect();
    let kept = kept.trim();
    if kept.chars().all(is_blank) { String::new() } else { kept.to_owned() }
}

/// Returns the title of a file that a client names by its path: its last component (RFC 7578 §4.2), `untitled` if
/// nothing is left.
pub fn title_of_file(path: &str) -> String {
    let last = path.rsplit(['/', '\\']).next().unwrap_or_default();
    title(last).filter(|title| title.chars().any(|c| c != '.')).unwrap_or_else(|| NAMELESS.to_owned())
}

/// Returns a title as the name of a file: what separates folders or what Windows cannot store is replaced by `_`.
pub fn clean(name: &str) -> String {
    let stored = |c: char| if matches!(c, '/' | '\\' | '<' | '>' | ':' | '"' | '|' | '?' | '*') { '_' } else { c };
    let cleaned: String = title(name).unwrap_or_default().chars().map(stored).collect();
    // Leading dots hide a file, trailing dots and spaces are dropped by Windows; `..` is a folder.
    let trimmed = cleaned.trim_start_matches(['.', ' ']).trim_end_matches(['.', ' ']);
    if trimmed.is_empty() { NAMELESS.to_owned() } else { avoid_devices(shorten(trimmed)) }
}

/// Control, formatting and unassigned characters: they are invisible, so they can only mislead.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' // soft hyphen, Arabic letter mark, Mongolian vowel separator
            | '\u{200b}'..='\u{200c}' | '\u{200e}'..='\u{200f}' // zero width; the joiner (200d) stays, emoji need it
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' // line separators, embeddings, overrides, isolates
            | '\u{fe00}'..='\u{fe0e}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}'
            | '\u{e0000}'..='\u{e0fff}' | '\u{f0000}'..='\u{10ffff}') // tags, private planes
}

/// Characters that stay, because emoji and scripts need them, and that show nothing by themselves: joiners, selectors
/// of variants, fillers, the empty Braille pattern.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{34f}' | '\u{115f}'..='\u{1160}' | '\u{200d}' | '\u{2800}' | '\u{3164}' | '\u{fe0f}' | '\u{ffa0}'
        )
}

fn shorten(name: &str) -> String {
    if name.chars().count() <= MAX_CHARS && name.len() <= MAX_BYTES {
        return name.to_owned();
    }
    let dot = name.rfind('.').filter(|dot| name.len() - dot <= MAX_EXTENSION_BYTES && *dot > 0);
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    let (chars, bytes) = (MAX_CHARS - extension.chars().count(), MAX_BYTES - extension.len());
    let end = stem.char_indices().take(chars).map(|(at, c)| at + c.len_utf8()).take_while(|end| *end <= bytes).last();
    let stem = stem.get(..end.unwrap_or(0)).unwrap_or_default();
    format!("{}{extension}", stem.trim_end_matches(['.', ' ']))
}

/// Windows opens a device for these names, whatever their extension.
fn avoid_devices(name: String) -> String {
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let numbered = |prefix: &str| {
        let rest = stem.get(..3).filter(|start| start.eq_ignore_ascii_case(prefix)).and(stem.get(3..));
        rest.is_some_and(|rest| rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_digit()))
    };
    let plain = ["con", "prn", "aux", "nul"].iter().any(|device| stem.eq_ignore_ascii_case(device));
    if plain || numbered("com") || numbered("lpt") { format!("_{name}") } else { name }
}

/// Extensions that denote a format in addition to its own ([`Format::extension`]).
const OTHER_EXTENSIONS: [(Format, &[&str]); 9] = [
    (Format::Jpeg, &["jpg", "jpe", "jfif"]),
    (Format::Png, &["apng"]),
    (Format::Heic, &["heif", "hif"]),
    (Format::Mp4, &["m4v", "3gp", "3g2"]),
    (Format::Mov, &["qt"]),
    (Format::Mkv, &["mka"]),
    (Format::M4a, &["m4b"]),
    (Format::Wav, &["wave"]),
    (Format::Ogg, &["oga", "ogv", "opus"]),
];

/// Returns the file name ([`clean`]) with an extension that matches the content: a matching extension is kept,
/// otherwise the format's own is appended, so that a JPEG called `x.html` is saved as `x.html.jpeg`.
pub fn with_extension(name: &str, format: Format) -> String {
    let name = clean(name);
    let others =
        OTHER_EXTENSIONS.iter().find(|(known, _)| *known == format).map_or(&[] as &[&str], |(_, others)| others);
    let tells =
        |extension: &str| [format.extension()].iter().chain(others).any(|known| known.eq_ignore_ascii_case(extension));
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() && tells(extension) => name,
        _ => clean(&format!("{name}.{}", format.extension())),
    }
}

/// Returns the `Content-Disposition` value for this name: `filename` with the characters that old clients understand,
/// and `filename*` with the name itself where the two differ. RFC 6266 §4 and RFC 8187 §3.2. Always visible ASCII.
pub fn content_disposition(attachment: bool, name: &str) -> String {
    let kind = if attachment { "attachment" } else { "inline" };
    let name = clean(name);
    // Some browsers decode percent signs inside `filename`, so they do not count as plain.
    let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%');
    let fallback: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    if fallback == name {
        return format!("{kind}; filename=\"{name}\"");
    }
    let mut value = format!("{kind}; filename=\"{fallback}\"; filename*=UTF-8''");
    for byte in name.bytes() {
        // `attr-char`, RFC 8187 §3.2.1.
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            value.push(char::from(byte));
        } else {
            value.push('%');
            value.push(char::from(b"0123456789ABCDEF"[usize::from(byte >> 4)]));
            value.push(char::from(b"0123456789ABCDEF"[usize::from(byte & 15)]));
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_keeps_its_lines_and_nothing_hidden() {
        assert_eq!(lines(" One\r\ntwo\rthree\n\n four\tfive \n"), "One\ntwo\nthree\n\n four five");
        assert_eq!(lines("a\u{0}b\u{1b}[31mc\u{202e}d\u{2028}e\u{200b}f\u{e0041}g"), "ab[31mcdefg");
        assert_eq!(lines("👩\u{200d}🎤 « ok »"), "👩\u{200d}🎤 « ok »");
        assert_eq!(lines(" \n\u{feff}"), "");
    }

    #[test]
    fn a_text_that_shows_nothing_is_empty() {
        for blank in ["\u{200d}", "\u{3164}\n\u{2800} \u{115f}", "\u{fe0f}\u{200d}\u{34f}"] {
            assert_eq!(lines(blank), "", "{blank:?}");
        }
        assert_eq!(lines("\u{3164}a\u{200d}"), "\u{3164}a\u{200d}");
    }

    #[test]
    fn a_title_stays_as_it_was_written() {
        for text in ["AC/DC live", "24/7", "What? \"Why\"", "...And Justice for All", "Wait...", "CON", "a\\b", "/"] {
            assert_eq!(title(text).as_deref(), Some(text));
        }
        assert_eq!(title(" a \t\u{3000} b\u{202e}\n").as_deref(), Some("a b"));
        assert_eq!((title(""), title(" \u{feff}\n")), (None, None));
        for (path, kept) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ada\\cat.jpg", "cat.jpg"),
            (".bashrc", ".bashrc"),
            ("/", "untitled"),
            ("a/..", "untitled"),
            ("", "untitled"),
        ] {
            assert_eq!(title_of_file(path), kept, "{path}");
        }
    }

    #[test]
    fn a_file_name_is_one_that_every_file_system_stores() {
        for (sent, kept) in [
            ("cat.jpg", "cat.jpg"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("AC/DC live", "AC_DC live"),
            ("24/7", "24_7"),
            ("/", "_"),
            ("..", "untitled"),
            ("", "untitled"),
            (".bashrc", "bashrc"),
            ("cat.jpg. . .", "cat.jpg"),
            ("CON.jpg", "_CON.jpg"),
            ("com7", "_com7"),
            ("company.jpg", "company.jpg"),
            ("what?*.jpg", "what__.jpg"),
        ] {
            assert_eq!(clean(sent), kept, "{sent}");
        }
    }

    #[test]
    fn invisible_and_bidirectional_characters_are_removed() {
        assert_eq!(clean("photo\u{202e}gpj.exe"), "photogpj.exe");
        assert_eq!(clean("a\0b\r\nc\td\u{7f}.jpg"), "abcd.jpg");
        assert_eq!(clean("a \u{3000}\u{a0} b"), "a b");
        assert_eq!(clean("\u{feff}\u{200b}"), "untitled");
        assert_eq!(clean("Hochzeit 👩‍❤️‍👩 Müller.heic"), "Hochzeit 👩‍❤️‍👩 Müller.heic");
        assert_eq!(clean("صورة.jpg"), "صورة.jpg");
    }

    #[test]
    fn long_names_keep_their_extension() {
        let long = format!("{}.jpeg", "ü".repeat(500));
        let kept = clean(&long);
        assert!(kept.ends_with("ü.jpeg") && kept.len() <= MAX_BYTES && kept.len() > 190, "{kept}");
        assert_eq!(clean(&"x".repeat(5_000_000)).len(), MAX_CHARS);
    }

    #[test]
    fn dispositions() {
        assert_eq!(content_disposition(false, "cat.jpg"), "inline; filename=\"cat.jpg\"");
        assert_eq!(
            content_disposition(true, "Füße 100%.jpg"),
            "attachment; filename=\"F__e 100_.jpg\"; filename*=UTF-8''F%C3%BC%C3%9Fe%20100%25.jpg"
        );
        assert_eq!(
            content_disposition(true, "a\"; x=\"b\r\nSet-Cookie: y"),
            "attachment; filename=\"a_; x=_bSet-Cookie_ y\""
        );
    }

    #[test]
    fn the_extension_matches_the_content() {
        for (name, format, kept) in [
            ("cat.jpg", Format::Jpeg, "cat.jpg"),
            ("CAT.JPEG", Format::Jpeg, "CAT.JPEG"),
            ("x.html", Format::Jpeg, "x.html.jpeg"),
            ("x.html.", Format::Jpeg, "x.html.jpeg"),
            ("x.jpg\u{202e}lmth.", Format::Jpeg, "x.jpglmth.jpeg"),
            ("a\"; filename=x.html", Format::Png, "a_; filename=x.html.png"),
            ("..", Format::Gif, "untitled.gif"),
            ("jpeg", Format::Jpeg, "jpeg.jpeg"),
            (".jpeg", Format::Jpeg, "jpeg.jpeg"),
            ("../../x.svg/", Format::Webp, "_.._x.svg_.webp"),
            ("clip.mov", Format::Mp4, "clip.mov.mp4"),
            ("clip.m4v", Format::Mp4, "clip.m4v"),
            ("con.mp3", Format::Mp3, "_con.mp3"),
            ("x.exe\r\n.png", Format::Png, "x.exe.png"),
        ] {
            assert_eq!(with_extension(name, format), kept, "{name}");
        }
        let long = with_extension(&format!("{}.html", "ü".repeat(500)), Format::Jpeg);
        assert!(
            long.strip_suffix(".jpeg").is_some() && long.len() <= MAX_BYTES && long.chars().count() <= MAX_CHARS,
            "{long}"
        );
    }

    proptest! {
        #[test]
        fn every_extension_tells_the_format(
            name in "\\PC*|[./\\\\ a-z\u{202e}\u{0}]{0,300}|.{0,20}\\.(html|jpg|exe|mp4)",
            at in 0..Format::ALL.len(),
        ) {
            let format = Format::ALL[at];
            let kept = with_extension(&name, format);
            prop_assert_eq!(clean(&kept), kept.clone());
            prop_assert_eq!(with_extension(&kept, format), kept.clone());
            let extension = kept.rsplit('.').next().unwrap_or_default().to_lowercase();
            let others = OTHER_EXTENSIONS.iter().filter(|(known, _)| *known == format).flat_map(|(_, others)| *others);
            prop_assert!(others.copied().chain([format.extension()]).any(|known| known == extension), "{}", kept);
        }

        #[test]
        fn every_name_is_one_safe_component(name in "\\PC*|[./\\\\ a-z\u{202e}\u{0}\u{1f600}]{0,300}") {
            let kept = clean(&name);
            prop_assert!(!kept.is_empty() && kept != "." && kept != "..");
            prop_assert!(kept.len() <= MAX_BYTES + 1 && kept.chars().count() <= MAX_CHARS + 1);
            let unsafe_ones = ['/', '\\', '\0', '\n', '\u{202e}'];
            prop_assert!(!kept.contains(unsafe_ones));
            prop_assert_eq!(clean(&kept), kept);
        }

        #[test]
        fn every_disposition_is_a_header_value(name in any::<String>(), attachment: bool) {
            let value = content_disposition(attachment, &name);
            prop_assert!(value.bytes().all(|b| (b' '..=b'~').contains(&b)));
            prop_assert!(value.matches('"').count() == 2);
        }
    }
}
