//! Other users of the machine can access nothing, even if an earlier release or a mistake made files readable.
//!
//! Reads as another user if the tests run as root; otherwise checks the modes only. Invariant: only this test's own
//! files are made readable.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::server::Server;
use crate::wav::wave;

/// The uid and gid of the user `nobody`.
const NOBODY: u32 = 65534;

/// Runs a command as another user; `None` if this user may not.
fn run_as_other_user(arguments: &[&str]) -> Option<Output> {
    let nobody = NOBODY.to_string();
    rustix::process::geteuid().is_root().then(|| {
        Command::new("setpriv")
            .args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups", "--"])
            .args(arguments)
            .output()
            .unwrap()
    })
}

/// Returns the files below a folder that another user can read.
fn readable_by_other_user(folder: &Path) -> Vec<String> {
    let found = run_as_other_user(&["find", folder.to_str().unwrap(), "-type", "f", "-readable"])
        .map(|output| output.stdout)
        .unwrap_or_default();
    String::from_utf8(found).unwrap().lines().map(str::to_owned).collect()
}

fn list_all(folder: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (vec![folder.to_owned()], vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        // A running server creates and removes files meanwhile.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            found.push(entry.path());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    found
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Makes a folder readable for all users, as `chmod -R a+rX` does.
fn make_readable(folder: &Path) {
    list_all(folder).iter().for_each(|path| set_mode(path, if path.is_dir() { 0o755 } else { 0o644 }));
}

fn assert_private(data: &Path) {
    for path in list_all(data) {
        let Ok(metadata) = std::fs::symlink_metadata(&path) else { continue };
        assert_eq!(metadata.mode() & 0o077, 0, "{} is open: {:o}", path.display(), metadata.mode());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_can_read_nothing_also_of_a_folder_that_was_open() {
    let mut server = Server::start_alone(&[]).await;
    let data = server.data().to_owned();
    // The other user can reach the data folder itself.
    set_mode(data.parent().unwrap(), 0o755);
    let ada = server.sign_up("ada").await;
    let before = ada.upload("s.wav", "audio/wav", wave(&vec![7; 50_000])).await;
    ada.wait_for_state(before["id"].as_str().unwrap(), "ready").await;
    assert_private(&data);
    // The folders and the files are private: even with open folders no file can be read.
    list_all(&data).iter().filter(|path| path.is_dir()).for_each(|path| set_mode(path, 0o755));
    assert_eq!(readable_by_other_user(&data), [""; 0]);
    assert!(server.terminate().iter().all(std::process::ExitStatus::success));
    make_readable(&data);
    if rustix::process::geteuid().is_root() {
        let open = readable_by_other_user(&data);
        assert!(
            ["accounts.db", "url-signing.key"].iter().all(|name| open.iter().any(|path| path.ends_with(name))),
            "this shows nothing: {open:?}"
        );
    }
    server.restart();
    assert!(
        server.logs().contains("other users of this machine could read the data folder; it is private now"),
        "{}",
        server.logs()
    );
    assert_private(&data);
    assert_eq!(readable_by_other_user(&data), [""; 0]);
    ada.bytes(&format!("/v1/media/{}/original", before["id"].as_str().unwrap())).await;
    ada.upload("t.wav", "audio/wav", wave(&vec![8; 50_000])).await;
    assert_private(&data);
}

#[test]
fn a_folder_that_is_not_ours_to_shut_is_refused_with_the_command_to_type() {
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o755);
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    // The folder of another user, in which every user may write.
    set_mode(&data, 0o777);
    let binary = env!("CARGO_BIN_EXE_tutti");
    if !run_as_other_user(&["test", "-x", binary]).is_some_and(|output| output.status.success()) {
        println!("left out: no other user can run the program");
        return;
    }
    let listeners = ["--listen", "--ops-listen", "--admin-listen"].map(|flag| [flag, "127.0.0.1:0"]).concat();
    let serve = [&["serve", "--data", data.to_str().unwrap()], &listeners[..]].concat();
    let output = run_as_other_user(&[&[binary], &serve[..]].concat()).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        !output.status.success() && said.contains("sudo chmod -R go-rwx") && said.contains(data.to_str().unwrap()),
        "{said}"
    );
    assert!(!data.join("accounts.db").exists(), "something was written all the same");
}

#[test]
fn the_doctor_sees_what_is_open_and_says_what_to_type() {
    let folder = tempfile::tempdir().unwrap();
    let (data, key) = (folder.path().join("data"), folder.path().join("url-signing.key"));
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("accounts.db"), "x").unwrap();
    std::fs::write(&key, [7; 32]).unwrap();
    make_readable(folder.path());
    let setting = format!("secrets.url_signing_key_file={}", key.display());
    let doctor = || {
        let output = Command::new(env!("CARGO_BIN_EXE_tutti"))
            .args(["doctor", "--data", data.to_str().unwrap(), "--set", &setting])
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (well, said) = doctor();
    assert!(
        !well
            && said.contains(&format!("chmod -R go-rwx {}", data.display()))
            && said.contains(&format!("chmod go-rwx {}", key.display())),
        "{said}"
    );
    assert_eq!(said.contains("running as root"), rustix::process::geteuid().is_root(), "{said}");
    set_mode(&data, 0o700);
    set_mode(&data.join("accounts.db"), 0o600);
    set_mode(&key, 0o600);
    let (_, said) = doctor();
    assert!(!said.contains("open  ") && said.contains("is for its user alone"), "{said}");
}
