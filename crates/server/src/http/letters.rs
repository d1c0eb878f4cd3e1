//! Links by mail, for another password and to prove an address: `/api/v1/auth/password/…` and
//! `/api/v1/auth/email/…`.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use parlor_protocol::Code;
use parlor_protocol::account::{ForgotPassword, ResetPassword, VerifyEmail};
use parlor_protocol::room::Message;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answer::Refused;
use super::body::Body;
use super::peer::Client;
use super::who::Who;
use crate::app::App;
use crate::auth::names;

/// The routes of this part.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(forgot_password))
        .routes(routes!(reset_password))
        .routes(routes!(verify_email))
        .routes(routes!(send_verification))
}

/// Sends a link for another password to an address. The answer is the same, and as fast, whether
/// somebody here has the address or not.
#[utoipa::path(
    post, path = "/api/v1/auth/password/forgot", tag = "auth",
    request_body = ForgotPassword,
    responses(
        (status = 202, body = Message, description = "If an account has this address, a link is sent there; it works once, within an hour"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    )
)]
async fn forgot_password(
    State(app): State<App>,
    Client(address): Client,
    Body(form): Body<ForgotPassword>,
) -> Result<(StatusCode, Json<Message>), Refused> {
    app.limits.letters.check(&address.into())?;
    let email = form.email.trim();
    if !names::is_email(email) {
        return Err(Refused::invalid("That is not an e-mail address"));
    }
    app.limits.letters_per_name.check(&email.to_lowercase())?;
    app.mail.forgot(email.to_owned())?;
    let message = "If an account has this address, a link is on its way there".to_owned();
    Ok((StatusCode::ACCEPTED, Json(Message { message })))
}

/// Sets another password by the link from a mail. Every login of the account ends.
#[utoipa::path(
    post, path = "/api/v1/auth/password/reset", tag = "auth",
    request_body = ResetPassword,
    responses(
        (status = 200, body = Message, description = "Set; one logs in with it"),
        (status = 410, body = parlor_protocol::error::ErrorBody, description = "`link_expired`: used already, or too old"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    )
)]
async fn reset_password(
    State(app): State<App>,
    Client(address): Client,
    Body(form): Body<ResetPassword>,
) -> Result<Json<Message>, Refused> {
    app.limits.links.check(&address.into())?;
    app.auth.reset_password(&form.token, form.password).await?;
    Ok(Json(Message { message: "The password is set; log in with it".to_owned() }))
}

/// Proves an address by the link from a mail.
#[utoipa::path(
    post, path = "/api/v1/auth/email/verify", tag = "auth",
    request_body = VerifyEmail,
    responses(
        (status = 200, body = Message, description = "The address is its owner's"),
        (status = 410, body = parlor_protocol::error::ErrorBody, description = "`link_expired`: used already, or too old"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    )
)]
async fn verify_email(
    State(app): State<App>,
    Client(address): Client,
    Body(form): Body<VerifyEmail>,
) -> Result<Json<Message>, Refused> {
    app.limits.links.check(&address.into())?;
    app.auth.verify_email(&form.token).await?;
    Ok(Json(Message { message: "The address is verified".to_owned() }))
}

/// Sends the link that proves one's address once more.
#[utoipa::path(
    post, path = "/api/v1/auth/email/send-verification", tag = "auth",
    responses(
        (status = 202, body = Message, description = "A link is on its way, unless the address is verified already"),
        (status = "default", body = parlor_protocol::error::ErrorBody, description = "Not carried out"),
    ),
    security(("bearer" = []), ("login" = []))
)]
async fn send_verification(
    State(app): State<App>,
    Client(address): Client,
    Who(verified): Who,
) -> Result<(StatusCode, Json<Message>), Refused> {
    if verified.who.is_guest {
        return Err(Code::Forbidden.into());
    }
    app.limits.letters.check(&address.into())?;
    app.limits.letters_per_name.check(&verified.who.user_id.to_string())?;
    app.mail.verify(&verified.who.user_id).await?;
    let message = "A link is on its way, unless the address is verified already".to_owned();
    Ok((StatusCode::ACCEPTED, Json(Message { message })))
}
