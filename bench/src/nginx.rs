//! nginx, for comparison, with a configuration for speed.
//!
//! It sends files with `sendfile` and a cache of open files, stores `PUT` bodies in files, or proxies to another
//! server. Invariant: it needs no privileges, touches nothing outside its folder, and its workers end with it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::process::Command;

use crate::Error;
use crate::process::ChildProcess;
use crate::server::free_port;

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    process: ChildProcess,
    /// The address that it listens on.
    pub address: SocketAddr,
    /// The folder that it serves, and in which `PUT /put/…` stores files.
    pub root: PathBuf,
}

impl Nginx {
    /// Starts it in `folder` as a file server.
    pub async fn start(folder: &Path) -> Result<Self, Error> {
        let files = folder.join("files");
        std::fs::create_dir_all(files.join("put"))?;
        let root = files.display();
        Self::launch(folder, "", &format!("root {root}; location /put/ {{ dav_methods PUT; }}")).await
    }

    /// Starts it in `folder` as a proxy of the server at `upstream`, with enough connections to it, all kept open. Its
    /// buffers hold a whole response of 1 MB, so that none goes through a file.
    pub async fn before(folder: &Path, upstream: SocketAddr) -> Result<Self, Error> {
        std::fs::create_dir_all(folder.join("files"))?;
        let upstreams =
            format!("upstream tutti {{ server {upstream}; keepalive 256; keepalive_requests 1000000000; }}");
        let location = "location / { proxy_pass http://tutti; proxy_http_version 1.1; \
            proxy_set_header Connection \"\"; proxy_set_header Host $http_host; \
            proxy_buffer_size 16k; proxy_buffers 20 64k; \
            proxy_busy_buffers_size 128k; proxy_max_temp_file_size 0; }";
        Self::launch(folder, &upstreams, location).await
    }

    async fn launch(folder: &Path, upstreams: &str, server: &str) -> Result<Self, Error> {
        let root = folder.join("files");
        let address = free_port()?;
        let file = folder.join("nginx.conf");
        std::fs::write(&file, configuration(folder, address, upstreams, server))?;
        let program = ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/opt/homebrew/bin/nginx"]
            .into_iter()
            .find(|path| Path::new(path).exists())
            .unwrap_or("nginx");
        let mut command = Command::new("setpriv");
        // SIGKILL would leave its workers behind; SIGTERM stops them too. `setpriv` is part of util-linux.
        command
            .args(["--pdeathsig", "TERM", "--", program])
            .arg("-p")
            .arg(folder)
            .arg("-c")
            .arg(&file)
            .arg("-e")
            .arg(folder.join("error.log"));
        let log = folder.join("nginx.log");
        let mut nginx = Self { process: ChildProcess::start(command, &log)?, address, root };
        let began = Instant::now();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            if nginx.process.exit_status().is_some() || began.elapsed() > Duration::from_secs(10) {
                let logs = [folder.join("error.log"), log]
                    .map(|file| std::fs::read_to_string(file).unwrap_or_default())
                    .concat();
                return Err(format!("nginx did not start (Debian: install nginx-light): {logs}").into());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.process.send_sigterm();
        let began = Instant::now();
        while self.process.exit_status().is_none() && began.elapsed() < Duration::from_secs(10) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn configuration(folder: &Path, address: SocketAddr, upstreams: &str, server: &str) -> String {
    // As root its default user for the workers may not enter the folder.
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
    {upstreams}
    server {{
        listen {address} backlog=4096;
        {server}
    }}
}}
"
    )
}
