//! `tutti upload`: uploads files to a server, resumably, with a progress bar.
//!
//! A file in the user's state folder has the upload URL of each file, so that the same command resumes after a crash.
//! Invariant: an entry is removed only when its file has arrived, and replaced only when the server no longer knows it.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use indicatif::{ProgressBar, ProgressStyle};

use crate::CommandError;
use crate::cli::Upload;
use crate::client::Client;
use crate::terminal::say;

pub(crate) async fn run(arguments: Upload) -> Result<(), CommandError> {
    let client = match (&arguments.token, &arguments.login) {
        (Some(token), _) => Client::with_token(&arguments.to, token)?,
        (None, Some(login)) => Client::sign_in(&arguments.to, login, &password(login)?).await?,
        (None, None) => {
            return Err("sign in with --login NAME, or give --token TOKEN (or TUTTI_TOKEN in the environment)".into());
        }
    };
    let mut failed = 0;
    for path in &arguments.files {
        match upload_file(&client, &arguments, path).await {
            Ok(id) => say!("{}  {}", path.display(), client.url(&format!("/m/{id}"))),
            Err(error) => {
                failed += 1;
                eprintln!("tutti: {}: {error}", path.display());
            }
        }
    }
    match failed {
        0 => Ok(()),
        1 => Err("one file did not arrive".into()),
        more => Err(format!("{more} files did not arrive").into()),
    }
}

async fn upload_file(client: &Client, arguments: &Upload, path: &Path) -> Result<String, CommandError> {
    let metadata = tokio::fs::metadata(path).await?;
    let modified = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
    let absolute = tokio::fs::canonicalize(path).await?;
    let mut state = UploadState::load();
    let key = format!("{} {} {} {modified}", arguments.to, absolute.display(), metadata.len());
    let known = match state.uploads.get(&key) {
        Some(upload) if client.offset(upload).await?.is_some() => Some(upload.clone()),
        _ => None,
    };
    let upload = match known {
        Some(upload) => upload,
        None => {
            let upload = client.create_upload(path, metadata.len(), &arguments.tags, &arguments.visibility).await?;
            state.uploads.insert(key.clone(), upload.clone());
            state.save()?;
            upload
        }
    };
    let bar = progress_bar(path, metadata.len());
    let id = client.resume(&upload, path, |sent| bar.set_position(sent)).await?;
    bar.finish_and_clear();
    state.uploads.remove(&key);
    state.save()?;
    Ok(id)
}

fn progress_bar(path: &Path, bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}") {
        bar.set_style(style);
    }
    bar.set_message(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
    bar
}

fn password(login: &str) -> Result<String, CommandError> {
    if let Ok(password) = std::env::var("TUTTI_PASSWORD") {
        return Ok(password);
    }
    if std::io::stdin().is_terminal() {
        eprint!("Password of {login}: ");
        std::io::stderr().flush()?;
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// The URLs of unfinished uploads, by server and file.
#[derive(Default)]
struct UploadState {
    uploads: BTreeMap<String, String>,
}

impl UploadState {
    fn path() -> PathBuf {
        let home = || std::env::var_os("HOME").map_or_else(PathBuf::new, PathBuf::from).join(".local/state");
        std::env::var_os("XDG_STATE_HOME").map_or_else(home, PathBuf::from).join("tutti/uploads.json")
    }

    fn load() -> Self {
        let uploads =
            std::fs::read(Self::path()).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { uploads }
    }

    fn save(&self) -> Result<(), CommandError> {
        let path = Self::path();
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let fresh = path.with_extension("new");
        std::fs::write(&fresh, serde_json::to_vec_pretty(&self.uploads)?)?;
        Ok(std::fs::rename(fresh, path)?)
    }
}
