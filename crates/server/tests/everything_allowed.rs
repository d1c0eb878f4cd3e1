//! Asks the interface everything its OpenAPI document allows, and much that it does not, with
//! schemathesis: nothing may be answered with a status, a kind of content or a body that the document
//! does not have, and nothing with 500.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::json;
use support::{Account, TestServer};

/// What is asked of each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance";
/// How many requests are made up for each route, beside those that try each constraint.
const MADE_UP: &str = "30";

/// What ends what the other requests are about: logins, rooms, accounts.
const ENDING: [(&str, &str); 7] = [
    ("POST", "/api/v1/auth/logout"),
    ("POST", "/api/v1/auth/password"),
    ("DELETE", "/api/v1/auth/sessions/{id}"),
    ("DELETE", "/api/v1/users/me"),
    ("DELETE", "/api/v1/rooms/{roomId}"),
    ("DELETE", "/api/room"),
    ("PUT", "/api/v1/rooms/{roomId}/password"),
];

/// Returns what chooses, or leaves out, the requests that end things.
fn ending(verb: &str) -> Vec<String> {
    let names = ENDING.map(|(method, path)| format!("{method} {path}"));
    names.into_iter().flat_map(|name| [format!("--{verb}-name"), name]).collect()
}

/// Asks, and panics with what was found.
async fn ask(server: &TestServer, who: &Account, folder: &Path, more: &[String]) {
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/py/bin/schemathesis");
    assert!(target.exists(), "`scripts/setup.sh test` installs {}", target.display());
    let output = tokio::process::Command::new(target)
        .args(["--config-file", "schemathesis.toml", "run"])
        .arg(format!("{}/api/openapi.json", server.origin()))
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--seed", "1"])
        .args(["--max-examples", MADE_UP, "--no-color", "--continue-on-failure"])
        .args(["--generation-database", "none", "--warnings", "off"])
        .args(["--generation-with-security-parameters", "false"])
        .args(["--header", &format!("Authorization: Bearer {}", who.access)])
        .args(more)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(" passed"), "nothing was asked: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_is_one_the_document_has() {
    let server = TestServer::with(&[("insecure_no_rate_limits", "true")]).await;
    let who = server.register("ruth").await;
    server.have_run_by(&who).await;
    let other = server.register("max_m").await;
    let room = server.room(&who, json!({ "name": "Film night", "idleTtlSeconds": 600 })).await;
    // So that what is asked is about things there are.
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[parameters]\n\"path.roomId\" = {}\n\"path.joinCode\" = {}\n\"path.id\" = \"{}\"\n\
         \"query.roomId\" = {}\n",
        room["roomId"], room["joinCode"], other.id, room["roomId"],
    );
    std::fs::write(folder.path().join("schemathesis.toml"), config).unwrap();

    let mut first = ending("exclude");
    // It has no end to wait for.
    first.extend(["--exclude-name".to_owned(), "GET /api/realtime".to_owned()]);
    ask(&server, &who, folder.path(), &first).await;
    let me = server.get("/api/v1/users/me").bearer(&who.access).send().await;
    assert_eq!(me.status, 200, "whoever asked is still somebody");
    ask(&server, &who, folder.path(), &ending("include")).await;
}
