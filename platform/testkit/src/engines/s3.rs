//! SeaweedFS as an S3 server, in a temporary folder.
//!
//! Invariant: it listens on loopback only and refuses requests that are not signed with its key.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use tempfile::TempDir;

use super::{Program, ReadyCheck, free_port, installed};

/// An account of the server, with every permission.
#[derive(Debug, Clone)]
pub struct S3Account {
    /// The server's URL, such as `http://127.0.0.1:20125`.
    pub endpoint: String,
    /// An existing bucket.
    pub bucket: String,
    /// The key's id.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
}

impl S3Account {
    /// Returns the `[objects]` section of the configuration, with every object name under `prefix`.
    pub fn options(&self, prefix: &str) -> objects_s3::S3Options {
        objects_s3::S3Options {
            bucket: self.bucket.clone(),
            prefix: prefix.to_owned(),
            endpoint: Some(self.endpoint.clone()),
            access_key: Some(self.access_key.clone()),
            secret_key: Some(self.secret_key.as_str().into()),
            ..objects_s3::S3Options::default()
        }
    }
}

impl S3Account {
    /// Returns the same as assignments for [`crate::WorldBuilder::set`].
    pub fn settings(&self, prefix: &str) -> Vec<String> {
        let Self { endpoint, bucket, access_key, secret_key } = self;
        let pairs = [
            ("endpoint", endpoint.as_str()),
            ("bucket", bucket),
            ("prefix", prefix),
            ("access_key", access_key),
            ("secret_key", secret_key),
        ];
        pairs.map(|(name, value)| format!("objects.{name}={value}")).into()
    }
}

/// An S3 server that tests share without disturbing it: the one of the whole run if there is one, the test's own
/// otherwise.
#[derive(Debug)]
pub struct SharedS3 {
    /// Its URL and credentials.
    pub account: S3Account,
    /// The prefix of this test's object names.
    pub prefix: String,
    _own: Option<S3>,
}

/// Returns the server at `TUTTI_TEST_S3_ENDPOINT` (with the bucket and the key of [`S3::start`]), or one that is
/// started for this test, which takes seconds.
pub fn shared_s3() -> SharedS3 {
    let prefix = format!("test-{}/", base::Random::system().id());
    match std::env::var("TUTTI_TEST_S3_ENDPOINT") {
        Ok(endpoint) if !endpoint.is_empty() => SharedS3 { account: account(endpoint), prefix, _own: None },
        _ => {
            let own = S3::start();
            SharedS3 { account: own.account.clone(), prefix, _own: Some(own) }
        }
    }
}

fn account(endpoint: String) -> S3Account {
    S3Account { endpoint, bucket: "tutti".into(), access_key: "tutti".into(), secret_key: "tutti-secret".into() }
}

/// An S3 server.
#[derive(Debug)]
pub struct S3 {
    /// The program.
    pub program: Program,
    /// Its URL and credentials.
    pub account: S3Account,
    port: u16,
    filer: u16,
    folder: TempDir,
}

impl S3 {
    /// Starts a server with an empty bucket.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (data, keys, log) =
            (folder.path().join("data"), folder.path().join("keys.json"), folder.path().join("log"));
        std::fs::create_dir(&data).expect("the temporary folder is writable");
        let account = account(String::new());
        let identities = serde_json::json!({ "identities": [{
            "name": "tutti",
            "credentials": [{ "accessKey": account.access_key, "secretKey": account.secret_key }],
            "actions": ["Admin", "Read", "Write", "List", "Tagging"],
        }] });
        std::fs::write(&keys, identities.to_string()).expect("the temporary folder is writable");
        let port = free_port();
        let mut arguments: Vec<String> = vec![installed("bin/weed").display().to_string()];
        // The default of each gRPC port is the HTTP port plus 10,000, which may be taken, so all ports are set.
        arguments.extend(
            [
                "server",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-filer",
                "-s3",
                "-master.volumeSizeLimitMB=256",
                "-volume.max=64",
            ]
            .map(str::to_owned),
        );
        // Off: the catalogues, whose fixed ports a second server would find taken, and telemetry.
        arguments.extend(["-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"].map(str::to_owned));
        arguments.extend([
            format!("-dir={}", data.display()),
            format!("-s3.config={}", keys.display()),
            format!("-s3.port={port}"),
        ]);
        let filer = free_port();
        arguments.push(format!("-filer.port={filer}"));
        for part in
            ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port.grpc", "s3.port.grpc"]
        {
            arguments.push(format!("-{part}={}", free_port()));
        }
        let mut program = Program::start("SeaweedFS", arguments, ReadyCheck::PortOpen(port), &log);
        let path = format!("/buckets/{}/", account.bucket);
        program.wait_until("creating a bucket", |_| make_folder(filer, &path).is_ok());
        let account = S3Account { endpoint: format!("http://127.0.0.1:{port}"), ..account };
        Self { program, account, port, filer, folder }
    }

    /// Returns its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns every path in the bucket, as the server's own catalogue has it: objects, and the folders of unfinished
    /// multipart uploads.
    pub async fn list_all(&self) -> Vec<String> {
        let root = format!("/buckets/{}", self.account.bucket);
        let (mut found, mut folders) = (Vec::new(), vec![root.clone()]);
        while let Some(folder) = folders.pop() {
            for (path, is_folder) in list_folder(self.filer, &folder).await {
                let inside = path.strip_prefix(&root).unwrap_or(&path).trim_start_matches('/').to_owned();
                if is_folder && folder != format!("{root}/.uploads") {
                    folders.push(path);
                } else {
                    found.push(inside);
                }
            }
        }
        found
    }

    /// Returns the folder of its files.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

/// Creates a bucket, which is a folder of SeaweedFS's filer. The filer's listener takes no signature.
fn make_folder(filer: u16, path: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", filer))?;
    write!(stream, "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    if response.starts_with("HTTP/1.1 20") { Ok(()) } else { Err(std::io::Error::other(response)) }
}

/// Returns the entries of a folder of SeaweedFS's filer: each path, and whether it is a folder.
async fn list_folder(filer: u16, folder: &str) -> Vec<(String, bool)> {
    /// Go's `os.ModeDir`.
    const FOLDER: u64 = 1 << 31;
    const PAGE: usize = 1000;
    let (client, mut found, mut last) = (reqwest::Client::new(), Vec::new(), String::new());
    loop {
        let sent = client
            .get(format!("http://127.0.0.1:{filer}{folder}/?limit={PAGE}&lastFileName={last}"))
            .header("accept", "application/json")
            .send()
            .await;
        let response = sent.expect("the filer responds");
        // The folder was removed meanwhile.
        if response.status() == reqwest::StatusCode::NOT_FOUND {
            return found;
        }
        let page: serde_json::Value = response.json().await.expect("the filer sends JSON");
        let entries = page["Entries"].as_array().cloned().unwrap_or_default();
        for entry in &entries {
            let path = entry["FullPath"].as_str().expect("an entry has a path").to_owned();
            path.rsplit('/').next().unwrap_or_default().clone_into(&mut last);
            found.push((path, entry["Mode"].as_u64().unwrap_or(0) & FOLDER != 0));
        }
        if entries.len() < PAGE {
            return found;
        }
    }
}
