//! `/api/v1/direct/requests` and `/api/v1/direct/blocks`: who may write to one.

use axum::Json;
use axum::extract::{Path, State};
use parlor_protocol::direct::{BlockedPeople, ChangedContact, DirectRequests};
use parlor_protocol::room::Message;
use parlor_protocol::{ClerkId, Code, limits};
use parlor_store::Blocking;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::answer::Refused;
use super::super::body::Params;
use super::{Own, Place, number, shapes};
use crate::app::App;
use crate::clock::wall_ms;

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(accept))
        .routes(routes!(decline))
        .routes(routes!(blocks))
        .routes(routes!(block, unblock))
}

/// Lists strangers who wrote to one and wait for an answer.
#[utoipa::path(
    get, path = "/api/v1/direct/requests", tag = "direct",
    operation_id = "direct_requests",
    params(
        ("limit" = Option<i64>, Query, description = "1 to 1 000, which is the usual"),
        ("offset" = Option<i64>, Query, description = "So many are passed over"),
    ),
    responses(
        (status = 200, body = DirectRequests, description = "The latest first"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn list(
    State(app): State<App>,
    Own(own): Own,
    Params(place): Params<Place>,
) -> Result<Json<DirectRequests>, Refused> {
    let limit = place.limit(limits::CONTACT_PAGE, limits::CONTACT_PAGE);
    let rows = app.store.requests_to(&own.clerk_id, limit, place.offset()).await?;
    Ok(Json(DirectRequests { requests: rows.into_iter().map(shapes::request).collect() }))
}

/// Takes a stranger among one's contacts. Answering them does the same.
#[utoipa::path(
    post, path = "/api/v1/direct/requests/{id}/accept", tag = "direct",
    operation_id = "accept_direct_request",
    params(("id" = i64, Path, description = "The request")),
    responses(
        (status = 200, body = ChangedContact, description = "The contact it is now"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn accept(
    State(app): State<App>,
    Own(own): Own,
    Path(id): Path<String>,
) -> Result<Json<ChangedContact>, Refused> {
    app.limits.direct_changes.check(&own.user_id)?;
    let id = number(Some(&id)).ok_or(Code::NotFound)?;
    let row = app.store.accept_request(&own.clerk_id, id).await?.ok_or(Code::NotFound)?;
    Ok(Json(ChangedContact { success: true, contact: shapes::contact(row) }))
}

/// Wants to hear no more of a stranger, who does not learn it.
#[utoipa::path(
    post, path = "/api/v1/direct/requests/{id}/decline", tag = "direct",
    operation_id = "decline_direct_request",
    params(("id" = i64, Path, description = "The request")),
    responses(
        (status = 200, body = Message, description = "Declined"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn decline(
    State(app): State<App>,
    Own(own): Own,
    Path(id): Path<String>,
) -> Result<Json<Message>, Refused> {
    app.limits.direct_changes.check(&own.user_id)?;
    let id = number(Some(&id)).ok_or(Code::NotFound)?;
    match app.store.decline_request(&own.clerk_id, id).await? {
        true => Ok(Json(Message { message: "The request is declined".to_owned() })),
        false => Err(Code::NotFound.into()),
    }
}

/// Lists whom one has blocked.
#[utoipa::path(
    get, path = "/api/v1/direct/blocks", tag = "direct",
    operation_id = "direct_blocks",
    params(
        ("limit" = Option<i64>, Query, description = "1 to 1 000, which is the usual"),
        ("offset" = Option<i64>, Query, description = "So many are passed over"),
    ),
    responses(
        (status = 200, body = BlockedPeople, description = "The latest first"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn blocks(
    State(app): State<App>,
    Own(own): Own,
    Params(place): Params<Place>,
) -> Result<Json<BlockedPeople>, Refused> {
    let limit = place.limit(limits::CONTACT_PAGE, limits::CONTACT_PAGE);
    let rows = app.store.blocks_of(&own.clerk_id, limit, place.offset()).await?;
    Ok(Json(BlockedPeople { blocked: rows.into_iter().map(shapes::blocked).collect() }))
}

/// Blocks somebody: neither writes to the other from now on, nor sees how they are.
#[utoipa::path(
    put, path = "/api/v1/direct/blocks/{clerkId}", tag = "direct",
    operation_id = "block_person",
    params(("clerkId" = String, Path, description = "The person")),
    responses(
        (status = 200, body = Message, description = "Blocked"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`user_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn block(
    State(app): State<App>,
    Own(own): Own,
    Path(person): Path<ClerkId>,
) -> Result<Json<Message>, Refused> {
    app.limits.direct_changes.check(&own.user_id)?;
    match app.store.block(&own.clerk_id, &person, wall_ms()).await? {
        Blocking::Done => Ok(Json(Message { message: "They are blocked".to_owned() })),
        Blocking::NoSuchPerson => Err(Code::UserNotFound.into()),
        Blocking::TooMany => {
            let most = limits::BLOCKS;
            Err(Refused::invalid(format!("A person blocks at most {most} others")))
        }
    }
}

/// Takes a block back.
#[utoipa::path(
    delete, path = "/api/v1/direct/blocks/{clerkId}", tag = "direct",
    operation_id = "unblock_person",
    params(("clerkId" = String, Path, description = "The person")),
    responses(
        (status = 200, body = Message, description = "Not blocked any more"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`not_found`: they were not blocked"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn unblock(
    State(app): State<App>,
    Own(own): Own,
    Path(person): Path<ClerkId>,
) -> Result<Json<Message>, Refused> {
    app.limits.direct_changes.check(&own.user_id)?;
    match app.store.unblock(&own.clerk_id, &person).await? {
        true => Ok(Json(Message { message: "They are not blocked any more".to_owned() })),
        false => Err(Code::NotFound.into()),
    }
}
