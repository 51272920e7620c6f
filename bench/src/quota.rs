//! The same share of the processor for each of several processes, including their descendants.
//!
//! A control group limits them if one can be created: `cpu.max` (version 2) or `cpu.cfs_quota_us` (version 1).
//! Otherwise a thread reads what the process and its descendants have used and stops them until they may continue.
//! Invariant: a released process runs without a limit, and no group stays behind; the next run removes those of a
//! killed run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::Error;
use crate::process::{signal, total_cpu, with_descendants};

/// The beginning of our groups' names; our process id follows.
const NAME: &str = "tutti-bench-";
/// The kernel's default: in each period a group may use its share of it.
const PERIOD: Duration = Duration::from_millis(100);
/// How often the processes are checked if there are no groups.
const THROTTLE_INTERVAL: Duration = Duration::from_millis(10);

/// A way to limit processes to a share.
#[derive(Debug)]
pub struct CpuQuota {
    cores: f64,
    /// `None` if this module stops and continues the processes itself.
    hierarchy: Option<Hierarchy>,
}

/// A place where groups can be created.
#[derive(Debug, Clone)]
struct Hierarchy {
    folder: PathBuf,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Version {
    One,
    Two,
}

/// A process that is limited to its share until this is dropped.
#[derive(Debug)]
pub struct LimitedProcess {
    pid: u32,
    // One of the two is set.
    _group: Option<Group>,
    _throttle: Option<Throttle>,
}

impl CpuQuota {
    /// Returns shares of this many cores each, by a method that works on this machine.
    pub fn of(cores: f64) -> Self {
        let (mounts, own) = (text("/proc/self/mounts"), text("/proc/self/cgroup"));
        let hierarchy = hierarchies(&mounts, &own).into_iter().find(|hierarchy| hierarchy.works(cores));
        Self { cores, hierarchy }
    }

    /// Returns the method, for the report.
    pub fn method(&self) -> &'static str {
        match self.hierarchy.as_ref().map(|hierarchy| hierarchy.version) {
            Some(Version::Two) => "`cpu.max` of a control group (version 2)",
            Some(Version::One) => "`cpu.cfs_quota_us` of a control group (version 1)",
            None => "SIGSTOP and SIGCONT, as soon as it had used more (no control group could be made)",
        }
    }

    /// Limits a process, and whatever it starts from now on.
    pub fn limit(&self, pid: u32) -> Result<LimitedProcess, Error> {
        let Some(hierarchy) = &self.hierarchy else {
            return Ok(LimitedProcess { pid, _group: None, _throttle: Some(Throttle::start(pid, self.cores)?) });
        };
        let group = Group::make(hierarchy, self.cores)?;
        group.add(pid)?;
        Ok(LimitedProcess { pid, _group: Some(group), _throttle: None })
    }
}

impl LimitedProcess {
    /// Returns the CPU time that the process and its descendants used so far.
    pub fn cpu(&self) -> Duration {
        total_cpu(&with_descendants(self.pid))
    }
}

impl Hierarchy {
    /// Whether a group can be created here and a process added to it. Also removes groups of dead runs.
    fn works(&self, cores: f64) -> bool {
        for entry in fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let pid = name.to_str().and_then(|name| name.strip_prefix(NAME)?.split('-').next());
            if pid.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                let _ = fs::remove_dir(entry.path());
            }
        }
        let Ok(mut child) = Command::new("sleep").arg("10").stdin(Stdio::null()).spawn() else { return false };
        let took = Group::make(self, cores).and_then(|group| group.add(child.id()));
        end(&mut child);
        took.is_ok()
    }
}

/// A group of our own.
#[derive(Debug)]
struct Group {
    folder: PathBuf,
    parent: PathBuf,
}

impl Group {
    fn make(hierarchy: &Hierarchy, cores: f64) -> Result<Self, Error> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("{NAME}{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = hierarchy.folder.join(name);
        fs::create_dir(&folder)?;
        let group = Self { folder, parent: hierarchy.folder.clone() };
        let (quota, period) = (PERIOD.mul_f64(cores).as_micros(), PERIOD.as_micros());
        match hierarchy.version {
            Version::Two => group.write("cpu.max", &format!("{quota} {period}"))?,
            Version::One => {
                group.write("cpu.cfs_period_us", &period.to_string())?;
                group.write("cpu.cfs_quota_us", &quota.to_string())?;
            }
        }
        Ok(group)
    }

    fn write(&self, file: &str, value: &str) -> Result<(), Error> {
        let path = self.folder.join(file);
        // The file is never created: if the kernel doesn't offer it, the control doesn't exist.
        let mut file = fs::File::options().write(true).open(path)?;
        Ok(std::io::Write::write_all(&mut file, value.as_bytes())?)
    }

    fn add(&self, pid: u32) -> Result<(), Error> {
        self.write("cgroup.procs", &pid.to_string())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let began = Instant::now();
        // Only an empty group can be removed; a process that ends stays in it for a moment.
        while fs::remove_dir(&self.folder).is_err() && began.elapsed() < Duration::from_secs(5) {
            for pid in text(self.folder.join("cgroup.procs")).split_whitespace() {
                let _ = fs::write(self.parent.join("cgroup.procs"), pid);
            }
            sleep(Duration::from_millis(5));
        }
    }
}

/// Returns where groups may be created: in our own group, by what the kernel says of its mounts and of us.
fn hierarchies(mounts: &str, own: &str) -> Vec<Hierarchy> {
    let mut found = Vec::new();
    for mount in mounts.lines() {
        let fields: Vec<&str> = mount.split(' ').collect();
        let [_, point, kind, options, ..] = fields[..] else { continue };
        let version = match kind {
            "cgroup2" => Version::Two,
            "cgroup" if options.split(',').any(|option| option == "cpu") => Version::One,
            _ => continue,
        };
        // `number:controllers:path`, without controllers for version 2 (cgroups(7)).
        let path = own.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let (controllers, path) = (fields.next()?, fields.next()?);
            let ours = if version == Version::Two {
                controllers.is_empty()
            } else {
                controllers.split(',').any(|controller| controller == "cpu")
            };
            ours.then(|| path.trim_start_matches('/').to_owned())
        });
        let Some(path) = path else { continue };
        found.push(Hierarchy { folder: Path::new(point).join(path), version });
    }
    found
}

/// A thread that stops and continues the processes until this is dropped.
#[derive(Debug)]
struct Throttle {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Throttle {
    fn start(pid: u32, cores: f64) -> Result<Self, Error> {
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = stopped.clone();
        let thread = std::thread::Builder::new().name("throttle".into()).spawn(move || throttle(pid, cores, &stop))?;
        Ok(Self { stopped, thread: Some(thread) })
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // The thread continues the processes at its end.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn throttle(pid: u32, cores: f64, stopped: &AtomicBool) {
    let mut members = with_descendants(pid);
    let (mut seen, mut used) = (Instant::now(), total_cpu(&members));
    // Seconds of CPU time that it may still use; unused time is kept for one period only.
    let mut allowed = 0.0_f64;
    while !stopped.load(Ordering::Relaxed) {
        sleep(THROTTLE_INTERVAL);
        members = with_descendants(pid);
        let (now, total) = (Instant::now(), total_cpu(&members));
        allowed += (now - seen).as_secs_f64() * cores - total.saturating_sub(used).as_secs_f64();
        allowed = allowed.min(PERIOD.as_secs_f64() * cores);
        (seen, used) = (now, total.max(used));
        let order = if allowed < 0.0 { Signal::STOP } else { Signal::CONT };
        members.iter().for_each(|&member| signal(member, order));
    }
    with_descendants(pid).into_iter().for_each(|member| signal(member, Signal::CONT));
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_made_in_our_own() {
        let mounts = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\nproc /proc proc rw 0 0\n";
        let found = hierarchies(mounts, "0::/user.slice/ours\n");
        assert_eq!(
            (found[0].folder.to_str(), found[0].version),
            (Some("/sys/fs/cgroup/user.slice/ours"), Version::Two)
        );
        let mounts =
            "cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu,cpuacct 0 0\n";
        let found = hierarchies(mounts, "3:cpuset:/\n1:cpu,cpuacct:/a\n0::/\n");
        assert_eq!(
            (found.len(), found[0].folder.to_str(), found[0].version),
            (1, Some("/sys/fs/cgroup/cpu/a"), Version::One)
        );
        assert!(hierarchies("", "").is_empty());
    }

    #[test]
    fn a_limited_process_gets_no_more_than_its_share_without_groups_too() {
        let mut child = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let quota = CpuQuota { cores: 0.25, hierarchy: None };
        let limited = quota.limit(child.id()).unwrap();
        let began = Instant::now();
        sleep(Duration::from_secs(2));
        let share = limited.cpu().as_secs_f64() / began.elapsed().as_secs_f64();
        drop(limited);
        end(&mut child);
        // How much less it gets depends on the other processes of the machine.
        assert!((0.001..0.4).contains(&share), "it had {share} of a core");
    }
}
