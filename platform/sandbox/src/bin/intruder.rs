//! A stand-in for a converter that a malicious file has taken over: it tries one action that the sandbox should refuse.
//! For tests.
//!
//! Invariant: the exit code is 0 only if the action succeeded, 1 if it was refused, and 2 if it is unknown and was not
//! tried.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit, setsid};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["read", path] => std::fs::File::open(path).and_then(|mut file| file.read(&mut [0]).map(drop)),
        ["list", path] => std::fs::read_dir(path).map(drop),
        ["write", path] => std::fs::OpenOptions::new().write(true).open(path).map(drop),
        ["create", path] => std::fs::write(path, "x"),
        ["empty", path] => {
            rustix::fs::open(path, rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::TRUNC, rustix::fs::Mode::empty())
                .map(drop)
                .map_err(Into::into)
        }
        ["remove", path] => std::fs::remove_file(path),
        ["chmod", path] => std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)),
        ["link", from, to] => std::fs::hard_link(from, to),
        ["tcp", address] => TcpStream::connect(address).map(drop),
        ["listen"] => TcpListener::bind("127.0.0.1:0").map(drop),
        ["udp", address] => UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"x", address)).map(drop),
        ["unix", path] => UnixStream::connect(path).map(drop),
        // The grandchild leaves its process group and writes a marker file a little later.
        ["grandchild", mark] => {
            std::env::current_exe().and_then(|own| Command::new(own).args(["linger", mark]).spawn()).map(drop)
        }
        ["linger", mark] => {
            let _ = setsid();
            std::thread::sleep(std::time::Duration::from_millis(300));
            std::fs::write(mark, "x")
        }
        ["setsid"] => setsid().map(drop).map_err(Into::into),
        ["signal", pid] => parse_pid(pid).and_then(|pid| kill_process(pid, Signal::CONT).map_err(Into::into)),
        ["limit", pid] => parse_pid(pid).and_then(|pid| {
            prlimit(Some(pid), Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })
                .map(drop)
                .map_err(Into::into)
        }),
        // Allocates and fills this many megabytes.
        ["memory", megabytes] => {
            let mut blocks: Vec<Vec<u8>> = Vec::new();
            let allocate = |_| {
                let mut block: Vec<u8> = Vec::new();
                block.try_reserve_exact(1 << 20).map_err(|_| std::io::Error::other("out of memory"))?;
                block.resize(1 << 20, 1);
                blocks.push(block);
                Ok(())
            };
            (0..megabytes.parse().unwrap_or(0)).try_for_each(allocate)
        }
        // Succeeds if the process inherited an open file beyond its own.
        ["files"] => {
            let open = std::fs::read_dir("/proc/self/fd").map(Iterator::count);
            open.and_then(
                |open| if open > 4 { Ok(()) } else { Err(std::io::Error::other("no inherited file is open")) },
            )
        }
        ["user"] => {
            println!("{}", rustix::process::getuid().as_raw());
            Ok(())
        }
        _ => return ExitCode::from(2),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("refused: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse_pid(pid: &str) -> std::io::Result<Pid> {
    pid.parse().ok().and_then(Pid::from_raw).ok_or_else(|| std::io::Error::other("this is not a process id"))
}
