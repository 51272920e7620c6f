//! One child process: started with limits, supervised, and ended.
//!
//! Owns the process from its start to its last byte; its sandbox is the launcher's (`launcher`). Invariant: when
//! [`run`] returns or is dropped, the child's whole process group is dead; it never used more memory, CPU time or file
//! size than its [`Limits`], and it never went without progress for longer than `stall_timeout` (see `stall`).

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process_group, prlimit, setpriority_process};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::sync::CancellationToken;

use super::launcher::SEARCH_PATH;
use super::process_error::{ProcessError, is_disk_full};
use super::stall::Stall;
use super::stderr::{is_input_lost, is_out_of_memory};
use super::{Command, Limits, StderrText, Tools};

/// How many bytes of a child's stderr are kept.
const MAX_STDERR_BYTES: usize = 8 * 1024;

/// Kills a process group unless told that it has ended by itself.
struct ProcessGroup(Option<Pid>);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        if let Some(pid) = self.0.take() {
            // It may be gone already.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Runs `command` to its end. `on_stdout` gets its output and returns whether that shows progress. Returns its stderr
/// (the last 8 KB).
pub(crate) async fn run(
    tools: &Tools,
    command: &Command,
    cancel: &CancellationToken,
    mut on_stdout: impl FnMut(&[u8]) -> bool + Send,
) -> Result<StderrText, ProcessError> {
    let share = tokio::select! {
        biased;
        () = cancel.cancelled() => return Err(ProcessError::Cancelled),
        share = tools.memory.share(command.limits.memory_bytes, command.limits.nice) => {
            share.ok_or(ProcessError::NoMemory)?
        }
    };
    let mut command = command.clone();
    command.limits.memory_bytes = share.bytes;
    let command = &command;
    let full = || is_disk_full(&command.folder);
    if full() {
        return Err(ProcessError::DiskFull);
    }
    let mut child = spawn(tools, command)?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let mut group = ProcessGroup(pid);
    if let (Some(pid), None) = (pid, &tools.launcher) {
        limit(pid, command.limits);
    }
    let (Some(mut stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(not_started(command, std::io::Error::other("no pipes")));
    };
    let stall_timeout = command.limits.stall_timeout;
    let listen = async {
        let mut chunk = vec![0; 32 * 1024];
        let mut stall = Stall::new(pid, stall_timeout);
        loop {
            match tokio::time::timeout_at(stall.next_step(), stdout.read(&mut chunk)).await {
                Ok(Ok(0) | Err(_)) => return Ok(()),
                Ok(Ok(_)) if full() => return Err(ProcessError::DiskFull),
                Ok(Ok(read)) if on_stdout(chunk.get(..read).unwrap_or_default()) => stall.progress(),
                Ok(Ok(_)) | Err(_) if stall.is_over() => return Err(ProcessError::Stalled(stall_timeout)),
                Ok(Ok(_)) | Err(_) => {}
            }
        }
    };
    let work = async {
        let ((), stderr) = tokio::try_join!(listen, async { Ok(read_tail(stderr).await) })?;
        // Its pipes are closed; a child that lingers all the same is killed.
        let status = tokio::time::timeout(stall_timeout, child.wait())
            .await
            .map_err(|_| ProcessError::Stalled(stall_timeout))?;
        Ok((status, stderr))
    };
    let watched = async {
        tokio::select! {
            () = cancel.cancelled() => Err(ProcessError::Cancelled),
            done = work => done,
        }
    };
    let (status, stderr) = watched.await?;
    let status = status.map_err(|error| not_started(command, error))?;
    group.0 = None;
    if full() {
        return Err(ProcessError::DiskFull);
    }
    let (stderr, lost_source) = redact_urls(&stderr);
    let stderr = StderrText::new(stderr);
    if status.code() == Some(sandbox::EXIT_NOT_STARTED.into()) && stderr.begins_with(sandbox::ERROR_PREFIX) {
        // The launcher's own words, which contain nothing of the file.
        return Err(not_started(command, std::io::Error::other(stderr.read(str::to_owned))));
    }
    // ffprobe does not report whether it read the source as a whole; running it again costs little.
    let incomplete = lost_source || (command.program == tools.ffprobe && is_input_lost(&stderr));
    match status.success() {
        true if incomplete => Err(ProcessError::IncompleteInput(stderr)),
        true => Ok(stderr),
        false if is_out_of_memory(&stderr) => Err(ProcessError::OutOfMemory { limit_bytes: share.bytes }),
        false => Err(ProcessError::Exited { status, stderr }),
    }
}

fn spawn(tools: &Tools, command: &Command) -> Result<tokio::process::Child, ProcessError> {
    let (program, args): (PathBuf, Vec<OsString>) = match &tools.launcher {
        Some(launcher) => launcher.command(command).ok_or_else(|| {
            not_started(
                command,
                std::io::Error::other("it cannot be sandboxed on this machine, and transcode.sandbox is \"strict\""),
            )
        })?,
        None => (command.program.clone(), command.args.clone()),
    };
    let mut starter = tokio::process::Command::new(program);
    starter.args(&args).current_dir(&command.folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // Its messages must be in English, and a report file or another home must not influence it.
    starter.env_clear().env("PATH", SEARCH_PATH).env("LC_ALL", "C").env("HOME", &command.folder);
    starter.process_group(0).kill_on_drop(true);
    starter.spawn().map_err(|error| not_started(command, error))
}

fn not_started(command: &Command, source: std::io::Error) -> ProcessError {
    ProcessError::NotStarted { program: command.program.display().to_string(), source }
}

/// Sets the limits of a child without a launcher, from outside: no code of ours runs between fork and exec. They take
/// effect a moment after it has started, which is early enough: a limit counts what is used, not what is requested
/// after it was set.
fn limit(pid: Pid, limits: Limits) {
    let both = |value: u64| Rlimit { current: Some(value), maximum: Some(value) };
    let set = [
        (Resource::As, limits.memory_bytes),
        (Resource::Cpu, limits.cpu.as_secs().max(1)),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Core, 0),
    ];
    for (resource, value) in set {
        // It may have ended already; then there is nothing to limit.
        let _ = prlimit(Some(pid), resource, both(value));
    }
    if limits.nice > 0 {
        let _ = setpriority_process(Some(pid), limits.nice);
    }
}

/// Reads to the end and keeps the last bytes.
async fn read_tail(mut pipe: impl AsyncRead + Unpin) -> String {
    let mut kept: Vec<u8> = Vec::new();
    let mut chunk = vec![0; 4096];
    while let Ok(read) = pipe.read(&mut chunk).await {
        if read == 0 {
            break;
        }
        kept.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if kept.len() > MAX_STDERR_BYTES {
            kept.drain(..kept.len() - MAX_STDERR_BYTES);
        }
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

/// A child's stderr, without URLs that grant access to the object store. It also records whether the child lost its
/// source: ffmpeg takes a connection that stays broken for the end of the file, and exits with 0.
fn redact_urls(stderr: &str) -> (String, bool) {
    let is_url = |word: &str| word.contains("://") || word.contains("X-Amz-");
    let mut lost_source = false;
    let mut redacted = String::with_capacity(stderr.len());
    for line in stderr.split_inclusive('\n') {
        lost_source |=
            (line.starts_with("http://") || line.starts_with("https://")) && is_input_lost(&StderrText::new(line));
        for word in line.split_inclusive(char::is_whitespace) {
            if is_url(word) {
                redacted.push_str("(source)");
                redacted.extend(word.chars().filter(|letter| letter.is_whitespace()));
            } else {
                redacted.push_str(word);
            }
        }
    }
    (redacted, lost_source)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::ffmpeg::MemoryBudget;

    fn tools() -> Tools {
        Tools {
            ffmpeg: "ffmpeg".into(),
            ffprobe: "ffprobe".into(),
            heif_convert: "heif-convert".into(),
            launcher: None,
            memory: MemoryBudget::new(4 << 30),
            tonemap: false,
            works: true,
        }
    }

    fn shell(script: &str) -> Command {
        Command {
            program: "sh".into(),
            args: vec!["-c".into(), script.into()],
            folder: std::env::temp_dir(),
            reads: Vec::new(),
            limits: Limits {
                memory_bytes: 1 << 30,
                cpu: Duration::from_secs(5),
                file_bytes: 1 << 20,
                stall_timeout: Duration::from_secs(20),
                nice: 5,
            },
        }
    }

    /// The same, with a short stall timeout.
    fn with_short_stall_timeout(script: &str) -> Command {
        let mut command = shell(script);
        command.limits.stall_timeout = Duration::from_millis(400);
        command
    }

    async fn run_shell(script: &str) -> Result<StderrText, ProcessError> {
        run(&tools(), &shell(script), &CancellationToken::new(), |_| true).await
    }

    #[tokio::test]
    async fn the_last_stderr_is_kept_and_bounded() {
        let stderr = run_shell("i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done").await.unwrap();
        assert!(stderr.read(|text| text.len() <= MAX_STDERR_BYTES && text.ends_with("line 2999")));
    }

    #[tokio::test]
    async fn urls_are_redacted_and_a_lost_source_is_detected() {
        let echo = |line: &str| format!("echo '{line}' >&2");
        let lost = run_shell(&echo("https://store/ab/c?X-Amz-Signature=5: Input/output error")).await.unwrap_err();
        let expected = StderrText::new("(source) Input/output error");
        assert!(matches!(&lost, ProcessError::IncompleteInput(stderr) if *stderr == expected), "{lost:?}");
        let reconnected = run_shell(&echo("[https @ 0x1] Will reconnect at 5 in 0 second(s), error=https://store/?a."))
            .await
            .unwrap();
        assert_eq!(reconnected.read(str::to_owned), "[https @ 0x1] Will reconnect at 5 in 0 second(s), (source)");
        let corrupt = run_shell(&echo("http://store/x: corrupt input packet in stream 0")).await;
        assert!(corrupt.is_ok(), "damage in a file does not mean that the store was lost");
        let failed = run_shell("echo 'nt-1&X-Amz-Signature=5: no' >&2; exit 1").await.unwrap_err();
        assert!(!format!("{failed:?} {failed}").contains("Signature"));
    }

    #[tokio::test]
    async fn a_stalled_child_is_killed() {
        let began = tokio::time::Instant::now();
        let script = "while true; do :; done";
        let stalled = run(&tools(), &with_short_stall_timeout(script), &CancellationToken::new(), |_| true).await;
        assert!(matches!(stalled, Err(ProcessError::Stalled(_))));
        let busy = began.elapsed();
        let stalled = run(&tools(), &with_short_stall_timeout("sleep 60"), &CancellationToken::new(), |_| true).await;
        assert!(matches!(stalled, Err(ProcessError::Stalled(_))));
        // One that got no processor is given more time.
        assert!(began.elapsed() >= busy + Duration::from_millis(400 * 6), "{busy:?} {:?}", began.elapsed());
    }

    #[tokio::test]
    async fn output_without_progress_is_no_progress() {
        let dull = run(
            &tools(),
            &with_short_stall_timeout("while true; do echo x; sleep 0.05; done"),
            &CancellationToken::new(),
            |_| false,
        )
        .await;
        assert!(matches!(dull, Err(ProcessError::Stalled(_))));
    }

    #[tokio::test]
    async fn memory_and_file_size_are_limited() {
        assert!(matches!(
            run_shell("sleep 0.2; head -c 3000000 /dev/zero > tutti-limit-test; s=$?; rm -f tutti-limit-test; exit $s")
                .await,
            Err(ProcessError::Exited { .. })
        ));
    }

    #[tokio::test]
    async fn cancelling_kills_the_whole_process_group() {
        let cancel = CancellationToken::new();
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let command = shell(&format!("echo started; (sleep 0.5; echo late > {0}) & wait", mark.display()));
        let stop = cancel.clone();
        let ended = run(&tools(), &command, &cancel, move |_| {
            stop.cancel();
            true
        })
        .await;
        assert!(matches!(ended, Err(ProcessError::Cancelled)));
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert!(!mark.exists(), "a grandchild lived on");
    }
}
