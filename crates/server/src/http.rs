//! The HTTP interface: every route in one list, and what every request passes on its way.

pub mod accounts;
pub mod answer;
pub mod body;
mod calls;
mod documents;
mod duty;
pub mod gate;
mod health;
pub mod limits;
mod page;
pub mod peer;
mod rooms;
mod sockets;
mod users;
mod watch;
pub mod who;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;
use crate::ui;

/// Every documented route.
pub fn documented() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(accounts::routes())
        .merge(users::routes())
        .merge(rooms::routes())
        .merge(sockets::routes())
        .merge(calls::routes())
        .merge(health::routes())
}

/// Every route there is, with everything a request passes before it gets to one.
pub fn router(app: App) -> Router {
    let (mut router, _) = documented().split_for_parts();
    let aliases =
        rooms::aliases().into_iter().chain([("/rooms/{roomId}/ws", get(sockets::room_socket))]);
    for (path, handlers) in aliases.chain(documents::routes()) {
        router = router.route(path, handlers);
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
