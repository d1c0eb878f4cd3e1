//! People: `/api/v1/users/…`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use parlor_protocol::account::{Account, AccountUpdate, Preferences, Profile};
use parlor_protocol::{Code, UserId};
use parlor_room::{Principal, iso_8601};
use parlor_store::{Person, PersonKind};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Refused;
use super::body::{Body, Params};
use super::who::Who;
use crate::app::App;
use crate::auth::cookies::Cookie;
use crate::auth::names;
use crate::clock::wall_ms;

/// People asked for at once, at most.
const IDS: usize = 200;
/// How large text may be, in percent of the usual.
const TEXT_PERCENT: std::ops::RangeInclusive<u16> = 100..=200;

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(me, update_me))
        .routes(routes!(profile))
        .routes(routes!(profiles))
}

/// Says who one is.
#[utoipa::path(
    get, path = "/api/v1/users/me", tag = "users",
    responses(
        (status = 200, body = Account, description = "Oneself"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn me(
    State(app): State<App>,
    Who(verified): Who,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let mut response = Json(account_of(&app, &verified.who).await?).into_response();
    // Whoever comes back with the cookie stays logged in.
    if verified.by_cookie
        && verified.login.is_some()
        && let Some(token) = Cookie::Login.read(&headers)
    {
        app.auth.slide_cookie(token).await?;
        let cookie = Cookie::Login.set(&app.config, token, app.auth.login_life());
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Changes what others see of one.
#[utoipa::path(
    patch, path = "/api/v1/users/me", tag = "users",
    request_body = AccountUpdate,
    responses(
        (status = 200, body = Account, description = "Oneself, changed"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn update_me(
    State(app): State<App>,
    Who(verified): Who,
    Body(update): Body<AccountUpdate>,
) -> Result<Json<Account>, Refused> {
    let who = verified.who;
    // All of it is looked at before any of it is written.
    let AccountUpdate { display_name, language, preferences } = update;
    let display_name = match display_name {
        Some(name) => Some(
            names::shown(&name)
                .ok_or_else(|| Refused::invalid("A name to show has 1 to 60 characters"))?,
        ),
        None => None,
    };
    if language.as_deref().is_some_and(|tag| !names::is_language(tag)) {
        return Err(Refused::invalid("A language is a tag such as `en` or `pt-BR`"));
    }
    if preferences.is_some_and(|likes| !TEXT_PERCENT.contains(&likes.text_percent)) {
        return Err(Refused::invalid("Text is 100 to 200 percent of its usual size"));
    }
    let is_any = display_name.is_some() || language.is_some() || preferences.is_some();
    if is_any {
        app.auth.keep(&who).await?;
    }
    if let Some(name) = display_name {
        app.store.set_display_name(&who.user_id, &name).await?;
    }
    if let Some(language) = language {
        let language = Some(language.as_str()).filter(|tag| !tag.is_empty());
        app.store.set_language(&who.user_id, language).await?;
    }
    if let Some(preferences) = preferences {
        let preferences = serde_json::to_string(&preferences).map_err(|_| Code::Internal)?;
        app.store.set_preferences(&who.user_id, &preferences).await?;
    }
    if is_any {
        app.auth.forget_person(&who.user_id);
    }
    Ok(Json(account_of(&app, &who).await?))
}

/// Says what everybody may know of somebody.
#[utoipa::path(
    get, path = "/api/v1/users/{id}", tag = "users",
    params(("id" = String, Path, description = "The person")),
    responses(
        (status = 200, body = Profile, description = "The person"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`user_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn profile(
    State(app): State<App>,
    _who: Who,
    Path(id): Path<UserId>,
) -> Result<Json<Profile>, Refused> {
    let person = app.store.user(&id).await?.ok_or(Code::UserNotFound)?;
    Ok(Json(profile_of(person)))
}

#[derive(Deserialize)]
struct Ids {
    ids: String,
}

/// Says the same of several at once; unknown ids are passed over.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "users",
    params(("ids" = String, Query, description = "Up to 200 ids with commas between them")),
    responses(
        (status = 200, body = Vec<Profile>, description = "Those who are known, in the order of `ids`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []), ("guest" = []))
)]
async fn profiles(
    State(app): State<App>,
    _who: Who,
    Params(Ids { ids }): Params<Ids>,
) -> Result<Json<Vec<Profile>>, Refused> {
    let ids: Vec<UserId> =
        ids.split(',').map(str::trim).filter(|id| !id.is_empty()).map(UserId::from).collect();
    if ids.len() > IDS {
        return Err(Refused::invalid("Ask for at most 200 people at once"));
    }
    let mut people = app.store.users(&ids).await?;
    let place = |id: &UserId| ids.iter().position(|asked| asked == id);
    people.sort_by_key(|person| place(&person.id));
    Ok(Json(people.into_iter().map(profile_of).collect()))
}

/// A guest who only looked is not kept anywhere; then the token says it all.
async fn account_of(app: &App, who: &Principal) -> Result<Account, Code> {
    let kept = app.auth.account_of(&who.user_id).await?;
    Ok(kept.unwrap_or_else(|| Account {
        id: who.user_id.clone(),
        username: None,
        email: None,
        display_name: who.display_name.to_string(),
        created_at: iso_8601(wall_ms()),
        is_guest: who.is_guest,
        is_email_verified: None,
        is_admin: false,
        language: None,
        preferences: Preferences::default(),
    }))
}

fn profile_of(person: Person) -> Profile {
    Profile {
        id: person.id,
        username: person.username,
        display_name: person.display_name,
        is_guest: person.kind == PersonKind::Guest,
    }
}
