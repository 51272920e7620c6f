//! The engines behind TLS: which certificates are trusted, and which are not.

use std::time::Duration;

use base::Clock;
use bus::Bus;
use bus_nats::NatsOptions;
use db::{Db, PostgresOptions};
use objects_s3::S3Options;
use testkit::engines::{Authority, Nats, TlsTerminator, shared_postgres, shared_s3};

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_is_trusted_by_its_authority_alone() {
    let (server, authority, stranger) = (shared_postgres(), Authority::new(), Authority::new());
    let port: u16 = server.url.rsplit_once(':').unwrap().1.split('/').next().unwrap().parse().unwrap();
    let front = TlsTerminator::before_postgres(port, &authority);
    let db = async |authority: &Authority| {
        let url = format!(
            "postgres://tutti:tutti@localhost:{}/postgres?sslmode=verify-full&sslrootcert={}",
            front.port(),
            authority.ca_file().display()
        );
        Db::postgres(&PostgresOptions {
            url,
            schema: "unused".into(),
            readers: 1,
            writers: 1,
            statement_timeout: Duration::from_secs(5),
        })
        .await
        .unwrap()
    };
    db(&authority).await.ping().await.expect("the authority signed its certificate");
    assert!(db(&stranger).await.ping().await.is_err(), "a stranger's word was taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_is_trusted_by_its_authority_alone() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let (certificate, key) = authority.server_files();
    let server = Nats::start_with(&format!(
        "tls {{ cert_file: \"{}\", key_file: \"{}\" }}",
        certificate.display(),
        key.display()
    ));
    let bus = async |authority: &Authority| {
        let options = NatsOptions {
            servers: vec![format!("tls://localhost:{}", server.port())],
            tls: true,
            ca_file: Some(authority.ca_file()),
            ..NatsOptions::default()
        };
        bus_nats::open(&options, Clock::system()).await.unwrap()
    };
    let (trusted, distrusted) = (bus(&authority).await, bus(&stranger).await);
    let answers = async |bus: &Bus| {
        tokio::time::timeout(Duration::from_secs(10), bus.ping()).await.is_ok_and(|pong| pong.is_ok())
    };
    let mut heard = false;
    for _ in 0..50 {
        heard = heard || answers(&trusted).await;
        if heard {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(heard, "{}", server.program.logs());
    assert!(!answers(&distrusted).await, "a stranger's word was taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_is_trusted_by_its_authority_alone() {
    let (s3, authority, stranger) = (shared_s3(), Authority::new(), Authority::new());
    let port: u16 = s3.account.endpoint.rsplit_once(':').unwrap().1.parse().unwrap();
    let front = TlsTerminator::before(port, &authority);
    let objects = |authority: &Authority, deadline_seconds| {
        let endpoint = Some(format!("https://localhost:{}", front.port()));
        objects_s3::open(&S3Options {
            endpoint,
            ca_file: Some(authority.ca_file()),
            deadline_seconds,
            ..s3.account.options(&s3.prefix)
        })
        .unwrap()
    };
    let stored = objects(&authority, 10)
        .put(bytes::Bytes::from_static(b"la la"))
        .await
        .expect("the authority signed its certificate");
    assert_eq!(objects(&authority, 10).get(&stored.key, 10).await.unwrap(), "la la");
    assert!(objects(&stranger, 2).get(&stored.key, 10).await.is_err(), "a stranger's word was taken");
}
