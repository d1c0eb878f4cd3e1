//! What Socket.IO clients can ask for, by the name of the event.
//!
//! The events of one connection are carried out one after the other. What an event comes to is its
//! acknowledgement; a client that wants none is told of refusals by the event `error`.

use parlor_protocol::direct::socket::{Authenticate, Authenticated, RegisterUser, Registered};
use parlor_protocol::{ClerkId, Code};
use parlor_room::Principal;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::direct;
use crate::auth::Verified;
use crate::http::answer::{Refused, store_code};
use crate::http::limits::AddressKey;
use crate::hub::Desk;

/// An event, as it came.
pub struct Event<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its arguments, as JSON.
    pub arguments: Vec<&'a RawValue>,
    /// What its placeholders stand for.
    pub attachments: &'a [Vec<u8>],
    /// The client's name for it, if it wants an answer.
    pub id: Option<u64>,
}

impl Event<'_> {
    /// Reads the first argument; without one, an empty object. Unknown fields are ignored.
    ///
    /// # Errors
    /// [`Code::Invalid`] if it is no object of that form.
    pub fn form<T: DeserializeOwned>(&self) -> Result<T, Refused> {
        let text = self.arguments.first().map_or("{}", |argument| argument.get());
        // Derived decoders take an array of a struct's fields as well, which no client means.
        if !text.starts_with('{') {
            return Err(Code::Invalid.into());
        }
        serde_json::from_str(text).map_err(|_| Code::Invalid.into())
    }
}

/// Why an event was not carried out.
pub enum Failure {
    /// The client is told so by the acknowledgement, or by `error`.
    Refused(Refused),
    /// The client was told by an event that it knows for that; an acknowledgement says so as well.
    Told(Refused),
}

impl<R: Into<Refused>> From<R> for Failure {
    fn from(why: R) -> Self {
        Failure::Refused(why.into())
    }
}

/// Carries out an event; the answer is for its acknowledgement.
///
/// # Errors
/// [`Failure`]: among others [`Code::MissingToken`] for all but two events before the client has
/// proved who somebody is, and [`Code::UnknownEvent`].
pub async fn carry_out(desk: &Desk, event: &Event<'_>) -> Result<Value, Failure> {
    match event.name {
        "authenticate" => authenticate(desk, event.form()?).await,
        "register_user" => match register_user(desk, event.form()).await {
            Ok(answer) => Ok(answer),
            Err(refused) => Err(direct::fail(desk, refused)),
        },
        _ if desk.who().is_none() => Err(Code::MissingToken.into()),
        _ => match direct::carry_out(desk, event).await {
            Some(outcome) => outcome,
            None => Err(Code::UnknownEvent.into()),
        },
    }
}

/// Proves who somebody is, or puts a newer login of the same person behind the connection.
async fn authenticate(desk: &Desk, form: Authenticate) -> Result<Value, Failure> {
    let token = form.token.ok_or(Code::MissingToken)?;
    desk.prove(desk.app().auth.verify_token(&token).await?)?;
    Ok(json!(Authenticated { authenticated: true }))
}

/// Takes an external user's id on trust: the operator has said that clients from there may say it.
async fn trust(desk: &Desk, claim: &ClerkId, address: &AddressKey) -> Result<(), Refused> {
    let app = desk.app();
    let person = app.direct.trusted(claim, || app.limits.guests.check(address)).await?;
    let kept = app.store.user(&person.user_id).await?.ok_or(Code::MissingToken)?;
    let display_name = kept.display_name.into();
    let who = Principal { user_id: person.user_id, display_name, is_guest: false };
    desk.prove(Verified { who, login: None, by_cookie: false })?;
    Ok(())
}

/// Says whose messages a client wants: those of the person it has proved to be, and no other.
async fn register_user(desk: &Desk, form: Result<RegisterUser, Refused>) -> Result<Value, Refused> {
    let missing = || Refused::because(Code::Invalid, "Missing required fields");
    let form = form.map_err(|_| missing())?;
    let clerk_id = form.clerk_id.filter(|id| !id.is_empty()).ok_or_else(missing)?;
    if let Some(token) = form.token {
        desk.prove(desk.app().auth.verify_token(&token).await?)?;
    }
    if desk.who().is_none()
        && let Some(address) = desk.claims_from()
    {
        trust(desk, &ClerkId::from(clerk_id.as_str()), &address).await?;
    }
    let user = desk.who().ok_or(Code::MissingToken)?.who.user_id;
    if clerk_id != user.as_str() {
        let known = desk.app().store.clerk_id(&user).await;
        let known = known.map_err(|error| store_code(&error))?;
        if known.as_deref() != Some(&clerk_id) {
            return Err(Refused::because(Code::Forbidden, "clerkId is not yours"));
        }
    }
    let socket_id = desk.socket_id().to_owned();
    let registered = Registered { success: true, clerk_id: ClerkId::from(clerk_id), socket_id };
    desk.emit("registered", &registered);
    Ok(json!(registered))
}
