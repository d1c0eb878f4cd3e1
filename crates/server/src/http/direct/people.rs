//! `/users/…`: oneself, and people to write to. `/api/v1/direct/settings`: how one wants to be reached.

use axum::Json;
use axum::extract::State;
use parlor_protocol::direct::{
    DirectSettings, DirectSettingsUpdate, FoundPeople, Introduction, Oneself,
};
use parlor_protocol::{Code, limits};
use parlor_store::DirectSettingsChange;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::answer::Refused;
use super::super::body::{Body, Params};
use super::{Own, shapes};
use crate::app::App;

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(own))
        .routes(routes!(introduce))
        .routes(routes!(search))
        .routes(routes!(settings, set_settings))
}

/// Says who one is.
#[utoipa::path(
    get, path = "/users/me", tag = "direct",
    operation_id = "direct_self",
    responses(
        (status = 200, body = Oneself, description = "Oneself"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn own(Own(own): Own) -> Json<Oneself> {
    Json(shapes::oneself(&own))
}

/// Says of oneself what direct messages ask of a newcomer, the first time.
#[utoipa::path(
    post, path = "/users", tag = "direct",
    operation_id = "introduce_oneself",
    request_body = Introduction,
    responses(
        (status = 200, body = Oneself, description = "Oneself, from now on"),
        (status = 400, body = parlor_protocol::error::ErrorBody, description = "`user_exists`: that was said before"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn introduce(
    State(app): State<App>,
    Own(own): Own,
    Body(form): Body<Introduction>,
) -> Result<Json<Oneself>, Refused> {
    if !app.store.introduce(&own.user_id, form.is_paralyzed).await? {
        return Err(Code::UserExists.into());
    }
    let own = app.store.direct_person(&own.user_id).await?.ok_or(Code::UserNotFound)?;
    Ok(Json(shapes::oneself(&own)))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sought {
    q: String,
}

/// Finds people by how their names begin: not oneself, nor those who do not want to be found or have
/// blocked one. Whether somebody is online is shown to their accepted contacts.
#[utoipa::path(
    get, path = "/users/search", tag = "direct",
    operation_id = "search_people",
    params(("q" = String, Query, description = "3 to 60 characters")),
    responses(
        (status = 200, body = FoundPeople, description = "Ten at most"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn search(
    State(app): State<App>,
    Own(own): Own,
    Params(Sought { q }): Params<Sought>,
) -> Result<Json<FoundPeople>, Refused> {
    app.limits.searches.check(&own.user_id)?;
    let sought = q.trim();
    if !limits::SEARCH_CHARS.contains(&sought.chars().count()) {
        let (least, most) = (limits::SEARCH_CHARS.start(), limits::SEARCH_CHARS.end());
        let why = format!("Search by {least} to {most} characters of a name");
        return Err(Refused::invalid(why));
    }
    let found = app.store.search_people(&own.clerk_id, sought).await?;
    Ok(Json(FoundPeople { users: found.into_iter().map(shapes::correspondent).collect() }))
}

/// Says how one wants to be reached.
#[utoipa::path(
    get, path = "/api/v1/direct/settings", tag = "direct",
    operation_id = "direct_settings",
    responses(
        (status = 200, body = DirectSettings, description = "As it is"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn settings(Own(own): Own) -> Json<DirectSettings> {
    Json(shapes::settings(&own))
}

/// Changes how one wants to be reached.
#[utoipa::path(
    patch, path = "/api/v1/direct/settings", tag = "direct",
    operation_id = "set_direct_settings",
    request_body = DirectSettingsUpdate,
    responses(
        (status = 200, body = DirectSettings, description = "As it is now"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn set_settings(
    State(app): State<App>,
    Own(own): Own,
    Body(update): Body<DirectSettingsUpdate>,
) -> Result<Json<DirectSettings>, Refused> {
    app.limits.direct_changes.check(&own.user_id)?;
    let change = DirectSettingsChange {
        strangers_ask: update.strangers_ask,
        is_searchable: update.is_searchable,
    };
    app.store.set_direct_settings(&own.user_id, change).await?;
    let own = app.store.direct_person(&own.user_id).await?.ok_or(Code::UserNotFound)?;
    Ok(Json(shapes::settings(&own)))
}
