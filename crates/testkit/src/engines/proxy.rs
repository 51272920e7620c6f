//! A TCP proxy that spoils connections on purpose: late, slow, cut, or swallowed.
//!
//! Stands between a process and an engine, on loopback. Invariant: what it does to bytes is delay, slow down or cut; it never changes
//! or reorders them.

use std::net::TcpListener as StdListener;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What happens to the bytes that pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFault {
    /// Nothing.
    None,
    /// Each piece waits for so long, in each direction.
    Delay(Duration),
    /// So many bytes a second at most, in each direction of each connection.
    Throttle(u64),
    /// Connections stay open and nothing passes: as where a network swallows packets.
    Blackhole,
    /// New connections are refused and open ones cut.
    Cut,
}

/// The proxy; it ends when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    fault: watch::Sender<(u64, NetworkFault)>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Proxy {
    /// Listens on a free port of loopback and passes everything on to `port`.
    pub fn before(port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime can be had");
        let listener = StdListener::bind("127.0.0.1:0").expect("a free port exists");
        let own_port = listener.local_addr().expect("a bound socket has an address").port();
        listener.set_nonblocking(true).expect("a socket can be told so");
        let (fault, faults) = watch::channel((0, NetworkFault::None));
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("the runtime takes sockets");
            while let Ok((client, _)) = listener.accept().await {
                if faults.borrow().1 == NetworkFault::Cut {
                    continue;
                }
                let faults = faults.clone();
                tokio::spawn(async move {
                    // A server that isn't there is a connection that ends.
                    if let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await {
                        forward_both(client, server, faults).await;
                    }
                });
            }
        });
        Self { port: own_port, fault, runtime: Some(runtime) }
    }

    /// Where to knock.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on, for open connections and new ones.
    pub fn set(&self, fault: NetworkFault) {
        self.fault.send_modify(|now| *now = (now.0, fault));
    }

    /// Cuts every open connection once; new ones pass.
    pub fn cut_once(&self) {
        self.fault.send_modify(|now| now.0 += 1);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn forward_both(client: TcpStream, server: TcpStream, mut faults: watch::Receiver<(u64, NetworkFault)>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let cuts = faults.borrow().0;
    let (up, down) = (faults.clone(), faults.clone());
    tokio::select! {
        () = async { tokio::join!(forward(&mut from_client, &mut to_server, up), forward(&mut from_server, &mut to_client, down)); } => {}
        // Dropped halves close the sockets, with a reset where bytes were on their way.
        _ = faults.wait_for(|now| now.0 != cuts || now.1 == NetworkFault::Cut) => {}
    }
}

async fn forward(from: &mut tokio::net::tcp::OwnedReadHalf, to: &mut tokio::net::tcp::OwnedWriteHalf, mut faults: watch::Receiver<(u64, NetworkFault)>) {
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        let fault = faults.borrow_and_update().1;
        match fault {
            NetworkFault::Delay(time) => tokio::time::sleep(time).await,
            NetworkFault::Throttle(rate) => tokio::time::sleep(Duration::from_secs_f64(read as f64 / rate.max(1) as f64)).await,
            NetworkFault::Blackhole => {
                // It arrives when the weather clears, as a packet that is sent again does.
                if faults.wait_for(|now| now.1 != NetworkFault::Blackhole).await.is_err() {
                    return;
                }
            }
            NetworkFault::None | NetworkFault::Cut => {}
        }
        if to.write_all(&chunk[..read]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
