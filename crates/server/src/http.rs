//! The HTTP interface: every route in one list, and what every request passes on its way.

pub mod accounts;
mod admin;
pub mod answer;
pub mod body;
mod calls;
pub mod direct;
mod documents;
mod duty;
mod entry;
pub mod gate;
mod health;
mod invitations;
mod leaving;
mod letters;
pub mod limits;
mod page;
pub mod peer;
mod realtime;
pub mod rooms;
mod sockets;
mod users;
mod watch;
pub mod who;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{any, get};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::config::House;
use crate::transport::socketio;
use crate::ui;
use peer::Peer;

/// Every documented route.
pub fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(accounts::routes())
        .merge(users::routes())
        .merge(leaving::routes())
        .merge(letters::routes())
        .merge(rooms::routes())
        .merge(entry::routes())
        .merge(invitations::routes())
        .merge(admin::routes())
        .merge(sockets::routes())
        .merge(calls::routes())
        .merge(realtime::routes())
        .merge(direct::routes())
        .merge(health::routes())
}

/// What answers requests. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    router: Router,
    app: App,
}

impl Site {
    /// Puts the whole interface together.
    pub fn new(app: App) -> Self {
        Self { router: router(app.clone()), app }
    }

    /// Answers a request that came over a connection.
    pub fn answer(
        &self,
        peer: Peer,
        mut request: hyper::Request<hyper::body::Incoming>,
    ) -> impl Future<Output = Response> + use<> {
        let answered = match watch::at_once(&self.app.config, peer, &request) {
            Some(response) => Ok(response),
            None => {
                request.extensions_mut().insert(peer);
                Err(self.router.clone().oneshot(request))
            }
        };
        async {
            match answered {
                Ok(response) => response,
                Err(answering) => {
                    let Ok(response) = answering.await;
                    response
                }
            }
        }
    }
}

/// Every route there is, with everything a request passes before it gets to one.
fn router(app: App) -> Router {
    let (mut router, _) = documented().split_for_parts();
    let aliases =
        rooms::aliases().into_iter().chain([("/rooms/{roomId}/ws", get(sockets::room_socket))]);
    for (path, handlers) in aliases.chain(documents::routes()) {
        router = router.route(path, handlers);
    }
    for path in ["/socket.io/", "/socket.io"] {
        router = router.route(path, any(socketio::socket_io));
    }
    if app.config.sockets.house == House::Conformance {
        router = router.route("/engine.io/", any(socketio::engine_io));
    }
    for path in ui::PAGES {
        router = router.route(path, get(ui::front));
    }
    // The first layer of the list is the first one a request passes. They stand in one stack and do
    // much each: every layer costs as much as a small request.
    let passed = ServiceBuilder::new()
        .layer(from_fn_with_state(app.clone(), watch::every))
        .layer(CatchPanicLayer::custom(watch::fault))
        .option_layer(watch::cors(&app.config))
        .layer(from_fn_with_state(app.clone(), watch::visitor));
    router
        .route("/room/{roomId}", get(page::room_page))
        .fallback(ui::file)
        .layer(passed)
        .with_state(app)
}
