//! Who sends a request, as handlers ask for it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use parlor_protocol::Code;

use super::answer::Refused;
use super::gate;
use crate::app::App;
use crate::auth::Verified;
use crate::auth::cookies::Cookie;

/// The verified sender of a request that needs one.
pub struct Who(pub Verified);

/// The verified sender of a request, who runs the site.
pub struct Admin(pub Verified);

/// The verified sender of a request, if there is one.
pub struct MaybeWho(pub Option<Verified>);

impl FromRequestParts<App> for Who {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        Ok(Self(identify(app, &parts.method, &parts.headers, None).await?))
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let verified = identify(app, &parts.method, &parts.headers, None).await?;
        if app.auth.runs_the_site(&verified.who.user_id).await? {
            Ok(Self(verified))
        } else {
            Err(Code::Forbidden.into())
        }
    }
}

impl FromRequestParts<App> for MaybeWho {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        match identify(app, &parts.method, &parts.headers, None).await {
            Ok(verified) => Ok(Self(Some(verified))),
            Err(Code::MissingToken | Code::InvalidToken | Code::ForeignOrigin) => Ok(Self(None)),
            Err(code) => Err(code.into()),
        }
    }
}

/// Finds out who sends a request, counting its cookies only where no page of another site can
/// have had them sent. `query_token` is the address's `authToken`, which only sockets may use.
///
/// # Errors
/// [`Code::MissingToken`], [`Code::InvalidToken`], [`Code::Unavailable`], or
/// [`Code::ForeignOrigin`] for a write by cookie from no page of ours.
pub async fn identify(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
    query_token: Option<&str>,
) -> Result<Verified, Code> {
    if headers.contains_key(header::AUTHORIZATION) {
        return app.auth.verify_headers(headers, query_token).await;
    }
    match gate::cookies_count(&app.config, method, headers) {
        Ok(true) => app.auth.verify_headers(headers, query_token).await,
        Ok(false) => app.auth.verify_without_cookies(headers, query_token).await,
        Err(_) if query_token.is_some() => {
            app.auth.verify_without_cookies(headers, query_token).await
        }
        Err(code) => {
            let has_cookie =
                [Cookie::Login, Cookie::Guest].iter().any(|cookie| cookie.read(headers).is_some());
            Err(if has_cookie { code } else { Code::MissingToken })
        }
    }
}
