//! Environments and retired sites, as an operator makes and leaves them.
//!
//! Invariant: no test leaves a database or a folder behind.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use testkit::engines::shared_postgres;

use crate::server::Server;

/// Runs a command. Returns whether it exited with 0, and what it said.
fn tutti(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tutti")).args(arguments).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

fn serve(data: &Path, settings: &[&str]) -> (bool, String) {
    let listen =
        ["serve", "--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data"];
    tutti(&[&listen[..], &[data.to_str().unwrap()], settings].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_of_another_environment_does_not_start_until_the_copy_is_adopted_and_a_site_is_retired_for_all() {
    let mut server = Server::start_alone(&["environment.name=staging"]).await;
    let data = server.data().to_owned();
    let data_arguments = ["--data", data.to_str().unwrap()];
    let staging = ["--set", "environment.name=staging"];

    let retire = |more: &[&str]| tutti(&[&["retire"][..], &data_arguments, &staging, more].concat());
    let (succeeded, said) = retire(&["--reason", "moved"]);
    assert!(succeeded && said.contains("is retired"), "{said}");
    assert!(retire(&[]).1.contains("already"));
    assert!(server.terminate().iter().all(std::process::ExitStatus::success));
    server.restart();
    assert!(server.logs().contains("this site is retired"), "a person who starts it again is told");
    let (succeeded, said) = retire(&["--undo"]);
    assert!(succeeded && said.contains("not retired any more"), "{said}");
    assert!(server.terminate().iter().all(std::process::ExitStatus::success));

    let (succeeded, said) = serve(&data, &[]);
    assert!(!succeeded && said.contains("belongs to the environment `staging`"), "{said}");
    let (succeeded, said) = tutti(&[&["migrate"][..], &data_arguments].concat());
    assert!(!succeeded && said.contains("tutti env adopt"), "{said}");
    let adopt = |from: &str| {
        let adopt = ["env", "adopt", "--from", from, "--set", "environment.name=dev"];
        tutti(&[&adopt[..], &data_arguments].concat())
    };
    let (succeeded, said) = adopt("production");
    assert!(!succeeded && said.contains("belongs to `staging`"), "{said}");
    assert!(adopt("staging").0);
    let (succeeded, said) = serve(&data, &staging);
    assert!(!succeeded && said.contains("belongs to the environment `dev`"), "{said}");

    // Nor does a command change anything there.
    let jobs = |settings: &[&str]| tutti(&[&["jobs", "list"][..], &data_arguments, settings].concat());
    let (succeeded, said) = jobs(&staging);
    assert!(!succeeded && said.contains("belongs to the environment `dev`"), "{said}");
    // A role of a later release has no database before the first migration, and then one that says nothing.
    for ending in ["db", "db-wal", "db-shm"] {
        let _ = std::fs::remove_file(data.join(format!("chat.{ending}")));
    }
    let dev = ["--set", "environment.name=dev"];
    let (succeeded, said) = jobs(&dev);
    assert!(succeeded && !data.join("chat.db").exists(), "{said}");
    assert!(tutti(&[&["migrate"][..], &data_arguments, &dev].concat()).0);
    let back = ["env", "adopt", "--from", "dev", "--set", "environment.name=staging"];
    let (succeeded, said) = tutti(&[&back[..], &data_arguments].concat());
    assert!(succeeded, "{said}");
}

#[test]
fn an_environment_is_made_from_nothing_and_only_what_was_made_is_dropped() {
    let home = tempfile::tempdir().unwrap();
    let folder = ["--folder", home.path().to_str().unwrap()];
    let env = |arguments: &[&str]| tutti(&[&["env"][..], arguments, &folder].concat());
    // What a shell says of another installation changes nothing: no server answers there.
    let mut new = Command::new(env!("CARGO_BIN_EXE_tutti"));
    new.args(["env", "new", "dev-1", "--empty"]).args(folder).env("TUTTI_DB_URL", "postgres://tutti@127.0.0.1:9/tutti");
    let output = new.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success() && said.contains("dev-1 is ready"), "{said}");
    let made = home.path().join("dev-1");
    let config = std::fs::read_to_string(made.join("tutti.toml")).unwrap();
    assert!(config.contains("name = \"dev-1\"") && config.contains("fingerprint = \"env-"), "{config}");
    assert_eq!(std::fs::read(made.join("secrets/url-signing.key")).unwrap().len(), 32);
    let refused = env(&["new", "dev-1", "--empty"]);
    assert!(!refused.0 && refused.1.contains("exists"), "{}", refused.1);
    for name in ["production", "A", "../x"] {
        let refused = env(&["new", name, "--empty"]);
        assert!(!refused.0 && refused.1.contains("can't be an environment"), "{}", refused.1);
    }
    // A process without its configuration is of production.
    let (succeeded, said) = serve(&made.join("data"), &[]);
    assert!(!succeeded && said.contains("belongs to the environment `dev-1`"), "{said}");

    let asked = env(&["drop", "dev-1"]);
    assert!(!asked.0 && asked.1.contains("--yes") && made.exists(), "{}", asked.1);
    // A configuration that leads to another installation.
    let other = config.replace("dev-1/data", "elsewhere");
    std::fs::write(made.join("tutti.toml"), other).unwrap();
    let refused = env(&["drop", "dev-1", "--yes"]);
    assert!(!refused.0 && refused.1.contains("nothing was removed") && made.exists(), "{}", refused.1);
    std::fs::write(made.join("tutti.toml"), config).unwrap();
    let (succeeded, said) = env(&["drop", "dev-1", "--yes"]);
    assert!(succeeded && !made.exists(), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_is_not_made_over_another_one_of_its_name() {
    let postgres = tokio::task::spawn_blocking(shared_postgres).await.unwrap();
    let random = base::Random::system().uuid_v4().simple().to_string();
    let (home, name) = (tempfile::tempdir().unwrap(), format!("dev-{}", &random[..8]));
    let like = home.path().join("engines.toml");
    std::fs::write(&like, format!("[db]\nurl = \"{}\"\n", postgres.url)).unwrap();
    // What was made for it from another folder.
    let options = db::PostgresOptions {
        url: postgres.url.clone(),
        schema: "public".into(),
        readers: 1,
        writers: 1,
        statement_timeout: Duration::from_secs(10),
    };
    let text = format!("create schema tutti_{}_media", name.replace('-', "_"));
    let db = db::Db::postgres(&options).await.unwrap();
    sea_orm::ConnectionTrait::execute_unprepared(db.read(), &text).await.unwrap();
    let new = ["env", "new", &name, "--schemas", "--empty", "--like", like.to_str().unwrap()];
    let (succeeded, said) = tutti(&[&new[..], &["--folder", home.path().to_str().unwrap()]].concat());
    assert!(!succeeded && said.contains("of another environment"), "{said}");
    assert!(!home.path().join(&name).exists(), "there is nothing that `drop` would take for its own");
}
