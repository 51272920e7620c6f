//! `tutti doctor`: reports which programs and models are missing, which keys of the configuration can't be used, which
//! certificates can't be used, and which files other users can read, and how to fix it.
//!
//! Invariant: every problem is reported with the command that fixes it.

use std::path::{Path, PathBuf};

use backup::BackupOptions;
use base::config::Config;
use base::{Clock, Random};
use boot::permissions;
use boot::permissions::Exposed;
use chrono::TimeDelta;
use classify::ScreeningOptions;
use sandbox::{Confinement, Mechanism, Report};
use service::Service;
use tokio::process::Command;

use crate::cli::Doctor;
use crate::terminal::say;
use crate::{CommandError, certificates, config_reference, settings};

/// The warning about a process that runs as root.
const ROOT_WARNING: &str = "running as root: a flaw in a decoder or in this server would give access to the whole \
                            machine. Run it as a user of its own (docs/guides/operating.md)";

/// A certificate with less time than this is warned of, as the alert `CertificateExpiresSoon` does.
const EXPIRES_SOON: TimeDelta = TimeDelta::days(14);

/// A program that a role runs, and what does not work without it.
struct Tool {
    name: &'static str,
    role: &'static str,
    version_flag: &'static str,
    package: &'static str,
    consequence: &'static str,
}

const TOOLS: [Tool; 3] = [
    Tool {
        name: "ffmpeg",
        role: "transcode",
        version_flag: "-version",
        package: "ffmpeg",
        consequence: "no video and no song can be converted",
    },
    Tool {
        name: "ffprobe",
        role: "transcode",
        version_flag: "-version",
        package: "ffmpeg",
        consequence: "no video and no song can be converted",
    },
    Tool {
        name: "heif-convert",
        role: "transcode",
        version_flag: "--version",
        package: "libheif-examples",
        consequence: "no HEIC or AVIF photo can be shown",
    },
];

/// Encoders and filters that ffmpeg must have been built with.
const FFMPEG_FEATURES: [(&str, &str); 6] = [
    ("-encoders", "libx264"),
    ("-encoders", " aac "),
    ("-filters", "ebur128"),
    ("-filters", "alimiter"),
    ("-filters", "zscale"),
    ("-filters", "tonemap"),
];

/// Prints a line per check; fails if a program is missing, a key of the configuration can't be used, or a file is
/// readable by other users.
pub(crate) async fn run(arguments: Doctor) -> Result<(), CommandError> {
    let mut missing = 0;
    for tool in &TOOLS {
        let output = Command::new(tool.name).arg(tool.version_flag).output().await;
        match output {
            Ok(output) => say!("ok       {:<14} {}", tool.name, first_line(&output.stdout)),
            Err(_) => {
                missing += 1;
                say!("missing  {:<14} {}: {}", tool.name, tool.consequence, how_to_install(tool.package));
            }
        }
    }
    for (list, feature) in FFMPEG_FEATURES {
        let Ok(output) = Command::new("ffmpeg").args(["-hide_banner", list]).output().await else { break };
        if String::from_utf8_lossy(&output.stdout).contains(feature) {
            say!("ok       {:<14} ffmpeg has it", feature.trim());
        } else {
            missing += 1;
            say!("missing  {:<14} this ffmpeg was built without it: {}", feature.trim(), how_to_install("ffmpeg"));
        }
    }
    check_confinement().await;
    let wrong = check_configuration(&arguments)?;
    if wrong == 0 {
        missing += check_table(&arguments).await? + check_certificates(&arguments)? + check_classifiers(&arguments)?;
    }
    let exposed = check_access(&arguments)?;
    if missing + wrong + exposed == 0 {
        say!("Nothing is missing.");
        return Ok(());
    }
    let configuration = if wrong == 0 { "" } else { "the configuration is wrong; " };
    Err(format!("{configuration}{missing} missing, {exposed} open to others; what to do is above").into())
}

/// Prints a line for each section of the configuration that can't be used, such as one with a subject of Web Push that
/// Apple refuses. Returns how many there are.
fn check_configuration(arguments: &Doctor) -> Result<u32, CommandError> {
    let (config, _) = settings::installation(&arguments.settings)?;
    let sections = config_reference::sections();
    let errors: Vec<String> =
        sections.iter().filter_map(|section| section.check(&config).err()).map(|error| error.to_string()).collect();
    for error in &errors {
        say!("wrong    {:<14} {error}", "configuration");
    }
    if errors.is_empty() {
        say!("ok       {:<14} every key can be used", "configuration");
    }
    Ok(u32::try_from(errors.len()).unwrap_or(u32::MAX))
}

/// Prints a line for the table of notices, if there is one. Returns 1 if it can't be used as it is.
async fn check_table(arguments: &Doctor) -> Result<u32, CommandError> {
    let (config, _) = settings::installation(&arguments.settings)?;
    let Some(table) = notify::check_table(&config, &Random::system()).await? else { return Ok(0) };
    match table.fault {
        None => say!("ok       {:<14} notices are in {}, which removes what has expired", "dynamodb", table.name),
        Some(fault) => {
            say!("missing  {:<14} {}: {fault}", "dynamodb", table.name);
            return Ok(1);
        }
    }
    Ok(0)
}

/// Prints a line about the classifier of pictures, and one about that of texts. Returns how many are configured and
/// can't be used.
fn check_classifiers(arguments: &Doctor) -> Result<u32, CommandError> {
    let (config, _) = settings::installation(&arguments.settings)?;
    let options = ScreeningOptions::of(&config)?;
    let outside = if options.picture_webhook.is_some() { "; a server outside is asked first" } else { "" };
    let missing = match options.model() {
        Some(Ok(path)) => {
            say!("ok       {:<14} pictures are scored by {}{outside}", "classifiers", path.display());
            0
        }
        Some(Err(reason)) => {
            say!("missing  {:<14} {reason}", "classifiers");
            1
        }
        None if options.picture_webhook.is_some() => {
            say!("ok       {:<14} pictures are scored by a server outside", "classifiers");
            0
        }
        None => {
            say!("none     {:<14} pictures are not scored: those of strangers stay blurred, no others", "classifiers");
            0
        }
    };
    if options.text_webhook.is_some() {
        say!("ok       {:<14} first messages to strangers are scored by a server outside", "classifiers");
    }
    Ok(missing)
}

/// Prints a line for each certificate of a listener. Returns how many can't be used.
fn check_certificates(arguments: &Doctor) -> Result<u32, CommandError> {
    let (config, _) = settings::installation(&arguments.settings)?;
    let mut unusable = 0;
    for (listener, files) in ["public", "operators"].into_iter().zip(certificates::files(&config)?) {
        let Some(files) = files else { continue };
        let path = files.certificate.display();
        match files.validity(Clock::system().now()) {
            Ok(left) if left < EXPIRES_SOON => say!(
                "warning  {:<14} {path} of the {listener} listener expires in {} days: renew it",
                "certificate",
                left.num_days()
            ),
            Ok(left) => say!(
                "ok       {:<14} {path} of the {listener} listener is valid for {} days",
                "certificate",
                left.num_days()
            ),
            Err(error) => {
                unusable += 1;
                say!("wrong    {:<14} of the {listener} listener: {error}", "certificate");
            }
        }
    }
    Ok(unusable)
}

/// Prints a line for the data folder and for each secret file that others can read. Returns how many are open to
/// others.
fn check_access(arguments: &Doctor) -> Result<u32, CommandError> {
    let (config, server) = settings::installation(&arguments.settings)?;
    let mut exposed = 0;
    let data = server.data.display();
    match permissions::check(&server.data) {
        Ok(Exposed { first: None, .. }) => say!("ok       {:<14} {data} is for its user alone", "data folder"),
        Ok(Exposed { folders, files, first: Some(first) }) => {
            exposed += 1;
            say!(
                "open     {:<14} other users can access {folders} folders and {files} files, the first is {}: type \
                 `chmod -R go-rwx {data}`",
                "data folder",
                first.display()
            );
        }
        Err(error) => {
            exposed += 1;
            say!(
                "unknown  {:<14} this user can't read all of it ({error}): run the command again as the server's user",
                "data folder"
            );
        }
    }
    for (key, path) in exposed_secrets(&config)? {
        exposed += 1;
        say!(
            "open     {:<14} {} ({key}) can be read by other users: type `chmod go-rwx {}`",
            "secret",
            path.display(),
            path.display()
        );
    }
    if rustix::process::geteuid().is_root() {
        say!("warning  {:<14} {ROOT_WARNING}", "root");
    }
    Ok(exposed)
}

/// Returns the configuration key and the path of each secret file that other users can read.
fn exposed_secrets(config: &Config) -> Result<impl Iterator<Item = (&'static str, PathBuf)>, CommandError> {
    let backup: BackupOptions = config.section("backup")?;
    let of_backups = [
        ("backup.key_file", backup.key_file),
        ("backup.secret_key_file", backup.secret_key_file),
        ("backup.drill_password_file", backup.drill_password_file),
    ];
    let of_backups = of_backups.into_iter().filter_map(|(key, path)| Some((key, path?)));
    let all = boot::secret_files(config)?
        .into_iter()
        .chain(notify::secret_files(config)?)
        .chain(of_backups)
        .chain(certificates::secret_files(config)?);
    Ok(all.filter(|(_, path)| permissions::is_readable_by_others(path)))
}

/// Logs a warning for each secret file that others can read, and if the process runs as root.
pub(crate) fn warn_of_access(config: &Config) -> Result<(), CommandError> {
    if rustix::process::geteuid().is_root() {
        tracing::warn!("{ROOT_WARNING}");
    }
    for (key, path) in exposed_secrets(config)? {
        tracing::warn!(
            key,
            path = %path.display(),
            "other users of this machine can read a file with a secret: type `chmod go-rwx {}`",
            path.display()
        );
    }
    Ok(())
}

/// Prints which means of confining converters this system has. A missing one weakens the confinement; the rest still
/// works.
async fn check_confinement() {
    let report = async {
        let folder = tempfile::tempdir().ok()?;
        let own = Confinement {
            folder: folder.path().to_owned(),
            user: Some(65534),
            memory_bytes: 256 << 20,
            cpu_seconds: 20,
            file_bytes: 1 << 20,
            ..Confinement::default()
        };
        let output = Command::new("/proc/self/exe").args(own.check()).output().await.ok()?;
        Report::read(&String::from_utf8_lossy(&output.stdout))
    };
    let Some(report) = report.await else {
        say!("weaker   {:<14} converters can't be confined at all: mount /proc", "confinement");
        return;
    };
    for mechanism in Mechanism::ALL {
        match report.missing.iter().find(|(missing, _)| *missing == mechanism) {
            None => say!("ok       {:<14} converters are confined by it", mechanism.name()),
            Some((_, reason)) => say!("weaker   {:<14} {} ({reason})", mechanism.name(), mechanism.without()),
        }
    }
}

/// Logs a warning for each program that these roles need and that is missing.
pub(crate) fn warn_of_missing_tools(services: &[Service]) {
    for tool in TOOLS.iter().filter(|tool| services.iter().any(|service| service.name == tool.role)) {
        if !is_on_path(tool.name) {
            tracing::warn!(tool = tool.name, "missing: {}: {}", tool.consequence, how_to_install(tool.package));
        }
    }
}

fn is_on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

fn how_to_install(package: &str) -> String {
    let managers = [
        ("/usr/bin/apt-get", format!("sudo apt-get install {package}")),
        ("/usr/bin/dnf", format!("sudo dnf install {package}")),
        ("/sbin/apk", format!("sudo apk add {package}")),
        ("/usr/bin/pacman", format!("sudo pacman -S {package}")),
        ("/opt/homebrew/bin/brew", format!("brew install {package}")),
    ];
    managers.into_iter().find(|(manager, _)| Path::new(manager).exists()).map_or_else(
        || format!("install the package `{package}` with your system's package manager"),
        |(_, command)| format!("type `{command}`"),
    )
}

fn first_line(output: &[u8]) -> String {
    String::from_utf8_lossy(output).lines().next().unwrap_or_default().to_owned()
}
