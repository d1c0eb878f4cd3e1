//! The files that are made from the code are what the code makes today.

#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use parlor_server::config::example;
use parlor_server::documents;
use support::TestServer;

fn in_repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_documents_and_examples_are_up_to_date() {
    for (path, made) in [
        ("docs/api/openapi.json", documents::openapi_text().to_owned()),
        ("docs/api/asyncapi.json", documents::asyncapi_text().to_owned()),
        (".env.example", example::env()),
        ("parlor.example.toml", example::toml()),
    ] {
        assert!(in_repository(path) == made, "{path} lags behind: run `make codegen`");
    }
}

#[tokio::test]
async fn the_documents_are_served() {
    let server = TestServer::start().await;
    let openapi = server.get("/api/openapi.json").send().await;
    assert_eq!(openapi.json()["openapi"], "3.1.0");
    assert_eq!(openapi.text(), documents::openapi_text());
    let asyncapi = server.get("/api/asyncapi.json").send().await;
    assert_eq!(asyncapi.json()["asyncapi"], "3.0.0");
}

#[tokio::test]
async fn every_documented_route_is_there() {
    let server = TestServer::with(&[("insecure_no_rate_limits", "true")]).await;
    let document: serde_json::Value = serde_json::from_str(documents::openapi_text()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.replace(['{', '}'], "");
        for method in item.as_object().unwrap().keys() {
            let answer = server.ask(&method.to_uppercase(), &path).send().await;
            let (status, code) = answer.outcome();
            assert!(status != 405 && code != "not_found", "{method} {path}: {status} {code}");
        }
    }
}
