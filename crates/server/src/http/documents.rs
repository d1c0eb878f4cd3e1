//! The API documents: OpenAPI, AsyncAPI, and a page to read them with.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};

use crate::app::App;
use crate::{documents, ui};

/// The page for readers; its script is served from here, so it works without internet.
const SCALAR_PAGE: &str = r#"<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Parlor API</title>
  </head>
  <body>
    <noscript>
      The documents themselves: <a href="/api/openapi.json">HTTP</a>,
      <a href="/api/asyncapi.json">room WebSocket</a>.
    </noscript>
    <script
      id="api-reference"
      data-url="/api/openapi.json"
      data-configuration='{"withDefaultFonts":false,"hideClientButton":true,"telemetry":false,"agent":{"disabled":true},"showDeveloperTools":"never"}'
    ></script>
    <script src="/scalar/standalone.js"></script>
  </body>
</html>
"#;

/// Scalar styles its page inline; it gets a policy of its own for that, still without inline
/// script and without any other host.
const SCALAR_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// The addresses of this part. They are not in the document they serve.
pub fn routes() -> [(&'static str, MethodRouter<App>); 3] {
    [
        ("/api/openapi.json", get(|| async { json(documents::openapi_text()) })),
        ("/api/asyncapi.json", get(|| async { json(documents::asyncapi_text()) })),
        ("/scalar", get(scalar)),
    ]
}

fn json(text: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    (headers, text).into_response()
}

async fn scalar() -> Response {
    let mut response = ui::html(SCALAR_PAGE.as_bytes().into());
    let policy = HeaderValue::from_static(SCALAR_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
