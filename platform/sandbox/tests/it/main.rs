//! What a converter that a malicious file has taken over can't do. An intruder tries each action twice: unconfined,
//! where it must succeed (otherwise the test would prove nothing), and confined.
//!
//! Each test runs as the user of the test process, and if that is root, once more as a user without privileges.
//! Invariant: all files lie in a temporary folder, and connections go to this test's own listeners.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use sandbox::{Confinement, Mechanism, Report, Strictness};

/// A user without privileges who is not the one that root's children run as.
const UNPRIVILEGED_UID: u32 = 65533;
/// The user that root's children run as.
const CHILD_UID: u32 = 65534;

/// A temporary folder with a server's files, a scratch folder in it, and the two programs.
struct Fixture {
    folder: tempfile::TempDir,
    /// The user id that the server runs as; `None` for that of the test process.
    server: Option<u32>,
}

impl Fixture {
    fn new(server: Option<u32>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fixture = Self { folder, server };
        for (name, program) in
            [("confine", env!("CARGO_BIN_EXE_confine")), ("intruder", env!("CARGO_BIN_EXE_intruder"))]
        {
            std::fs::copy(program, fixture.path(name)).unwrap();
        }
        for folder in ["data", "data/scratch"] {
            std::fs::create_dir(fixture.path(folder)).unwrap();
        }
        for file in ["data/secret", "data/input", "data/scratch/own"] {
            std::fs::write(fixture.path(file), "hush").unwrap();
            std::fs::set_permissions(fixture.path(file), std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        std::fs::set_permissions(fixture.folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        if server.is_some() {
            for path in ["data", "data/scratch", "data/secret", "data/input", "data/scratch/own"] {
                chown(fixture.path(path), server, server).unwrap();
            }
        }
        std::fs::set_permissions(fixture.path("data"), std::fs::Permissions::from_mode(0o700)).unwrap();
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn path_text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn confinement(&self, strictness: Strictness) -> Confinement {
        Confinement {
            strictness,
            readable: vec![self.path("data/input")],
            folder: self.path("data/scratch"),
            user: Some(CHILD_UID),
            memory_bytes: 256 << 20,
            cpu_seconds: 20,
            file_bytes: 1 << 20,
            nice: 1,
        }
    }

    fn launch_command(&self, arguments: &[std::ffi::OsString]) -> Command {
        let mut command = match self.server {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command
                    .args([format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".into(), "--".into()])
                    .arg(self.path("confine"));
                command
            }
            None => Command::new(self.path("confine")),
        };
        command.args(arguments).current_dir(self.path("data/scratch"));
        command
    }

    fn run(&self, strictness: Strictness, attempt: &[&str]) -> Output {
        let attempt: Vec<std::ffi::OsString> = attempt.iter().map(Into::into).collect();
        self.launch_command(&self.confinement(strictness).command(&self.path("intruder"), &attempt)).output().unwrap()
    }

    /// Fails the test unless the attempt succeeds unconfined and is refused confined.
    #[track_caller]
    fn refused(&self, attempt: &[&str]) {
        let unconfined = self.run(Strictness::Off, attempt);
        assert!(unconfined.status.success(), "{attempt:?} proves nothing, it fails anyway: {unconfined:?}");
        self.refused_confined(attempt);
    }

    #[track_caller]
    fn refused_confined(&self, attempt: &[&str]) {
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

/// Returns a fixture for every user that this test can run a server as.
fn fixtures() -> Vec<Fixture> {
    let root = rustix::process::geteuid().is_root();
    let can_drop_root = root && Command::new("setpriv").arg("--version").output().is_ok();
    let fixtures: Vec<Fixture> =
        [Some(None), can_drop_root.then_some(Some(UNPRIVILEGED_UID))].into_iter().flatten().map(Fixture::new).collect();
    let fixture = &fixtures[0];
    let check = fixture.launch_command(&fixture.confinement(Strictness::Strict).check()).output().unwrap();
    let report =
        Report::read(&String::from_utf8_lossy(&check.stdout)).unwrap_or_else(|| panic!("no report: {check:?}"));
    assert_eq!(report, Report::default(), "this machine lacks a mechanism, so the test would prove nothing");
    fixtures
}

#[test]
fn a_child_reads_its_input_and_writes_its_folder() {
    for fixture in fixtures() {
        fixture.allowed(&["read", &fixture.path_text("data/input")]);
        fixture.allowed(&["create", &fixture.path_text("data/scratch/made")]);
        fixture.allowed(&["create", "made-too"]);
        fixture.allowed(&["remove", &fixture.path_text("data/scratch/made")]);
        fixture.allowed(&["memory", "64"]);
    }
}

#[test]
fn other_files_are_not_read() {
    for fixture in fixtures() {
        fixture.refused(&["read", &fixture.path_text("data/secret")]);
        fixture.refused(&["read", "/etc/passwd"]);
        fixture.refused(&["list", &fixture.path_text("data")]);
        fixture.refused(&["list", "/"]);
        fixture.refused(&["read", "/proc/self/status"]);
        if fixture.server.is_none() && rustix::process::geteuid().is_root() {
            fixture.refused(&["read", "/etc/shadow"]);
        }
    }
}

#[test]
fn nothing_outside_its_folder_is_written() {
    for fixture in fixtures() {
        let (secret, input) = (fixture.path_text("data/secret"), fixture.path_text("data/input"));
        fixture.refused(&["write", &secret]);
        fixture.refused(&["write", &input]);
        fixture.refused(&["create", &fixture.path_text("data/new")]);
        fixture.refused(&["chmod", &secret]);
        fixture.refused_confined(&["chmod", &fixture.path_text("data/scratch/own")]);
        fixture.refused(&["link", &secret, &fixture.path_text("data/scratch/link")]);
        // These two would destroy the file if they succeeded, so they are not tried unconfined first.
        fixture.refused_confined(&["empty", &secret]);
        fixture.refused_confined(&["remove", &secret]);
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "hush");
    }
}

#[test]
fn the_memory_of_the_server_is_closed() {
    for fixture in fixtures() {
        // A process of the same user as the server.
        let mut server = match fixture.server {
            Some(user) => Command::new("setpriv")
                .args([format!("--reuid={user}"), format!("--regid={user}"), "--clear-groups".into()])
                .args(["sleep", "60"])
                .spawn()
                .unwrap(),
            None => Command::new("sleep").arg("60").spawn().unwrap(),
        };
        let pid = server.id().to_string();
        let started = Instant::now();
        while std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap().trim() != "sleep" {
            assert!(started.elapsed() < Duration::from_secs(20));
            std::thread::yield_now();
        }
        fixture.refused_confined(&["read", &format!("/proc/{pid}/mem")]);
        fixture.refused(&["read", &format!("/proc/{pid}/environ")]);
        fixture.refused(&["signal", &pid]);
        fixture.refused(&["limit", &pid]);
        server.kill().unwrap();
        server.wait().unwrap();
    }
}

#[test]
fn no_socket_is_opened() {
    for fixture in fixtures() {
        let (tcp, udp) = (TcpListener::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let unix = UnixListener::bind(fixture.path("data/scratch/socket")).unwrap();
        std::fs::set_permissions(fixture.path("data/scratch/socket"), std::fs::Permissions::from_mode(0o666)).unwrap();
        fixture.refused(&["tcp", &tcp.local_addr().unwrap().to_string()]);
        fixture.refused(&["udp", &udp.local_addr().unwrap().to_string()]);
        fixture.refused(&["unix", &fixture.path_text("data/scratch/socket")]);
        fixture.refused(&["listen"]);
        drop(unix);
    }
}

#[test]
fn no_process_is_started_so_none_outlives_it() {
    for fixture in fixtures() {
        let mark = fixture.path_text("data/scratch/mark");
        fixture.refused_confined(&["grandchild", &mark]);
        fixture.refused_confined(&["setsid"]);
        // Unconfined, the grandchild outlives its parent. The confined one had more time than this one takes.
        assert!(!fixture.path("data/scratch/mark").exists());
        assert!(fixture.run(Strictness::Off, &["grandchild", &mark]).status.success());
        let started = Instant::now();
        while !fixture.path("data/scratch/mark").exists() {
            assert!(started.elapsed() < Duration::from_secs(20), "the unconfined grandchild never wrote");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
fn memory_is_limited() {
    for fixture in fixtures() {
        fixture.refused_confined(&["memory", "400"]);
    }
}

#[test]
fn inherited_files_are_closed() {
    let fixture = Fixture::new(None);
    // `Off` still closes inherited files, and it lets the intruder list its own.
    let arguments = fixture.confinement(Strictness::Off).command(&fixture.path("intruder"), &["files".into()]);
    let quoted: Vec<String> = arguments.iter().map(|argument| format!("'{}'", argument.to_str().unwrap())).collect();
    let run = |program: &str| {
        let script =
            format!("exec 9< /etc/passwd; exec {program}").replace(&format!("'{}'", std::process::id()), "$PPID");
        Command::new("sh").args(["-c", &script]).status().unwrap().success()
    };
    assert!(run(&format!("'{}' files", fixture.path_text("intruder"))), "a file that was left open is found");
    assert!(!run(&format!("'{}' {}", fixture.path_text("confine"), quoted.join(" "))));
}

#[test]
fn a_child_is_killed_before_the_server_when_memory_runs_out() {
    for fixture in fixtures() {
        let arguments: Vec<std::ffi::OsString> = vec!["30".into()];
        let mut child = fixture
            .launch_command(&fixture.confinement(Strictness::Strict).command("/usr/bin/sleep".as_ref(), &arguments))
            .spawn()
            .unwrap();
        let proc_file = |name: &str| std::fs::read_to_string(format!("/proc/{}/{name}", child.id())).unwrap();
        let started = Instant::now();
        while proc_file("comm").trim() != "sleep" {
            assert!(started.elapsed() < Duration::from_secs(20));
            std::thread::yield_now();
        }
        assert_eq!(proc_file("oom_score_adj").trim(), "900");
        let status = proc_file("status");
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), ("1".into(), "2".into()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

#[test]
fn a_child_of_root_runs_as_another_user() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let fixture = Fixture::new(None);
    assert_eq!(fixture.allowed(&["user"]), CHILD_UID.to_string());
}

#[test]
fn a_child_ends_with_the_server() {
    for fixture in fixtures() {
        // A shell plays the server: it starts a child, prints its process id, and ends.
        let arguments = fixture.confinement(Strictness::Strict).command("/usr/bin/sleep".as_ref(), &["60".into()]);
        let quoted: Vec<String> =
            arguments.iter().map(|argument| format!("'{}'", argument.to_str().unwrap())).collect();
        let script = format!(
            "'{}' {} & echo $!; read line",
            fixture.path_text("confine"),
            quoted.join(" ").replace(&format!("'{}'", std::process::id()), "$$")
        );
        let mut shell = Command::new("sh")
            .args(["-c", &script])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(shell.stdout.take().unwrap()), &mut output).unwrap();
        let comm = format!("/proc/{}/comm", output.trim());
        let name = || std::fs::read_to_string(&comm).unwrap_or_default();
        let started = Instant::now();
        while name().trim() != "sleep" {
            assert!(started.elapsed() < Duration::from_secs(20), "the child did not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        shell.kill().unwrap();
        shell.wait().unwrap();
        while name().trim() == "sleep" {
            assert!(started.elapsed() < Duration::from_secs(20), "the child outlived the server");
            std::thread::sleep(Duration::from_millis(5));
        }
        if fixture.server.is_none() {
            break;
        }
    }
}

#[test]
fn a_report_names_missing_mechanisms() {
    let report = Report::read("confinement:\nlandlock: this kernel has no Landlock\n").unwrap();
    assert_eq!(report.missing, vec![(Mechanism::Files, "this kernel has no Landlock".to_owned())]);
    assert!(Report::read("ffmpeg version 5").is_none());
    for mechanism in Mechanism::ALL {
        assert!(mechanism.without().contains(':'), "says what to do");
    }
}
