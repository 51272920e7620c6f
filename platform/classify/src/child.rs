//! The model in a child process: started when it is first needed, asked one picture at a time, and replaced when it
//! fails.
//!
//! The child reads frames from its standard input and writes lines to its standard output: `ready NAME` or
//! `failed REASON` first, then a probability for each frame. Owns the process and its deadlines; how it is confined is
//! the caller's command. Invariant: a child that has not answered in time is dead before the next picture is asked
//! about, and none is started again before its pause is over.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use screening::classifier::{Classifier, NoScore, Picture, Score, Scoring};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};

use crate::backoff::Backoff;
use crate::frame::frame_of;

/// How long a child may take to load its model. It counts towards no picture's deadline.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest line that is read.
const MAX_LINE_BYTES: u64 = 256;
/// A child that has scored so many pictures is replaced, well before its limit of processor time.
const MAX_PICTURES: u32 = 10_000;
/// Where a child finds programs.
const SEARCH_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// How a child is started.
#[derive(Debug, Clone)]
pub struct ChildCommand {
    /// The program: the launcher that confines it, or the one that runs the model.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// The folder in which it works, which exists.
    pub folder: PathBuf,
    /// Its memory in bytes, where no launcher limits it.
    pub memory_bytes: Option<u64>,
}

/// A model in a child process; see the module.
pub struct ChildModel {
    command: ChildCommand,
    name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: Option<Running>,
    backoff: Backoff,
}

/// A child that has loaded its model. Dropping it kills the child.
struct Running {
    /// Killed when it is dropped.
    _child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    scored: u32,
}

impl ChildModel {
    /// Returns the model with this name and version. Nothing is started yet.
    pub fn new(command: ChildCommand, name: &str) -> Self {
        Self { command, name: name.to_owned(), state: Mutex::default() }
    }

    async fn ask(&self, frame: &[u8], deadline: Duration) -> Result<Score, NoScore> {
        // Waiting for the pictures before it counts: what is late is of no use.
        let mut state = timeout(deadline, self.state.lock()).await.map_err(|_| NoScore::TimedOut)?;
        let mut running = match state.running.take() {
            Some(running) => running,
            None if !state.backoff.allows(Instant::now()) => return Err(NoScore::Unavailable),
            None => match start(&self.command).await {
                Ok(running) => running,
                Err(reason) => {
                    state.backoff.failed(Instant::now());
                    tracing::warn!(model = self.name, reason, "the model that scores pictures could not be started");
                    return Err(NoScore::Unavailable);
                }
            },
        };
        // A child that is asked and does not answer in time is dropped here, and with it killed.
        let end = Instant::now() + deadline;
        let score = timeout_at(end, running.score(frame)).await.unwrap_or(Err(NoScore::TimedOut));
        match score {
            Ok(score) => {
                state.backoff.succeeded();
                running.scored += 1;
                state.running = Some(running).filter(|running| running.scored < MAX_PICTURES);
                Ok(score)
            }
            Err(cause) => {
                state.backoff.failed(Instant::now());
                tracing::warn!(model = self.name, %cause, "the model that scores pictures has failed and is replaced");
                Err(cause)
            }
        }
    }
}

impl Classifier<Picture> for ChildModel {
    fn model(&self) -> &str {
        &self.name
    }

    fn score<'a>(&'a self, input: &'a Picture, deadline: Duration) -> Scoring<'a> {
        Box::pin(async move {
            let frame = frame_of(input).ok_or(NoScore::Malformed)?;
            self.ask(&frame, deadline).await
        })
    }
}

impl Running {
    async fn score(&mut self, frame: &[u8]) -> Result<Score, NoScore> {
        let gone = |_| NoScore::Unavailable;
        self.stdin.write_all(frame).await.map_err(gone)?;
        self.stdin.flush().await.map_err(gone)?;
        let line = read_line(&mut self.stdout).await.ok_or(NoScore::Unavailable)?;
        line.parse().ok().and_then(Score::of_probability).ok_or(NoScore::Malformed)
    }
}

/// Starts a child and waits until it has loaded its model, or returns why it has not.
async fn start(command: &ChildCommand) -> Result<Running, String> {
    let mut starter = tokio::process::Command::new(&command.program);
    starter.args(&command.arguments).current_dir(&command.folder);
    starter.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    starter.env_clear().env("PATH", SEARCH_PATH).env("LC_ALL", "C").env("HOME", &command.folder);
    starter.process_group(0).kill_on_drop(true);
    let mut child = starter.spawn().map_err(|error| format!("it can't be started: {error}"))?;
    if let (Some(bytes), Some(id)) = (command.memory_bytes, child.id()) {
        limit(id, bytes);
    }
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err("it has no pipes".to_owned());
    };
    let mut stdout = BufReader::new(stdout);
    let line = timeout(START_TIMEOUT, read_line(&mut stdout)).await.map_err(|_| "it took too long".to_owned())?;
    match line.as_deref().and_then(|line| line.split_once(' ')) {
        Some(("ready", _)) => Ok(Running { _child: child, stdin, stdout, scored: 0 }),
        Some(("failed", reason)) => Err(reason.to_owned()),
        _ => Err("it ended before its model was loaded".to_owned()),
    }
}

/// Limits the memory that a child can fill, from outside: no code of ours runs between fork and exec.
fn limit(id: u32, bytes: u64) {
    let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) else { return };
    let both = |value: u64| Rlimit { current: Some(value), maximum: Some(value) };
    for (resource, value) in [(Resource::Data, bytes), (Resource::Core, 0)] {
        // It may have ended already; then there is nothing to limit.
        let _ = prlimit(Some(pid), resource, both(value));
    }
}

/// Returns the next line without its end; `None` if there is none, or if it is too long.
async fn read_line(stdout: &mut BufReader<ChildStdout>) -> Option<String> {
    let mut line = String::new();
    stdout.take(MAX_LINE_BYTES).read_line(&mut line).await.ok()?;
    line.strip_suffix('\n').map(str::to_owned)
}
