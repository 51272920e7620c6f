//! The model's child: its deadline, its memory, its end and its successor.

use std::path::Path;
use std::time::Duration;

use classify::{ChildCommand, ChildModel, Classifier, NoScore, Score};
use sandbox::{Confinement, Strictness};
use tempfile::TempDir;

use crate::grey;

const DEADLINE: Duration = Duration::from_secs(20);

const STAND_IN: &str = env!("CARGO_BIN_EXE_stand-in-model");

/// Returns a child that behaves so, and its folder.
fn child(behaviour: &str) -> (ChildModel, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let command = ChildCommand {
        program: STAND_IN.into(),
        arguments: vec![behaviour.into()],
        folder: folder.path().to_owned(),
        memory_bytes: Some(256 << 20),
    };
    (ChildModel::new(command, "stand-in 1"), folder)
}

fn pid(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("pid")).unwrap()
}

/// Waits until a process is gone, or a zombie that waits to be reaped.
async fn wait_for_end(pid: &str) {
    let is_alive = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
    };
    while is_alive() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Asks until the pause after a failure is over.
async fn ask_after_pause(model: &ChildModel, value: u8) -> Result<Score, NoScore> {
    loop {
        match model.score(&grey(value), DEADLINE).await {
            Err(NoScore::Unavailable) => tokio::time::sleep(Duration::from_millis(50)).await,
            answer => return answer,
        }
    }
}

#[tokio::test]
async fn one_child_scores_many_pictures_one_at_a_time() {
    let (model, folder) = child("good");
    let ask = async |value| model.score(&grey(value), DEADLINE).await.unwrap().thousandths();
    assert_eq!(tokio::join!(ask(0), ask(51), ask(255)), (0, 200, 1000));
    let before = pid(folder.path());
    assert_eq!(model.score(&grey(255), DEADLINE).await, Ok(Score::of_thousandths(1000)));
    assert_eq!(pid(folder.path()), before, "it was not started again");
    drop(model);
    wait_for_end(&before).await;
}

#[tokio::test]
async fn a_child_works_in_the_sandbox_of_converters_too() {
    let folder = tempfile::tempdir().unwrap();
    let confinement = Confinement {
        strictness: Strictness::Best,
        folder: folder.path().to_owned(),
        memory_bytes: 256 << 20,
        cpu_seconds: 60,
        file_bytes: 1 << 20,
        nice: 5,
        ..Confinement::default()
    };
    let confined = |behaviour: &str| {
        let command = ChildCommand {
            program: testkit::launcher(),
            arguments: confinement.command(Path::new(STAND_IN), &[behaviour.into()]),
            folder: folder.path().to_owned(),
            memory_bytes: None,
        };
        ChildModel::new(command, "stand-in 1")
    };
    let model = confined("good");
    for (value, thousandths) in [(51, 200), (255, 1000)] {
        assert_eq!(model.score(&grey(value), DEADLINE).await, Ok(Score::of_thousandths(thousandths)));
    }
    assert_eq!(confined("hungry").score(&grey(1), DEADLINE).await, Err(NoScore::Unavailable), "it filled gigabytes");
}

#[tokio::test]
async fn a_late_child_is_killed() {
    let (model, folder) = child("slow");
    assert_eq!(model.score(&grey(1), Duration::from_millis(200)).await, Err(NoScore::TimedOut));
    wait_for_end(&pid(folder.path())).await;
    assert_eq!(model.score(&grey(1), DEADLINE).await, Err(NoScore::Unavailable), "it is not started again at once");
}

#[tokio::test]
async fn a_child_that_has_ended_is_replaced_after_a_pause() {
    let (model, folder) = child("once");
    assert_eq!(model.score(&grey(255), DEADLINE).await, Ok(Score::of_thousandths(1000)));
    let first = pid(folder.path());
    wait_for_end(&first).await;
    assert_eq!(model.score(&grey(255), DEADLINE).await, Err(NoScore::Unavailable));
    assert_eq!(ask_after_pause(&model, 51).await, Ok(Score::of_thousandths(200)));
    assert_ne!(pid(folder.path()), first);
}

#[tokio::test]
async fn memory_answers_and_starts_are_bounded() {
    let (model, _folder) = child("hungry");
    assert_eq!(model.score(&grey(1), DEADLINE).await, Err(NoScore::Unavailable), "it filled gigabytes");
    let (model, _folder) = child("odd");
    assert_eq!(model.score(&grey(1), DEADLINE).await, Err(NoScore::Malformed));
    let (model, _folder) = child("endless");
    assert_eq!(model.score(&grey(1), DEADLINE).await, Err(NoScore::Unavailable));
    let (model, _folder) = child("broken");
    assert_eq!(model.score(&grey(1), DEADLINE).await, Err(NoScore::Unavailable));
    let nothing = classify::Picture { width: 9, ..grey(1) };
    assert_eq!(model.score(&nothing, DEADLINE).await, Err(NoScore::Malformed));
}
