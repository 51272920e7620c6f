//! A TCP proxy that injects network faults: delay, low throughput, silence and cut connections.
//!
//! Runs between a process and an engine, on loopback. Invariant: it delays, throttles or drops bytes; it never changes
//! or reorders them.

use std::net::TcpListener as StdListener;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the proxy does to the bytes that it forwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFault {
    /// Nothing.
    None,
    /// Each chunk waits this long, in each direction.
    Delay(Duration),
    /// At most this many bytes per second pass, in each direction of each connection.
    Throttle(u64),
    /// Connections stay open and no byte passes, as in a network that drops packets.
    Blackhole,
    /// New connections are closed at once and open ones cut.
    Cut,
}

/// A running proxy; it stops when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    fault: watch::Sender<(u64, NetworkFault)>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Proxy {
    /// Starts a proxy on a free port of loopback that forwards to `port`.
    pub fn before(port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be built");
        let listener = StdListener::bind("127.0.0.1:0").expect("a free port exists");
        let own_port = listener.local_addr().expect("a bound socket has an address").port();
        listener.set_nonblocking(true).expect("a socket can be set to non-blocking");
        let (fault, faults) = watch::channel((0, NetworkFault::None));
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("the runtime takes sockets");
            while let Ok((client, _)) = listener.accept().await {
                if faults.borrow().1 == NetworkFault::Cut {
                    continue;
                }
                let faults = faults.clone();
                tokio::spawn(async move {
                    // If the server refuses the connection, the client's is closed.
                    if let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await {
                        forward_both(client, server, faults).await;
                    }
                });
            }
        });
        Self { port: own_port, fault, runtime: Some(runtime) }
    }

    /// Returns the port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sets the fault, for open connections and new ones.
    pub fn set(&self, fault: NetworkFault) {
        self.fault.send_modify(|now| *now = (now.0, fault));
    }

    /// Cuts every open connection once; new ones are not affected.
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
    let up = forward(&mut from_client, &mut to_server, faults.clone());
    let down = forward(&mut from_server, &mut to_client, faults.clone());
    tokio::select! {
        _ = async { tokio::join!(up, down) } => {}
        // Dropped halves close the sockets, with a reset if bytes were in flight.
        _ = faults.wait_for(|now| now.0 != cuts || now.1 == NetworkFault::Cut) => {}
    }
}

async fn forward(
    from: &mut tokio::net::tcp::OwnedReadHalf,
    to: &mut tokio::net::tcp::OwnedWriteHalf,
    mut faults: watch::Receiver<(u64, NetworkFault)>,
) {
    let mut chunk = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut chunk).await {
        let fault = faults.borrow_and_update().1;
        match fault {
            NetworkFault::Delay(time) => tokio::time::sleep(time).await,
            NetworkFault::Throttle(rate) => {
                tokio::time::sleep(Duration::from_secs_f64(read as f64 / rate.max(1) as f64)).await;
            }
            NetworkFault::Blackhole => {
                // The chunk arrives when the fault ends, like a packet that is sent again.
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
