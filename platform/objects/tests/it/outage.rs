//! An S3 server that dies or freezes: errors in time, and everything as before once it is back.

use std::time::{Duration, Instant};

use objects::{Error, Objects};
use testkit::engines::S3;

use testkit::objects::{MIB, content, whole, write};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_gives_errors_and_what_was_saved_is_there_when_it_is_back() {
    let mut server = S3::start();
    let objects = objects_s3::open(&server.account.options("a")).unwrap();
    let all = content(14 * MIB);
    let stored = objects.put(all.clone()).await.unwrap();
    let mut writer = objects.create().await.unwrap();
    write(&mut writer, &all.slice(..9 * MIB)).await;
    let at = writer.save().await.unwrap();
    server.program.kill();
    let began = Instant::now();
    let failed = async {
        loop {
            writer.write(all.slice(..MIB)).await?;
        }
        #[allow(unreachable_code, reason = "names the type")]
        Ok::<(), Error>(())
    };
    assert!(matches!(failed.await, Err(Error::Engine(_))));
    let (len, get, remove, ping, put) = tokio::join!(
        objects.len(&stored.key),
        objects.get(&stored.key, 1 << 30),
        objects.remove(&stored.key),
        objects.ping(),
        objects.put(all.slice(..10))
    );
    assert!(matches!(len, Err(Error::Engine(_))));
    assert!(matches!(get, Err(Error::Engine(_))));
    assert!(matches!(remove, Err(Error::Engine(_))));
    assert!(matches!(ping, Err(Error::Engine(_))));
    assert!(matches!(put, Err(Error::Engine(_))));
    assert!(began.elapsed() < Duration::from_secs(120), "{:?} for six calls", began.elapsed());
    drop(writer);
    server.program.restart();
    ready(&objects).await;
    assert!(whole(&objects, &stored.key).await == all);
    let mut writer = objects.resume(&at, base::ObjectKey::random()).await.unwrap();
    write(&mut writer, &all.slice(9 * MIB..)).await;
    let again = writer.finish().await.unwrap();
    assert!(whole(&objects, &again.key).await == all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_is_given_up_in_time_and_a_short_stop_is_sat_out() {
    let server = S3::start();
    let objects = objects_s3::open(&server.account.options("a")).unwrap();
    let all = content(12 * MIB);
    let stored = objects.put(all.clone()).await.unwrap();
    server.program.freeze();
    let began = Instant::now();
    let (len, get, put, ping) = tokio::join!(
        objects.len(&stored.key),
        objects.get(&stored.key, 1 << 30),
        objects.put(all.clone()),
        objects.ping()
    );
    assert!(matches!(
        (len, get, put, ping),
        (Err(Error::Engine(_)), Err(Error::Engine(_)), Err(Error::Engine(_)), Err(Error::Engine(_)))
    ));
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    server.program.thaw();
    ready(&objects).await;
    // Five seconds are within the deadline: callers notice only the delay.
    server.program.freeze();
    let reading = tokio::spawn({
        let (objects, key) = (objects.clone(), stored.key.clone());
        async move { whole(&objects, &key).await }
    });
    let writing = tokio::spawn({
        let (objects, all) = (objects.clone(), all.clone());
        async move { objects.put(all).await }
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    server.program.thaw();
    let again = writing.await.unwrap().unwrap();
    assert!(whole(&objects, &again.key).await == all);
    assert!(reading.await.unwrap() == all);
}

/// Waits until the server works: it listens before all its parts are connected.
async fn ready(objects: &Objects) {
    let until = Instant::now() + Duration::from_secs(60);
    let mut last = String::new();
    while Instant::now() < until {
        match objects.put("ready?".into()).await {
            Ok(stored) => return objects.remove(&stored.key).await.unwrap(),
            Err(error) => last = format!("{error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    panic!("the server did not come back: {last}");
}
