//! What a converter that a file has taken over can't do: an intruder tries it, unconfined (where it must succeed, or the test would prove
//! nothing) and confined.
//!
//! Everything runs as this test's user, and if that is root, once more as one without privileges. Invariant: all that is touched lies in
//! a folder that vanishes; connections go to this test's own listeners.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use sandbox::{Confinement, Means, Report, Strictness};

/// Without privileges, and not the one that root's children become.
const PLAIN: u32 = 65533;
/// What root's children become.
const OTHER: u32 = 65534;

/// A folder with a server's things, a scratch folder in it, and the two programs.
struct Room {
    folder: tempfile::TempDir,
    /// Whom the server is; `None`: as this test.
    server: Option<u32>,
}

impl Room {
    fn new(server: Option<u32>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let room = Self { folder, server };
        for (name, program) in [("confine", env!("CARGO_BIN_EXE_confine")), ("intruder", env!("CARGO_BIN_EXE_intruder"))] {
            std::fs::copy(program, room.path(name)).unwrap();
        }
        for folder in ["data", "data/scratch"] {
            std::fs::create_dir(room.path(folder)).unwrap();
        }
        for file in ["data/secret", "data/input", "data/scratch/own"] {
            std::fs::write(room.path(file), "hush").unwrap();
            std::fs::set_permissions(room.path(file), std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        std::fs::set_permissions(room.folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        if server.is_some() {
            for path in ["data", "data/scratch", "data/secret", "data/input", "data/scratch/own"] {
                chown(room.path(path), server, server).unwrap();
            }
        }
        std::fs::set_permissions(room.path("data"), std::fs::Permissions::from_mode(0o700)).unwrap();
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn confinement(&self, strictness: Strictness) -> Confinement {
        Confinement {
            strictness,
            readable: vec![self.path("data/input")],
            folder: self.path("data/scratch"),
            user: Some(OTHER),
            memory_bytes: 256 << 20,
            cpu_seconds: 20,
            file_bytes: 1 << 20,
            nice: 1,
        }
    }

    fn launcher(&self, words: &[std::ffi::OsString]) -> Command {
        let mut command = match self.server {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args([format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".into(), "--".into()]).arg(self.path("confine"));
                command
            }
            None => Command::new(self.path("confine")),
        };
        command.args(words).current_dir(self.path("data/scratch"));
        command
    }

    fn run(&self, strictness: Strictness, attempt: &[&str]) -> Output {
        let attempt: Vec<std::ffi::OsString> = attempt.iter().map(Into::into).collect();
        self.launcher(&self.confinement(strictness).command(&self.path("intruder"), &attempt)).output().unwrap()
    }

    /// Fails the test unless the attempt succeeds unconfined and is refused confined.
    #[track_caller]
    fn refused(&self, attempt: &[&str]) {
        let free = self.run(Strictness::Off, attempt);
        assert!(free.status.success(), "{attempt:?} proves nothing, it fails anyway: {free:?}");
        self.fails(attempt);
    }

    #[track_caller]
    fn fails(&self, attempt: &[&str]) {
        let confined = self.run(Strictness::Strict, attempt);
        assert_eq!(confined.status.code(), Some(1), "{attempt:?} as {:?}: {confined:?}", self.server);
        assert!(String::from_utf8_lossy(&confined.stderr).starts_with("refused: "), "{attempt:?}: {confined:?}");
    }

    #[track_caller]
    fn allowed(&self, attempt: &[&str]) -> String {
        let confined = self.run(Strictness::Strict, attempt);
        assert!(confined.status.success(), "{attempt:?} as {:?}: {confined:?}", self.server);
        String::from_utf8_lossy(&confined.stdout).trim().to_owned()
    }
}

/// Rooms for every kind of server that this test can be.
fn rooms() -> Vec<Room> {
    let root = rustix::process::geteuid().is_root();
    let plain = root && Command::new("setpriv").arg("--version").output().is_ok();
    let rooms: Vec<Room> = [Some(None), plain.then_some(Some(PLAIN))].into_iter().flatten().map(Room::new).collect();
    let room = &rooms[0];
    let check = room.launcher(&room.confinement(Strictness::Strict).check()).output().unwrap();
    let report = Report::read(&String::from_utf8_lossy(&check.stdout)).unwrap_or_else(|| panic!("no report: {check:?}"));
    assert_eq!(report, Report::default(), "this machine can't confine, so nothing can be proved on it");
    rooms
}

#[test]
fn it_reads_its_input_and_writes_its_folder() {
    for room in rooms() {
        room.allowed(&["read", &room.text("data/input")]);
        room.allowed(&["create", &room.text("data/scratch/made")]);
        room.allowed(&["create", "made-too"]);
        room.allowed(&["remove", &room.text("data/scratch/made")]);
        room.allowed(&["memory", "64"]);
    }
}

#[test]
fn other_files_are_not_read() {
    for room in rooms() {
        room.refused(&["read", &room.text("data/secret")]);
        room.refused(&["read", "/etc/passwd"]);
        room.refused(&["list", &room.text("data")]);
        room.refused(&["list", "/"]);
        room.refused(&["read", "/proc/self/status"]);
        if room.server.is_none() && rustix::process::geteuid().is_root() {
            room.refused(&["read", "/etc/shadow"]);
        }
    }
}

#[test]
fn nothing_outside_its_folder_is_written() {
    for room in rooms() {
        let (secret, input) = (room.text("data/secret"), room.text("data/input"));
        room.refused(&["write", &secret]);
        room.refused(&["write", &input]);
        room.refused(&["create", &room.text("data/new")]);
        room.refused(&["chmod", &secret]);
        room.fails(&["chmod", &room.text("data/scratch/own")]);
        room.refused(&["link", &secret, &room.text("data/scratch/link")]);
        // The last two take effect where they succeed, so they are not tried unconfined first.
        room.fails(&["empty", &secret]);
        room.fails(&["remove", &secret]);
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "hush");
    }
}

#[test]
fn the_memory_of_the_server_is_closed() {
    for room in rooms() {
        // A process of the same user as the server; this test itself where that is the same.
        let mut server = match room.server {
            Some(user) => Command::new("setpriv").args([format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".into()]).args(["sleep", "60"]).spawn().unwrap(),
            None => Command::new("sleep").arg("60").spawn().unwrap(),
        };
        let pid = server.id().to_string();
        let started = Instant::now();
        while std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().trim() != "sleep" {
            assert!(started.elapsed() < Duration::from_secs(20));
            std::thread::yield_now();
        }
        room.fails(&["read", &format!("/proc/{pid}/mem")]);
        room.refused(&["read", &format!("/proc/{pid}/environ")]);
        room.refused(&["signal", &pid]);
        room.refused(&["limit", &pid]);
        server.kill().unwrap();
        server.wait().unwrap();
    }
}

#[test]
fn no_socket_is_opened() {
    for room in rooms() {
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let unix = UnixListener::bind(room.path("data/scratch/socket")).unwrap();
        std::fs::set_permissions(room.path("data/scratch/socket"), std::fs::Permissions::from_mode(0o666)).unwrap();
        room.refused(&["tcp", &tcp.local_addr().unwrap().to_string()]);
        room.refused(&["udp", &udp.local_addr().unwrap().to_string()]);
        room.refused(&["unix", &room.text("data/scratch/socket")]);
        room.refused(&["listen"]);
        drop(unix);
    }
}

#[test]
fn no_process_is_started_so_none_outlives_it() {
    for room in rooms() {
        let mark = room.text("data/scratch/mark");
        room.fails(&["grandchild", &mark]);
        room.fails(&["setsid"]);
        // The same, unconfined, does outlive it: the confined one would have had more time than this one takes.
        assert!(!room.path("data/scratch/mark").exists());
        assert!(room.run(Strictness::Off, &["grandchild", &mark]).status.success());
        let started = Instant::now();
        while !room.path("data/scratch/mark").exists() {
            assert!(started.elapsed() < Duration::from_secs(20), "the unconfined grandchild never wrote");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn memory_is_limited_and_files_stay_small() {
    for room in rooms() {
        room.fails(&["memory", "400"]);
    }
}

#[test]
fn a_file_that_was_left_open_is_closed() {
    let room = Room::new(None);
    // Nothing but this is undone by `Off`, so the intruder can look.
    let words = room.confinement(Strictness::Off).command(&room.path("intruder"), &["files".into()]);
    let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.to_str().unwrap())).collect();
    let run = |program: &str| {
        let script = format!("exec 9< /etc/passwd; exec {program}").replace(&format!("'{}'", std::process::id()), "$PPID");
        Command::new("sh").args(["-c", &script]).status().unwrap().success()
    };
    assert!(run(&format!("'{}' files", room.text("intruder"))), "a file that was left open is found");
    assert!(!run(&format!("'{}' {}", room.text("confine"), quoted.join(" "))));
}

#[test]
fn it_is_the_first_to_go() {
    for room in rooms() {
        let words: Vec<std::ffi::OsString> = vec!["30".into()];
        let mut child = room.launcher(&room.confinement(Strictness::Strict).command("/usr/bin/sleep".as_ref(), &words)).spawn().unwrap();
        let about = |what: &str| std::fs::read_to_string(format!("/proc/{}/{what}", child.id())).unwrap();
        let started = Instant::now();
        while about("comm").trim() != "sleep" {
            assert!(started.elapsed() < Duration::from_secs(20));
            std::thread::yield_now();
        }
        assert_eq!(about("oom_score_adj").trim(), "900");
        let status = about("status");
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), ("1".into(), "2".into()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn it_is_another_user_where_the_server_is_root() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let room = Room::new(None);
    assert_eq!(room.allowed(&["user"]), OTHER.to_string());
}

#[test]
fn it_ends_with_the_server() {
    for room in rooms() {
        // A shell stands for the server: it starts a child, says which, and ends.
        let words = room.confinement(Strictness::Strict).command("/usr/bin/sleep".as_ref(), &["60".into()]);
        let quoted: Vec<String> = words.iter().map(|word| format!("'{}'", word.to_str().unwrap())).collect();
        let script = format!("'{}' {} & echo $!; read line", room.text("confine"), quoted.join(" ").replace(&format!("'{}'", std::process::id()), "$$"));
        let mut shell = Command::new("sh").args(["-c", &script]).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.take().unwrap()), &mut said).unwrap();
        let comm = format!("/proc/{}/comm", said.trim());
        let name = || std::fs::read_to_string(&comm).unwrap_or_default();
        let started = Instant::now();
        while name().trim() != "sleep" {
            assert!(started.elapsed() < Duration::from_secs(20), "the child did not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        shell.kill().unwrap();
        shell.wait().unwrap();
        while name().trim() == "sleep" {
            assert!(started.elapsed() < Duration::from_secs(20), "the child lives on");
            std::thread::sleep(Duration::from_millis(5));
        }
        if room.server.is_none() {
            break;
        }
    }
}

#[test]
fn what_is_missing_is_named() {
    let report = Report::read("confinement:\nlandlock: this kernel has no Landlock\n").unwrap();
    assert_eq!(report.missing, vec![(Means::Files, "this kernel has no Landlock".to_owned())]);
    assert!(Report::read("ffmpeg version 5").is_none());
    for means in Means::ALL {
        assert!(means.without().contains(':'), "says what to do");
    }
}
