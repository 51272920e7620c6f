//! A server program as a child process: started, frozen, killed and restarted.
//!
//! Invariant: it ends when it is dropped and, by the kernel's parent-death signal, when the test's process ends.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread::sleep;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};

/// Past this, a wait fails the test.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// A program that listens on a port.
#[derive(Debug)]
pub struct Program {
    name: String,
    arguments: Vec<String>,
    log: PathBuf,
    ready: ReadyCheck,
    child: Option<Child>,
}

/// How to find out that a program is ready.
#[derive(Debug, Clone)]
pub enum ReadyCheck {
    /// It accepts connections on this port.
    PortOpen(u16),
    /// `GET /readyz` on this port responds with 200.
    Readyz(u16),
}

impl Program {
    /// Starts `arguments` (the program first) and waits until it is ready; its output goes to the file `log`.
    pub fn start(name: &str, arguments: Vec<String>, ready: ReadyCheck, log: &Path) -> Self {
        let mut program = Self::new(name, arguments, ready, log);
        program.restart();
        program
    }

    /// Returns a program that is not started yet; see [`Program::start`].
    pub fn new(name: &str, arguments: Vec<String>, ready: ReadyCheck, log: &Path) -> Self {
        Self { name: name.to_owned(), arguments, log: log.to_owned(), ready, child: None }
    }

    /// Returns its name in reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds arguments, for its next start.
    pub fn add_arguments(&mut self, arguments: &[&str]) {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
    }

    /// Runs it by this command from its next start on, with its output in `log`.
    pub fn run_under(&mut self, command: Vec<String>, log: &Path) {
        self.arguments.splice(0..0, command);
        log.clone_into(&mut self.log);
    }

    /// Returns its process id while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Returns the path of its log.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Starts it, for the first time or again, and waits until it is ready.
    pub fn restart(&mut self) {
        self.spawn();
        self.wait_until_ready();
    }

    /// Starts it, for the first time or again, without waiting.
    pub fn spawn(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let log = File::options().create(true).append(true).open(&self.log).expect("the log can be opened");
        let stderr = log.try_clone().expect("a file handle can be cloned");
        // `setpriv` is part of util-linux, which every Linux has.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).args(&self.arguments);
        command.stdin(Stdio::null()).stdout(log).stderr(stderr);
        self.child = Some(spawn_from_lasting_thread(command).expect("setpriv (util-linux) is installed"));
    }

    /// Waits until it is ready; fails the test after a minute, or as soon as the program ends.
    pub fn wait_until_ready(&mut self) {
        self.wait_until("ready", Self::is_ready);
    }

    /// Whether it is ready now.
    pub fn is_ready(&self) -> bool {
        match self.ready {
            ReadyCheck::PortOpen(port) => TcpStream::connect(("127.0.0.1", port)).is_ok(),
            ReadyCheck::Readyz(port) => readyz_is_ok(port).unwrap_or(false),
        }
    }

    /// Waits until `is_true`; fails the test with the program's log after a minute, or as soon as the program ends.
    pub(super) fn wait_until(&mut self, what: &str, mut is_true: impl FnMut(&Self) -> bool) {
        let started = Instant::now();
        while !is_true(self) {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
            assert!(
                ended.is_none() && started.elapsed() < WAIT_TIMEOUT,
                "{} is not {what} ({ended:?}):\n{}",
                self.name,
                self.logs()
            );
            sleep(Duration::from_millis(20));
        }
    }

    /// Returns its log.
    pub fn logs(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it was started and not stopped since.
    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// Sends SIGKILL to it and its descendants, and waits for their end.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let family = stop_family(&child);
        for process in family.iter().copied().chain([child.id()]) {
            signal(process, Signal::KILL);
        }
        // It may have ended by itself.
        let _ = child.wait();
        // A restart finds no process that still holds its ports, files or shared memory.
        poll_until("the end of killed processes", || !family.iter().any(|process| is_alive(*process)));
    }

    /// Sends SIGTERM.
    pub fn send_sigterm(&self) {
        if let Some(child) = &self.child {
            signal(child.id(), Signal::TERM);
        }
    }

    /// Sends SIGTERM and waits for its end. Returns the exit status, or `None` if it did not run.
    pub fn terminate(&mut self) -> Option<ExitStatus> {
        self.send_sigterm();
        self.wait_for_exit()
    }

    /// Waits for its end. Returns the exit status, or `None` if it did not run.
    pub fn wait_for_exit(&mut self) -> Option<ExitStatus> {
        self.child.take()?.wait().ok()
    }

    /// Stops it with SIGSTOP: it keeps its connections and responds to nothing. Returns when every thread is stopped.
    pub fn freeze(&self) {
        if let Some(child) = &self.child {
            stop_family(child);
        }
    }

    /// Continues it after [`Program::freeze`].
    pub fn thaw(&self) {
        if let Some(child) = &self.child {
            descendants(child.id()).into_iter().chain([child.id()]).for_each(|process| signal(process, Signal::CONT));
        }
    }
}

/// Sends `GET /readyz` to the operations listener, by hand: no client library and no runtime is needed.
fn readyz_is_ok(port: u16) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(3)))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    Ok(response.starts_with("HTTP/1.1 200"))
}

/// Starts a child from a thread that lives as long as the process.
///
/// The kernel sends the parent-death signal when the *thread* that made a child ends (prctl(2), `PR_SET_PDEATHSIG`),
/// and a test's thread ends with the test.
fn spawn_from_lasting_thread(command: Command) -> std::io::Result<Child> {
    type Request = (Command, mpsc::Sender<std::io::Result<Child>>);
    static SPAWNER: OnceLock<Mutex<mpsc::Sender<Request>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (requests, received) = mpsc::channel::<Request>();
        std::thread::spawn(move || {
            for (mut command, result) in received {
                // The receiver waits for it.
                let _ = result.send(command.spawn());
            }
        });
        Mutex::new(requests)
    });
    let (result, results) = mpsc::channel();
    let thread_ended = || std::io::Error::other("the thread that starts programs has ended");
    spawner.lock().send((command, result)).map_err(|_| thread_ended())?;
    results.recv().map_err(|_| thread_ended())?
}

fn signal(process: u32, signal: Signal) {
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        // A process that has ended meanwhile needs no signal.
        let _ = kill_process(process, signal);
    }
}

/// Stops a process and then its descendants, which can't start new ones any more. Returns the descendants.
fn stop_family(child: &Child) -> Vec<u32> {
    signal(child.id(), Signal::STOP);
    wait_until_stopped(child.id());
    let family = descendants(child.id());
    family.iter().for_each(|process| signal(*process, Signal::STOP));
    family.iter().for_each(|process| wait_until_stopped(*process));
    family
}

fn wait_until_stopped(process: u32) {
    poll_until("a process to be stopped", || is_stopped(process));
}

fn poll_until(what: &str, is_true: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_true() {
        assert!(started.elapsed() < WAIT_TIMEOUT, "waited {WAIT_TIMEOUT:?} in vain for {what}");
        sleep(Duration::from_millis(1));
    }
}

/// Whether a process runs: it has an entry that is not a zombie's (`Z`, proc(5)).
fn is_alive(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.starts_with(" Z") && !rest.starts_with(" X"))
}

/// Whether every thread of a process is stopped or has ended: a signal takes effect with a delay.
fn is_stopped(process: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let state = |stat: &str| stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next());
    threads
        .map(|thread| std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default())
        .all(|stat| state(&stat).is_none_or(|state| "TtZX".contains(state)))
}

impl Drop for Program {
    fn drop(&mut self) {
        // A frozen child is continued first, so that it handles signals.
        self.thaw();
        self.kill();
    }
}

/// Returns the descendants of a process. Each of PostgreSQL's leads a process group of its own, so a signal to the
/// group would not reach them.
fn descendants(parent: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // `id (name) state parent …`, where the name may hold spaces and brackets (proc(5)).
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat
            .rsplit_once(')')
            .and_then(|(_, rest)| rest.split_whitespace().nth(1))
            .and_then(|text| text.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (id, parent)));
    }
    let mut found = Vec::new();
    let mut queue = vec![parent];
    while let Some(parent) = queue.pop() {
        for (id, _) in parents.iter().filter(|(_, of)| *of == parent) {
            found.push(*id);
            queue.push(*id);
        }
    }
    found
}
