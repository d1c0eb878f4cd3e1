//! `/contacts`: whom one writes with.

use axum::Json;
use axum::extract::{Path, State};
use parlor_protocol::direct::{ChangedContact, ContactUpdate, Contacts, NewContact};
use parlor_protocol::{Code, limits};
use parlor_store::{AddedContact, ContactRow};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::super::answer::Refused;
use super::super::body::{Body, Params};
use super::{Own, Place, number, shapes};
use crate::app::App;
use crate::clock::wall_ms;

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(rename, remove))
}

/// Lists one's contacts.
#[utoipa::path(
    get, path = "/contacts", tag = "direct",
    operation_id = "contacts",
    params(
        ("limit" = Option<i64>, Query, description = "1 to 1 000, which is the usual"),
        ("offset" = Option<i64>, Query, description = "So many are passed over"),
    ),
    responses(
        (status = 200, body = Contacts, description = "Those with the latest message first, those without one last"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn list(
    State(app): State<App>,
    Own(own): Own,
    Params(place): Params<Place>,
) -> Result<Json<Contacts>, Refused> {
    let limit = place.limit(limits::CONTACT_PAGE, limits::CONTACT_PAGE);
    let rows = app.store.contacts_of(&own.clerk_id, limit, place.offset()).await?;
    Ok(Json(Contacts { contacts: rows.into_iter().map(shapes::contact).collect() }))
}

/// Adds a contact. They learn nothing of it, and show nothing until they accept one too.
#[utoipa::path(
    post, path = "/contacts", tag = "direct",
    operation_id = "add_contact",
    request_body = NewContact,
    responses(
        (status = 200, body = ChangedContact, description = "Added"),
        (status = 400, body = parlor_protocol::error::ErrorBody, description = "`no_such_person`, `contact_exists`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn add(
    State(app): State<App>,
    Own(own): Own,
    Body(form): Body<NewContact>,
) -> Result<Json<ChangedContact>, Refused> {
    app.limits.direct_changes.check(&own.user_id)?;
    let nickname = nickname(form.nickname)?;
    let (owner, person) = (&own.clerk_id, &form.contact_clerk_id);
    match app.store.add_contact(owner, person, nickname.as_deref(), wall_ms()).await? {
        AddedContact::Added(row) => Ok(changed(*row)),
        AddedContact::AlreadyThere => Err(Code::ContactExists.into()),
        AddedContact::NoSuchPerson => Err(Code::NoSuchPerson.into()),
        AddedContact::TooMany => {
            let most = limits::CONTACTS;
            Err(Refused::invalid(format!("A person has at most {most} contacts")))
        }
    }
}

/// Changes what one calls a contact.
#[utoipa::path(
    patch, path = "/contacts/{id}", tag = "direct",
    operation_id = "rename_contact",
    params(("id" = i64, Path, description = "The contact")),
    request_body = ContactUpdate,
    responses(
        (status = 200, body = ChangedContact, description = "As it is now"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`contact_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn rename(
    State(app): State<App>,
    Own(own): Own,
    Path(id): Path<String>,
    Body(update): Body<ContactUpdate>,
) -> Result<Json<ChangedContact>, Refused> {
    app.limits.direct_changes.check(&own.user_id)?;
    let id = number(Some(&id)).ok_or(Code::ContactNotFound)?;
    let row = match update.nickname {
        Some(given) => {
            let nickname = nickname(given)?;
            app.store.name_contact(&own.clerk_id, id, nickname.as_deref()).await?
        }
        None => app.store.contact(&own.clerk_id, id).await?,
    };
    Ok(changed(row.ok_or(Code::ContactNotFound)?))
}

/// Removes a contact; the messages stay.
#[utoipa::path(
    delete, path = "/contacts/{id}", tag = "direct",
    operation_id = "remove_contact",
    params(("id" = i64, Path, description = "The contact")),
    responses(
        (status = 200, body = ChangedContact, description = "As it was"),
        (status = 404, body = parlor_protocol::error::ErrorBody, description = "`contact_not_found`"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn remove(
    State(app): State<App>,
    Own(own): Own,
    Path(id): Path<String>,
) -> Result<Json<ChangedContact>, Refused> {
    app.limits.direct_changes.check(&own.user_id)?;
    let id = number(Some(&id)).ok_or(Code::ContactNotFound)?;
    let row = app.store.remove_contact(&own.clerk_id, id).await?;
    Ok(changed(row.ok_or(Code::ContactNotFound)?))
}

fn changed(row: ContactRow) -> Json<ChangedContact> {
    Json(ChangedContact { success: true, contact: shapes::contact(row) })
}

/// Takes a nickname as a person typed it; an empty one is none.
fn nickname(given: Option<String>) -> Result<Option<String>, Refused> {
    let given = given.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let is_fine = |name: &str| {
        name.chars().count() <= limits::NICKNAME_CHARS && !name.chars().any(char::is_control)
    };
    match given {
        Some(name) if !is_fine(&name) => {
            let most = limits::NICKNAME_CHARS;
            Err(Refused::invalid(format!("A nickname has at most {most} characters")))
        }
        given => Ok(given),
    }
}
