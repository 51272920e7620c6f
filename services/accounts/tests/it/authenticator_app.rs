//! An authenticator app of another maker: PyPI `pyotp` reads the URI that members scan, and makes the codes.
//!
//! Invariant: nothing here computes a code; the library knows no more of this installation than the URI.

use std::path::Path;
use std::process::Command;

use super::*;
use chrono::TimeDelta;

/// Reads an `otpauth:` URI, and prints the issuer, the name, and the code at a time in seconds since 1970.
const READ: &str = "
import sys
import pyotp
app = pyotp.parse_uri(sys.argv[1])
print(app.issuer, app.name, app.at(int(sys.argv[2])))
";

/// Returns the code that the app shows now; fails the test if the app reads another name in the URI.
fn shown_code(world: &World, uri: &str, name: &str) -> String {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/pyotp");
    assert!(modules.exists(), "type `dev/python pyotp` in the repository's folder (`make test` does, too)");
    let now = world.clock().now().timestamp().to_string();
    let mut command = Command::new("python3");
    let output = command.args(["-c", READ, uri, &now]).env("PYTHONPATH", modules).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    let [issuer, account, code] = words[..] else { panic!("{text}") };
    assert_eq!((issuer, account), ("Tutti", name));
    code.to_owned()
}

#[tokio::test]
async fn an_app_of_another_maker_reads_the_uri_and_its_codes_sign_in() {
    let world = world().await;
    let ada = sign_up(&world, "ada").await;
    let setup = ada.member.post("/v1/me/factors", &json!({"kind": "totp"})).await.expect(201).json();
    let uri = setup["uri"].as_str().unwrap();
    let confirm = format!("/v1/me/factors/{}/confirm", setup["id"].as_str().unwrap());
    let code = shown_code(&world, uri, "ada");
    ada.member.post(&confirm, &json!({"code": code})).await.expect(200);
    for _ in 0..3 {
        // Each code is accepted once.
        world.clock().advance(TimeDelta::seconds(30));
        let factor = json!({"kind": "totp", "code": shown_code(&world, uri, "ada")});
        factors::sign_in_with(&world, &factor).await.expect(201);
        factors::sign_in_with(&world, &factor).await.refused(401, "auth.wrong_factor");
    }
    world.end().await;
}
