//! Registering, logging in and out, guests and tickets: `/api/v1/auth/…`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use parlor_protocol::account::{
    Guest, LoggedIn, Login, NewGuest, Refresh, Register, SessionInfo, Ticket,
};
use parlor_protocol::room::Message;
use parlor_protocol::{Code, LoginId};
use parlor_room::iso_8601;
use parlor_store::LoginRow;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Refused;
use super::body::{Body, OptionalBody};
use super::peer::Client;
use super::who::{Who, identify};
use crate::app::App;
use crate::auth::accounts::TakenEmail;
use crate::auth::cookies::Cookie;
use crate::auth::{GUEST_LIFE, Session, Verified, names};

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(log_in))
        .routes(routes!(refresh))
        .routes(routes!(log_out))
        .routes(routes!(guest))
        .routes(routes!(ticket))
        .routes(routes!(sessions))
        .routes(routes!(end_session))
}

/// Makes an account and logs it in.
#[utoipa::path(
    post, path = "/api/v1/auth/register", tag = "auth",
    request_body = Register,
    responses(
        (status = 201, body = LoggedIn, description = "Made and logged in"),
        (status = 409, body = parlor_protocol::error::ErrorBody, description = "`username_taken`, or `email_taken` unless the server sends mail: then the address's owner is told instead"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    )
)]
async fn register(
    State(app): State<App>,
    Client(address): Client,
    headers: HeaderMap,
    Body(form): Body<Register>,
) -> Result<Response, Refused> {
    app.limits.registrations.check(&address.into())?;
    let taken = match app.mail.is_configured() {
        true => TakenEmail::IsKeptQuiet,
        false => TakenEmail::IsTold,
    };
    let session = app.auth.register(form, taken, user_agent(&headers)).await?;
    if app.mail.is_configured() {
        app.mail.greet(session.body.account.id.clone());
    }
    welcome(&app, &headers, StatusCode::CREATED, session).await
}

/// Logs an account in, by user name or e-mail address.
#[utoipa::path(
    post, path = "/api/v1/auth/login", tag = "auth",
    request_body = Login,
    responses(
        (status = 200, body = LoggedIn, description = "Logged in"),
        (status = 401, body = parlor_protocol::error::ErrorBody, description = "`invalid_credentials`, the same for an unknown name"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    )
)]
async fn log_in(
    State(app): State<App>,
    Client(address): Client,
    headers: HeaderMap,
    Body(form): Body<Login>,
) -> Result<Response, Refused> {
    app.limits.logins.check(&address.into())?;
    if let Some(name) = form.username.as_ref().or(form.email.as_ref()) {
        let known_as: String = name.trim().chars().take(320).collect();
        app.limits.logins_per_name.check(&known_as.to_lowercase())?;
    }
    let session = app.auth.log_in(form, user_agent(&headers)).await?;
    welcome(&app, &headers, StatusCode::OK, session).await
}

/// Answers a login: what a guest did here becomes the account's, and the cookies follow.
async fn welcome(
    app: &App,
    headers: &HeaderMap,
    status: StatusCode,
    session: Session,
) -> Result<Response, Refused> {
    let before = identify(app, &Method::POST, headers, None).await;
    if let Ok(before) = before
        && before.who.is_guest
    {
        app.auth.merge_guest(&before.who.user_id, &session.body.account.id).await?;
    }
    let mut response = (status, Json(&session.body)).into_response();
    if let Some(token) = &session.login_token {
        let cookie = Cookie::Login.set(&app.config, token, app.auth.login_life());
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    if Cookie::Guest.read(headers).is_some() {
        response.headers_mut().append(header::SET_COOKIE, Cookie::Guest.clear(&app.config));
    }
    never_kept(&mut response);
    Ok(response)
}

/// Exchanges a refresh token, or the cookie, for new tokens.
#[utoipa::path(
    post, path = "/api/v1/auth/refresh", tag = "auth",
    request_body = Option<Refresh>,
    responses(
        (status = 200, body = LoggedIn, description = "New tokens; the refresh token that was sent is used up"),
        (status = 401, body = parlor_protocol::error::ErrorBody, description = "Not a token that is good; a used one ends its login"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    )
)]
async fn refresh(
    State(app): State<App>,
    Client(address): Client,
    headers: HeaderMap,
    OptionalBody(form): OptionalBody<Refresh>,
) -> Result<Response, Refused> {
    app.limits.refreshes.check(&address.into())?;
    let session = match form.refresh_token {
        Some(token) => app.auth.refresh(&token).await?,
        None => {
            let token = Cookie::Login.read(&headers).ok_or(Code::MissingToken)?;
            super::gate::cookies_count(&app.config, &Method::POST, &headers)?;
            app.auth.refresh_by_cookie(token).await?
        }
    };
    let mut response = Json(&session.body).into_response();
    if let Some(token) = &session.login_token {
        let cookie = Cookie::Login.set(&app.config, token, app.auth.login_life());
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    never_kept(&mut response);
    Ok(response)
}

/// Ends the login: its tokens, its cookie and its sockets.
#[utoipa::path(
    post, path = "/api/v1/auth/logout", tag = "auth",
    request_body = Option<Refresh>,
    responses(
        (status = 200, body = Message, description = "Logged out, or was not logged in"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    )
)]
async fn log_out(
    State(app): State<App>,
    headers: HeaderMap,
    OptionalBody(form): OptionalBody<Refresh>,
) -> Result<Response, Refused> {
    if let Some(token) = &form.refresh_token
        && let Some(login) = app.auth.login_of_refresh_token(token).await
    {
        app.auth.end_login(&login).await?;
    }
    match identify(&app, &Method::POST, &headers, None).await {
        Ok(verified) => {
            if let Some(login) = &verified.login {
                app.auth.end_login(login).await?;
            }
        }
        Err(Code::MissingToken | Code::InvalidToken) => {}
        Err(code) => return Err(code.into()),
    }
    let cleared = [Cookie::Login, Cookie::Guest]
        .map(|cookie| (header::SET_COOKIE, cookie.clear(&app.config)));
    let message = Message { message: "You are logged out".to_owned() };
    Ok((AppendHeaders(cleared), Json(message)).into_response())
}

/// Makes a guest: somebody with a name and nothing else.
#[utoipa::path(
    post, path = "/api/v1/auth/guest", tag = "auth",
    request_body = Option<NewGuest>,
    responses(
        (status = 200, body = Guest, description = "The guest; the cookie `x-auth-token` proves it too"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    )
)]
async fn guest(
    State(app): State<App>,
    Client(address): Client,
    headers: HeaderMap,
    OptionalBody(form): OptionalBody<NewGuest>,
) -> Result<Response, Refused> {
    app.limits.guests.check(&address.into())?;
    let name = match form.display_name {
        None => None,
        Some(name) => Some(
            names::shown(&name)
                .ok_or_else(|| Refused::invalid("A name to show has 1 to 60 characters"))?,
        ),
    };
    let (who, token) = app.auth.new_guest(name);
    let cookie = Cookie::Guest.set(&app.config, &token, GUEST_LIFE);
    let guest =
        Guest { id: who.user_id, display_name: who.display_name.to_string(), access_token: token };
    let mut response = Json(guest).into_response();
    response.headers_mut().append(header::SET_COOKIE, cookie);
    // A login that ended would go before the new guest for as long as the browser keeps it.
    if let Some(token) = Cookie::Login.read(&headers)
        && app.auth.verify_token(token).await == Err(Code::InvalidToken)
    {
        response.headers_mut().append(header::SET_COOKIE, Cookie::Login.clear(&app.config));
    }
    never_kept(&mut response);
    Ok(response)
}

/// Makes a ticket that opens one socket, once, within 30 s, and says where.
#[utoipa::path(
    post, path = "/api/v1/auth/ticket", tag = "auth",
    responses(
        (status = 200, body = Ticket, description = "The ticket, for `?authToken=`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn ticket(State(app): State<App>, Who(verified): Who) -> Result<Response, Refused> {
    app.limits.tickets.check(&verified.who.user_id)?;
    let ticket = app.auth.ticket(verified).await?;
    let sync_url = app.config.sync_url.as_ref().map(|site| site.socket_origin());
    let mut response = Json(Ticket { ticket, sync_url }).into_response();
    never_kept(&mut response);
    Ok(response)
}

/// Lists where one is logged in.
#[utoipa::path(
    get, path = "/api/v1/auth/sessions", tag = "auth",
    responses(
        (status = 200, body = Vec<SessionInfo>, description = "One's logins, the newest first"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn sessions(
    State(app): State<App>,
    Who(verified): Who,
) -> Result<Json<Vec<SessionInfo>>, Refused> {
    let logins = app.auth.logins_of(&verified.who.user_id).await?;
    Ok(Json(logins.into_iter().map(|login| session_info(login, &verified)).collect()))
}

/// Shows a login to its owner.
pub fn session_info(login: LoginRow, seen_by: &Verified) -> SessionInfo {
    SessionInfo {
        is_current: seen_by.login.as_ref() == Some(&login.id),
        id: login.id,
        user_agent: login.user_agent,
        created_at: iso_8601(login.created_at_ms),
        expires_at: iso_8601(login.expires_at_ms),
    }
}

/// Ends one of one's own logins.
#[utoipa::path(
    delete, path = "/api/v1/auth/sessions/{id}", tag = "auth",
    params(("id" = String, Path, description = "The login")),
    responses(
        (status = 200, body = Message, description = "Ended; its sockets are closed"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn end_session(
    State(app): State<App>,
    Who(verified): Who,
    Path(id): Path<LoginId>,
) -> Result<Json<Message>, Refused> {
    let logins = app.auth.logins_of(&verified.who.user_id).await?;
    if !logins.iter().any(|login| login.id == id) {
        return Err(Code::NotFound.into());
    }
    app.auth.end_login(&id).await?;
    Ok(Json(Message { message: "That login is ended".to_owned() }))
}

fn user_agent(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::USER_AGENT)?.to_str().ok()
}

/// Tokens are for nobody's cache.
fn never_kept(response: &mut Response) {
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(header::CACHE_CONTROL, no_store);
}
