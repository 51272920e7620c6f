//! Embeds the files that the gateway serves: the built page (`web/dist`) and Swagger UI, each uncompressed, in gzip and
//! in Brotli.
//!
//! Owns the compression: once, so that no request compresses anything, and in a release build at the highest level.
//! Does not own the response headers (see `src/static_files.rs`). Invariant: the same input gives the same table, and
//! the build makes no network request.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The files of Swagger UI's distribution that are served. The others are for bundlers, for OAuth, which Tutti does not
/// use, or are replaced by [`DOCS_FILES`].
const SWAGGER_FILES: [&str; 4] = ["favicon-16x16.png", "favicon-32x32.png", "swagger-ui-bundle.js", "swagger-ui.css"];
/// This crate's own files beside them.
const DOCS_FILES: [&str; 3] = ["index.css", "index.html", "swagger-initializer.js"];
/// Smaller files are not compressed: they fit into one or two packets anyway.
const MIN_FILE_BYTES_TO_COMPRESS: usize = 1024;
/// Brotli's highest quality, and one for debug builds, which takes a fraction of the time for a few more bytes.
const BROTLI_QUALITIES: (i32, i32) = (11, 9);
/// Brotli's window, in bits: the largest that every decoder must accept.
const BROTLI_WINDOW_BITS: i32 = 22;

fn main() -> Result<()> {
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let manifest_dir = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let page = manifest_dir.join("../../web/dist");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=docs");
    // A missing path would make Cargo run this at every build. `dev/page` touches this file after it builds the page
    // for the first time.
    if page.is_dir() {
        println!("cargo:rerun-if-changed={}", page.display());
    }
    let mut table = String::new();
    write_table(&mut table, "PAGE", &page_files(&page)?, &out)?;
    write_table(&mut table, "DOCS", &docs_files(&manifest_dir.join("docs"))?, &out)?;
    fs::write(out.join("embedded_files.rs"), table)?;
    Ok(())
}

/// Returns the files of the built page by path, or none if the page was not built.
fn page_files(root: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let (mut files, mut dirs) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(dir) = dirs.pop().filter(|dir| dir.is_dir()) {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                let name = path
                    .strip_prefix(root)?
                    .to_str()
                    .ok_or("a file of the page has a name that is not UTF-8")?
                    .to_owned();
                files.insert(name, fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

/// Returns Swagger UI's files, with this crate's own page, styles and initializer.
fn docs_files(docs_dir: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED))?;
    let mut files = BTreeMap::new();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at)?;
        let path = entry.enclosed_name().ok_or("Swagger UI's archive has a path that leaves it")?;
        // `swagger-ui-<version>/dist/<name>`
        let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
        let [_, "dist", name] = parts[..] else { continue };
        if SWAGGER_FILES.contains(&name) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            files.insert(name.to_owned(), bytes);
        }
    }
    if files.len() != SWAGGER_FILES.len() {
        return Err(format!("Swagger UI's archive has other files than expected: {:?}", files.keys()).into());
    }
    for name in DOCS_FILES {
        files.insert(name.to_owned(), fs::read(docs_dir.join(name))?);
    }
    Ok(files)
}

fn write_table(table: &mut String, name: &str, files: &BTreeMap<String, Vec<u8>>, out: &Path) -> Result<()> {
    writeln!(table, "pub(crate) static {name}: &[EmbeddedFile] = &[")?;
    for (path, bytes) in files {
        let digest: String =
            Sha256::digest(bytes).iter().take(16).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let stored = |suffix: &str| out.join(format!("{digest}{suffix}"));
        let included = |suffix: &str| -> Result<String> {
            Ok(format!("include_bytes!({:?})", stored(suffix).to_str().ok_or("the build folder's name is not UTF-8")?))
        };
        let compressed = |suffix: &str, compress: fn(&[u8]) -> Result<Vec<u8>>| -> Result<String> {
            // The file name contains the content's digest, so a file from an earlier build can be reused.
            let compressed_bytes = match fs::metadata(stored(suffix)) {
                Ok(known) => usize::try_from(known.len())?,
                Err(_) => {
                    let compressed_bytes = compress(bytes)?;
                    fs::write(stored(suffix), &compressed_bytes)?;
                    compressed_bytes.len()
                }
            };
            // Files that hardly shrink (fonts, images) are served uncompressed.
            let is_smaller = bytes.len() >= MIN_FILE_BYTES_TO_COMPRESS && compressed_bytes < bytes.len() / 10 * 9;
            if is_smaller { Ok(format!("Some({})", included(suffix)?)) } else { Ok("None".to_owned()) }
        };
        fs::write(stored(""), bytes)?;
        let (identity, gzip, brotli) = (included("")?, compressed(".gz", gzip)?, compressed(".br", brotli)?);
        writeln!(
            table,
            "    EmbeddedFile {{ path: {path:?}, digest: {digest:?}, identity: {identity}, gzip: {gzip}, \
             brotli: {brotli} }},"
        )?;
    }
    writeln!(table, "];")?;
    Ok(())
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

fn brotli(bytes: &[u8]) -> Result<Vec<u8>> {
    let is_debug = std::env::var("PROFILE").is_ok_and(|profile| profile == "debug");
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: if is_debug { BROTLI_QUALITIES.1 } else { BROTLI_QUALITIES.0 },
        lgwin: BROTLI_WINDOW_BITS,
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut compressed_bytes = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut compressed_bytes, &parameters)?;
    Ok(compressed_bytes)
}
