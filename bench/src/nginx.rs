//! The peer: nginx, as someone would set it up who wants it fast.
//!
//! Sends files with `sendfile` and a cache of open files, and takes `PUT` into files. Invariant: it needs no privileges and touches
//! nothing outside its folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::Failure;
use crate::process::Running;
use crate::server::free_port;

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    process: Running,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it serves, and where `PUT /put/…` lands.
    pub root: PathBuf,
}

impl Nginx {
    /// Starts it in `folder`.
    pub async fn start(folder: &Path) -> Result<Self, Failure> {
        let root = folder.join("files");
        std::fs::create_dir_all(root.join("put"))?;
        let address = free_port()?;
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration(folder, address))?;
        let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/opt/homebrew/bin/nginx"].into_iter().find(|path| Path::new(path).exists()).unwrap_or("nginx");
        let mut command = Command::new(program);
        command.arg("-p").arg(folder).arg("-c").arg(&file).arg("-e").arg(folder.join("error.log"));
        let log = folder.join("nginx.log");
        let mut process = Running::start(command, &log).map_err(|error| format!("{error}; install nginx (Debian: nginx-light)"))?;
        let began = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if process.ended().is_some() || began.elapsed() > Duration::from_secs(10) {
                let said = std::fs::read_to_string(folder.join("error.log")).unwrap_or_default();
                return Err(format!("nginx did not start: {said}").into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(Self { process, address, root })
    }

    /// Stops it.
    pub async fn stop(self) {
        self.process.stop(Duration::from_secs(10)).await;
    }
}

fn configuration(folder: &Path, address: SocketAddr) -> String {
    // Started by root it would run its workers as somebody who may not enter the folder.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let folder = folder.display();
    format!(
        "{user}
daemon off;
worker_processes auto;
worker_rlimit_nofile 16384;
pid {folder}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=10000 inactive=60s;
    types {{ application/vnd.apple.mpegurl m3u8; video/mp4 mp4; video/iso.segment m4s; }}
    client_max_body_size 100m;
    client_body_temp_path {folder}/files/temp;
    proxy_temp_path {folder}/temp-proxy;
    fastcgi_temp_path {folder}/temp-fastcgi;
    uwsgi_temp_path {folder}/temp-uwsgi;
    scgi_temp_path {folder}/temp-scgi;
    server {{
        listen {address} backlog=4096;
        root {folder}/files;
        location /put/ {{ dav_methods PUT; }}
    }}
}}
"
    )
}
