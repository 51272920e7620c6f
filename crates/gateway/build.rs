//! Packs the files that the gateway serves: the built page (`web/dist`) and Swagger UI, each as it is, in gzip and in Brotli.
//!
//! Owns how well they are compressed: as well as it goes, once, so that no request costs more than a copy. Not what headers they get (see
//! `src/page.rs`). Invariant: the same input gives the same table, and nothing is fetched from anywhere.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What of Swagger UI's distribution is served; the rest is for bundlers, or for OAuth, which nothing here speaks.
const SWAGGER: [&str; 7] = ["favicon-16x16.png", "favicon-32x32.png", "index.css", "index.html", "swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-ui.css"];
/// Smaller files fit a packet or two as they are.
const WORTH_BYTES: usize = 1024;
/// Brotli's largest ordinary window, in bits: every decoder takes it.
const BROTLI_WINDOW: i32 = 22;

fn main() -> Outcome<()> {
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let page = here.join("../../web/dist");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=docs");
    // A path that is not there would have this run at every build; `dev/page` touches this file when it has built the page for the first time.
    if page.is_dir() {
        println!("cargo:rerun-if-changed={}", page.display());
    }
    let mut table = String::new();
    write_table(&mut table, "PAGE", &page_files(&page)?, &out)?;
    write_table(&mut table, "DOCS", &docs_files(&here.join("docs"))?, &out)?;
    fs::write(out.join("static_files.rs"), table)?;
    Ok(())
}

/// The built page, by path; nothing where it was not built.
fn page_files(root: &Path) -> Outcome<BTreeMap<String, Vec<u8>>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop().filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root)?.to_str().ok_or("a file of the page has a name that is not UTF-8")?.to_owned();
                files.insert(name, fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

/// Swagger UI as its package brings it, with our own start.
fn docs_files(ours: &Path) -> Outcome<BTreeMap<String, Vec<u8>>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED))?;
    let mut files = BTreeMap::new();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at)?;
        let path = entry.enclosed_name().ok_or("Swagger UI's archive has a path that leaves it")?;
        // `swagger-ui-<version>/dist/<name>`
        let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
        let [_, "dist", name] = parts[..] else { continue };
        if SWAGGER.contains(&name) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            files.insert(name.to_owned(), bytes);
        }
    }
    if files.len() != SWAGGER.len() {
        return Err(format!("Swagger UI's archive has other files than expected: {:?}", files.keys()).into());
    }
    let start = "swagger-initializer.js";
    files.insert(start.to_owned(), fs::read(ours.join(start))?);
    Ok(files)
}

fn write_table(table: &mut String, name: &str, files: &BTreeMap<String, Vec<u8>>, out: &Path) -> Outcome<()> {
    writeln!(table, "pub(crate) static {name}: &[StaticFile] = &[")?;
    for (path, bytes) in files {
        let digest: String = Sha256::digest(bytes).iter().take(16).fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let stored = |coding: &str| out.join(format!("{digest}{coding}"));
        let included = |coding: &str| -> Outcome<String> { Ok(format!("include_bytes!({:?})", stored(coding).to_str().ok_or("the build folder's name is not UTF-8")?)) };
        let packed = |coding: &str, pack: fn(&[u8]) -> Outcome<Vec<u8>>| -> Outcome<String> {
            // Of the same content from an earlier run, if there was one: the name has its digest.
            let small = match fs::metadata(stored(coding)) {
                Ok(known) => usize::try_from(known.len())?,
                Err(_) => {
                    let small = pack(bytes)?;
                    fs::write(stored(coding), &small)?;
                    small.len()
                }
            };
            // What hardly shrinks (fonts, pictures) is served as it is.
            let worth = bytes.len() >= WORTH_BYTES && small < bytes.len() / 10 * 9;
            if worth { Ok(format!("Some({})", included(coding)?)) } else { Ok("None".to_owned()) }
        };
        fs::write(stored(""), bytes)?;
        let (identity, gzip, brotli) = (included("")?, packed(".gz", gzip)?, packed(".br", brotli)?);
        writeln!(table, "    StaticFile {{ path: {path:?}, digest: {digest:?}, identity: {identity}, gzip: {gzip}, brotli: {brotli} }},")?;
    }
    writeln!(table, "];")?;
    Ok(())
}

fn gzip(bytes: &[u8]) -> Outcome<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes)?;
    Ok(writer.finish()?)
}

fn brotli(bytes: &[u8]) -> Outcome<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, lgwin: BROTLI_WINDOW, size_hint: bytes.len(), ..Default::default() };
    let mut small = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut small, &parameters)?;
    Ok(small)
}
