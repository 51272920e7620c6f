//! The operators' listener: the networks that may use it, what it tells roles, and its own operations.
//!
//! The walk over the product's real operations is in `tutti/src/openapi/operators_access.rs`.

use axum::Router;
use axum::extract::Request;
use chrono::TimeDelta;
use db::schedule::Job;
use db::{Lane, Migration, Sql as _};
use http::Method;
use mail::{Enqueued, NewMail, Template, Translation, Values};
use serde_json::json;
use service::personal_data::PersonalData;
use service::{RoleInstance, RoleInterface, Service};
use testkit::World;
use utoipa::openapi::OpenApi;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::{HttpMethod, OperationBuilder};

/// Returns a fake accounts role with a sign-in and an operation of operators.
fn accounts() -> Service {
    let openapi: fn() -> OpenApi = || {
        let mut part = OpenApi::default();
        for (path, name, value) in [
            ("/v1/sessions", "x-admin-sign-in", json!(true)),
            ("/v1/admin/accounts", "x-admin-role", json!("viewer")),
            ("/v1/me", "x-cookies", json!(true)),
        ] {
            let extensions = ExtensionsBuilder::new().add(name, value).build();
            let operation = OperationBuilder::new().extensions(Some(extensions)).build();
            part.paths.add_path_operation(path, vec![HttpMethod::Post], operation);
        }
        part
    };
    Service {
        name: "accounts",
        migrations: None,
        objects: &[],
        personal_data: PersonalData::Nothing("It is part of a test."),
        openapi,
        codes: &[],
        sections: Vec::new,
        subscriptions: |_| Vec::new(),
        start: |_| Box::pin(std::future::ready(Ok(RoleInstance::default()))),
    }
}

/// Starts a role in front of the fake one, which responds with the listener that it was told.
async fn world(front: Service, settings: &[&str]) -> World {
    let builder = settings.iter().fold(World::builder(), |world, setting| world.set(setting));
    let world = builder.beside(&[accounts()]).start(&[front]).await;
    let tell = async |request: Request| {
        let listener = request.headers().get("x-tutti-listener").cloned();
        listener.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    };
    world.process.peers.register_local("accounts", Router::new().fallback(tell));
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_listener_starts_with_an_operation_of_operators_that_names_no_role() {
    for front in [gateway::admin_service(), gateway::service()] {
        let world = world(front, &[]).await;
        let mut context = world.context(front.name).clone();
        let mut part = OpenApi::default();
        part.paths.add_path_operation("/v1/admin/mails", vec![HttpMethod::Get], OperationBuilder::new().build());
        let personal_data = PersonalData::Nothing("");
        let openapi = part.into();
        context.roles = [RoleInterface { role: "accounts", openapi, codes: &[], personal_data }].into();
        let error = (front.start)(context).await.unwrap_err().to_string();
        assert!(error.contains("/v1/admin/mails") && error.contains("x-admin-role"), "{error}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn for_clients_of_other_networks_nothing_is_there() {
    let world = world(gateway::admin_service(), &["admin.networks=[\"10.0.0.0/8\", \"192.0.2.7\"]"]).await;
    let operator = world.operator("ada", &["operator"]);
    for path in ["/v1/openapi.json", "/docs/", "/", "/v1/admin/jobs", "/v1/nothing"] {
        operator.get(path).await.refused(404, "request.no_such_url");
        let forged = operator.request(Method::GET, path).header("x-forwarded-for", "10.0.0.1");
        operator.send(forged.header("x-tutti-client", "10.0.0.1")).await.refused(404, "request.no_such_url");
    }
    operator.post("/v1/sessions", &json!({})).await.refused(404, "request.no_such_url");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_is_at_the_operators_listener_only_and_the_members_page_at_the_public_one() {
    let operators = world(gateway::admin_service(), &[]).await;
    let visitor = operators.anonymous();
    let console = visitor.get("/").await.expect(200).body;
    assert!(String::from_utf8_lossy(&console).contains("Tutti, operators"));
    for page in ["/audit", "/members/0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10", "/sign-in", "/nowhere"] {
        assert_eq!(visitor.get(page).await.expect(200).body, console, "{page}");
    }
    let foreign = ["/index.html", "/console.html", "/sw.js", "/routes.json", "/manifest.webmanifest", "/robots.txt"];
    for path in foreign.into_iter().chain(["/assets/nothing.js", "/assets/console/nothing.js", "/assets/x"]) {
        visitor.get(path).await.refused(404, "request.no_such_url");
    }
    operators.end().await;
    let site = world(gateway::service(), &[]).await;
    for path in ["/console.html", "/assets/console/nothing.js"] {
        site.anonymous().get(path).await.refused(404, "request.no_such_url");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_learn_which_listener_a_request_came_through() {
    let operators = world(gateway::admin_service(), &["admin.networks=[\"127.0.0.0/8\"]"]).await;
    let told = operators.anonymous().post("/v1/sessions", &json!({})).await.expect(200);
    assert_eq!(told.body, b"operators");
    let viewer = operators.operator("vera", &["viewer"]);
    assert_eq!(viewer.post("/v1/admin/accounts", &json!({})).await.expect(200).body, b"operators");
    operators.end().await;
    // Clients of the public listener can't say so themselves.
    let site = world(gateway::service(), &[]).await;
    let client = site.anonymous();
    let forged = client.request(Method::POST, "/v1/sessions").header("x-tutti-listener", "operators");
    assert_eq!(client.send(forged.json(&json!({}))).await.expect(200).body, b"");
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_dead_letter_is_a_404_and_a_silent_role_is_named() {
    let world = world(gateway::admin_service(), &[]).await;
    let developer = world.operator("dora", &["developer"]);
    assert_eq!(developer.get("/v1/admin/dead-letters").await.expect(200).json()["items"], json!([]));
    let redeliver = "/v1/admin/dead-letters/0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10/redeliver";
    developer.post(redeliver, &json!({"reason": "x"})).await.refused(404, "admin.dead_letter_not_found");
    for body in [json!({}), json!({"reason": " "})] {
        developer.post(redeliver, &body).await.refused(422, "request.invalid");
    }
    // The fake role's response is no list of jobs.
    let jobs = developer.get("/v1/admin/jobs").await.expect(200).json();
    assert_eq!((&jobs["items"], &jobs["degraded"]), (&json!([]), &json!(["accounts"])));
    world.end().await;
}

static NOTE: Template = Template {
    name: "greeter.note",
    languages: &[Translation {
        language: "en",
        subject: "A note",
        text: "The code is {{ code }}.",
        html: "<p>The code is {{ code }}.</p>",
    }],
};
const NO_TABLES: &[Migration] = &[];
const ADA: &str = "0198b2a4-6f0e-7c3d-9a51-2f6d8e4b7c10";

/// Returns a role with a database and a timed job that fails.
fn greeter() -> Service {
    Service {
        name: "greeter",
        migrations: Some(NO_TABLES),
        objects: &[],
        personal_data: PersonalData::Nothing("It is part of a test."),
        openapi: OpenApi::default,
        codes: &[],
        sections: Vec::new,
        subscriptions: |_| Vec::new(),
        start: |_| {
            let failing =
                Job::every("greeter.sweep", TimeDelta::hours(1), |_| async { Err("the disk is full".into()) });
            Box::pin(std::future::ready(Ok(RoleInstance { jobs: vec![failing], ..RoleInstance::default() })))
        },
    }
}

/// Mails somebody from the greeter, and returns the mail's id.
async fn mail_from_greeter(world: &World, to: &str, account: Option<&str>) -> String {
    world.clock().advance(TimeDelta::seconds(1));
    let context = world.context("greeter");
    let new = NewMail {
        to: to.to_owned(),
        language: "en".to_owned(),
        template: &NOTE,
        values: Values::new().with("code", "7KQ2-MX4P"),
        unsubscribe: None,
        account: account.map(str::to_owned),
    };
    let mail = context.mail.clone();
    let enqueued: Result<Enqueued, db::Error> =
        context.db.write(Lane::NONE, async move |tx| mail.enqueue(tx, new).await).await;
    let Ok(Enqueued::Waiting(id)) = enqueued else { panic!("{enqueued:?}") };
    id
}

/// Whether the greeter has recorded an act.
async fn has_act(world: &World, action: &str) -> bool {
    String::from_utf8_lossy(&world.stored_bytes("greeter").await).contains(action)
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_of_every_role_are_listed_and_only_operators_read_their_content() {
    let world = World::builder().beside(&[accounts()]).start(&[gateway::admin_service(), greeter()]).await;
    let (developer, operator) = (world.operator("dora", &["developer"]), world.operator("grace", &["operator"]));
    let to_ada = mail_from_greeter(&world, "ada@example.org", Some(ADA)).await;
    let to_bob = mail_from_greeter(&world, "bob@example.org", None).await;
    world.settle().await;

    let first = developer.get("/v1/admin/mails?limit=1").await.expect(200).json();
    let (item, next) = (&first["items"][0], first["next"].as_str().unwrap());
    assert_eq!((&item["id"], &item["state"]), (&json!(format!("greeter.{to_bob}")), &json!("sent")));
    assert_eq!((&item["to"], &item["text"], &item["account"]), (&json!("bob@example.org"), &json!(null), &json!(null)));
    assert_eq!(first["degraded"], json!(["accounts"]), "a silent role is named");
    let last = developer.get(&format!("/v1/admin/mails?limit=1&after={next}")).await.expect(200).json();
    assert_eq!((&last["items"][0]["to"], &last["next"]), (&json!("ada@example.org"), &json!(null)));
    let about_ada = developer.get(&format!("/v1/admin/mails?account={ADA}&state=sent")).await.expect(200).json();
    assert_eq!(about_ada["items"], last["items"]);
    assert_eq!(developer.get("/v1/admin/mails?state=dead").await.expect(200).json()["items"], json!([]));
    developer.get("/v1/admin/mails?state=lost").await.refused(400, "request.invalid");

    // At the listener, and where the role itself is asked.
    for path in [format!("/v1/admin/mails/greeter.{to_ada}"), format!("/internal/mails/greeter/{to_ada}")] {
        developer.get(&path).await.refused(403, "auth.role_required");
        world.anonymous().get(&path).await.refused(401, "auth.required");
    }
    world.member("eve").get("/internal/mails/greeter?limit=9").await.refused(403, "auth.role_required");
    assert!(!has_act(&world, "mails.read").await);
    let content = operator.get(&format!("/v1/admin/mails/greeter.{to_ada}")).await.expect(200);
    assert_eq!(content.header("cache-control"), "no-store");
    let content = content.json();
    assert_eq!((&content["to"], &content["text"]), (&json!("ada@example.org"), &json!("The code is 7KQ2-MX4P.\n")));
    assert!(has_act(&world, "mails.read").await);
    for unknown in ["x", "greeter.x", &format!("nobody.{to_ada}"), &format!("greeter.{ADA}")] {
        operator.get(&format!("/v1/admin/mails/{unknown}")).await.refused(404, "mails.not_found");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_mail_is_sent_again_once_and_with_a_reason() {
    let world = World::builder().start(&[gateway::admin_service(), greeter()]).await;
    let developer = world.operator("dora", &["developer"]);
    let id = mail_from_greeter(&world, "ada@example.org", None).await;
    world.settle().await;
    let (path, body) = (format!("/v1/admin/mails/greeter.{id}/redeliver"), json!({"reason": "The mailbox was full."}));
    developer.post(&path, &body).await.refused(409, "mails.not_dead");
    let fail = "
        update mail_outbox
           set state = 'dead',
               reason = '550 no such mailbox'";
    let db = world.context("greeter").db.clone();
    let dead: Result<u64, db::Error> = db.write(Lane::NONE, async move |tx| tx.execute(fail, vec![]).await).await;
    assert_eq!(dead.unwrap(), 1);
    let listed = developer.get("/v1/admin/mails?state=dead").await.expect(200).json();
    let item = &listed["items"][0];
    assert_eq!((&item["can_redeliver"], &item["last_error"]), (&json!(true), &json!("550 no such mailbox")));
    for body in [json!({}), json!({"reason": " "})] {
        developer.post(&path, &body).await.refused(422, "request.invalid");
    }
    world.operator("vera", &["viewer"]).post(&path, &body).await.refused(403, "auth.role_required");
    assert!(!has_act(&world, "mails.redelivered").await);
    let view = developer.post(&path, &body).await.expect(200).json();
    assert_eq!((&view["state"], &view["attempts"], &view["last_error"]), (&json!("waiting"), &json!(0), &json!(null)));
    assert!(has_act(&world, "The mailbox was full.").await);
    developer.post(&path, &body).await.refused(409, "mails.not_dead");
    world.settle().await;
    assert_eq!(world.mails_to("ada@example.org").await.len(), 1, "the same mail");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_of_a_timed_job_says_what_failed_and_where() {
    let world = World::builder().start(&[gateway::admin_service(), greeter()]).await;
    let developer = world.operator("dora", &["developer"]);
    let history = "/v1/admin/jobs/greeter/greeter.sweep/runs";
    let ended = world
        .wait_for("the job has run", async || {
            let page = developer.get(history).await;
            (page.status == 200 && page.json()["items"][0]["finished_at"].is_string()).then(|| page.json())
        })
        .await;
    let run = &ended["items"][0];
    assert_eq!(
        (&run["state"], &run["attempts"], &run["error"]),
        (&json!("failed"), &json!(1), &json!("the disk is full"))
    );
    assert!(run["started_at"].is_string() && run["process"].as_str().unwrap().contains(':'), "{run}");
    assert_eq!(ended["next"], json!(null));
    let older = format!("{history}?after={}", run["slot"].as_str().unwrap());
    assert_eq!(developer.get(&older).await.expect(200).json()["items"], json!([]));
    for unknown in ["greeter/greeter.nothing", "nobody/greeter.sweep", "gateway/x"] {
        developer.get(&format!("/v1/admin/jobs/{unknown}/runs")).await.refused(404, "admin.job_not_found");
    }
    developer.get(&format!("{history}?after=yesterday")).await.refused(400, "request.invalid");
    let listed = developer.get("/v1/admin/jobs").await.expect(200).json();
    assert_eq!((&listed["items"][0]["role"], &listed["degraded"]), (&json!("greeter"), &json!([])));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timed_job_is_paused_run_and_resumed_with_a_reason_and_by_developers_only() {
    let world = World::builder().start(&[gateway::admin_service(), greeter()]).await;
    let (developer, viewer) = (world.operator("dora", &["developer"]), world.operator("vera", &["viewer"]));
    let (path, why) = ("/v1/admin/jobs/greeter/greeter.sweep", json!({"reason": "The disk is full."}));
    let known = world
        .wait_for("the job is known and has run", async || {
            let job = developer.get("/v1/admin/jobs").await.expect(200).json()["items"][0]["jobs"][0].clone();
            job["last_run"]["finished_at"].is_string().then_some(job)
        })
        .await;
    assert_eq!(
        (&known["job"], &known["every_seconds"], &known["catch_up"], &known["paused_at"]),
        (&json!("greeter.sweep"), &json!(3_600), &json!("once"), &json!(null))
    );
    assert!(known["next_slot"].is_string() && known["last_run"]["process"].is_string(), "{known}");
    for act in ["run", "pause", "resume"] {
        viewer.post(&format!("{path}/{act}"), &why).await.refused(403, "auth.role_required");
        let of_role = format!("/internal/jobs/greeter/greeter.sweep/{act}");
        viewer.post(&of_role, &why).await.refused(403, "auth.role_required");
        developer.post(&format!("{path}/{act}"), &json!({"reason": " "})).await.refused(422, "request.invalid");
        for unknown in ["greeter/greeter.nothing", "nobody/greeter.sweep", "gateway/x"] {
            let url = format!("/v1/admin/jobs/{unknown}/{act}");
            developer.post(&url, &why).await.refused(404, "admin.job_not_found");
        }
    }
    assert!(!has_act(&world, "The disk is full.").await);

    let paused = developer.post(&format!("{path}/pause"), &why).await.expect(200).json();
    assert_eq!((&paused["paused_by"], &paused["next_slot"]), (&json!("dora"), &json!(null)));
    assert!(has_act(&world, "jobs.paused").await);
    let waiting = developer.post(&format!("{path}/run"), &why).await.expect(202).json();
    assert_eq!((&waiting["requested_by"], &waiting["error"]), (&json!("dora"), &json!(null)));
    let run = world
        .wait_for("a paused job runs when it is asked to", async || {
            let run = developer.get(&format!("{path}/runs")).await.expect(200).json()["items"][0].clone();
            run["finished_at"].is_string().then_some(run)
        })
        .await;
    assert_eq!((&run["slot"], &run["state"]), (&waiting["slot"], &json!("failed")));
    assert!(has_act(&world, "jobs.requested").await);
    let resumed = developer.post(&format!("{path}/resume"), &why).await.expect(200).json();
    assert_eq!((&resumed["paused_by"], resumed["next_slot"].is_string()), (&json!(null), true));
    world.end().await;
}
