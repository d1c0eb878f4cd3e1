//! The gate before a room's page: it is shown only if the room can be entered, and whoever has
//! no identity gets one on the way. Loading the page takes no seat, for link previews load it too.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use parlor_protocol::{Code, RoomId};
use parlor_room::Principal;

use super::answer::Refused;
use super::gate::{self, Origin};
use super::peer::Client;
use crate::app::App;
use crate::auth::GUEST_LIFE;
use crate::auth::cookies::Cookie;
use crate::ui::{self, Preview};

/// Answers `GET /room/{id}`.
pub async fn room_page(
    State(app): State<App>,
    Client(address): Client,
    Path(room): Path<RoomId>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    if gate::judge_origin(&app.config, &headers) == Origin::Foreign {
        return Err(Code::ForeignOrigin.into());
    }
    let Some(row) = app.store.room(&room).await? else {
        return Ok(back("room-not-found"));
    };
    let (who, cookie) = match visitor(&app, &method, &headers).await? {
        Some((who, cookie)) => (who, cookie),
        None => {
            app.limits.guests.check(&address.into())?;
            let (guest, token) = app.auth.new_guest(None);
            (guest, Some(Cookie::Guest.set(&app.config, &token, GUEST_LIFE)))
        }
    };
    match app.rooms.may_enter(&room, &who).await {
        Ok(()) => {}
        // The page has the door.
        Err(
            Code::PasswordRequired | Code::AccountRequired | Code::NotInvited | Code::WaitingRoom,
        ) => {}
        Err(Code::RoomNotFound) => return Ok(back("room-not-found")),
        Err(Code::RoomFull) => return Ok(back("room-full")),
        Err(Code::Banned) => return Ok(back("removed")),
        Err(code) => return Err(code.into()),
    }
    let preview = Preview { title: &row.name, address: &public_address(&app, &headers, &room) };
    let mut response = ui::page(Some(preview));
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

type Visitor = (Principal, Option<HeaderValue>);

/// Finds out who asks for the page. Following a link from another site is no attack, so cookies
/// count whatever page the link was on.
async fn visitor(
    app: &App,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Option<Visitor>, Refused> {
    let counts = gate::is_navigation(method, headers)
        || gate::cookies_count(&app.config, method, headers) == Ok(true);
    let verified = match counts {
        true => app.auth.verify_headers(headers, None).await,
        false => app.auth.verify_without_cookies(headers, None).await,
    };
    match verified {
        Ok(verified) => {
            let mut cookie = None;
            if verified.by_cookie
                && verified.login.is_some()
                && let Some(token) = Cookie::Login.read(headers)
            {
                app.auth.slide_cookie(token).await?;
                cookie = Some(Cookie::Login.set(&app.config, token, app.auth.login_life()));
            }
            Ok(Some((verified.who, cookie)))
        }
        Err(Code::MissingToken | Code::InvalidToken) => Ok(None),
        Err(code) => Err(code.into()),
    }
}

fn back(error: &str) -> Response {
    let place = HeaderValue::from_str(&format!("/?error={error}")).expect("errors are ASCII");
    let no_store = HeaderValue::from_static("no-store");
    let headers = [(header::LOCATION, place), (header::CACHE_CONTROL, no_store)];
    (StatusCode::TEMPORARY_REDIRECT, headers).into_response()
}

fn public_address(app: &App, headers: &HeaderMap, room: &RoomId) -> String {
    let own = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = match (&app.config.public_url, own) {
        (Some(site), _) => site.origin.clone(),
        (None, Some(host)) => format!("{}://{host}", app.config.scheme()),
        (None, None) => String::new(),
    };
    format!("{origin}/room/{room}")
}
