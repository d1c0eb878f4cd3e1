//! Plain axum as a room server, in the two shapes people write it in: `axum-room PORT broadcast`
//! (a tokio broadcast channel per room, everything at its default) and `axum-room PORT queue` (a
//! bounded queue per socket, what waits is fed and flushed once, a small read buffer).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use axum::Router;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt;
use futures_util::SinkExt;
use tokio::sync::{broadcast, mpsc};

/// Messages a socket may lag behind, in both shapes.
const QUEUE_MESSAGES: usize = 1_024;
/// Read buffer of a socket in the shape with queues; the default is 128 KiB.
const READ_BUFFER_BYTES: usize = 1_024;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().context("no port")?.parse()?;
    let shape = arguments.next().context("no shape")?;
    let routes = Router::new().route("/health/live", get(async || "ok"));
    let routes = match shape.as_str() {
        "broadcast" => routes.merge(
            Router::new().route("/{room}", get(join_broadcast)).with_state(Broadcasts::default()),
        ),
        "queue" => routes
            .merge(Router::new().route("/{room}", get(join_queues)).with_state(Queues::default())),
        _ => anyhow::bail!("no shape of that name"),
    };
    let listener = tokio::net::TcpSocket::new_v4()?;
    listener.bind(([127, 0, 0, 1], port).into())?;
    let listener = listener.listen(4_096)?.tap_io(|stream| {
        // A socket that cannot be told so is slower, and nothing worse.
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, routes).await?;
    Ok(())
}

type Broadcasts = Arc<Mutex<HashMap<String, broadcast::Sender<Utf8Bytes>>>>;

async fn join_broadcast(
    State(rooms): State<Broadcasts>,
    Path(room): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let room = rooms
        .lock()
        .expect("nothing panics while it holds the rooms")
        .entry(room)
        .or_insert_with(|| broadcast::channel(QUEUE_MESSAGES).0)
        .clone();
    upgrade.on_upgrade(move |socket| serve_broadcast(socket, room))
}

async fn serve_broadcast(mut socket: WebSocket, room: broadcast::Sender<Utf8Bytes>) {
    let mut told = room.subscribe();
    loop {
        tokio::select! {
            read = socket.recv() => match read {
                Some(Ok(Message::Text(text))) => {
                    let _ = room.send(text);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            text = told.recv() => {
                let Ok(text) = text else { continue };
                if socket.send(Message::Text(text)).await.is_err() {
                    return;
                }
            }
        }
    }
}

type Queues = Arc<Mutex<HashMap<String, Arc<Mutex<Vec<mpsc::Sender<Utf8Bytes>>>>>>>;

async fn join_queues(
    State(rooms): State<Queues>,
    Path(room): Path<String>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let room = rooms
        .lock()
        .expect("nothing panics while it holds the rooms")
        .entry(room)
        .or_default()
        .clone();
    upgrade.read_buffer_size(READ_BUFFER_BYTES).on_upgrade(move |socket| serve_queue(socket, room))
}

async fn serve_queue(mut socket: WebSocket, room: Arc<Mutex<Vec<mpsc::Sender<Utf8Bytes>>>>) {
    let (queue, mut told) = mpsc::channel(QUEUE_MESSAGES);
    room.lock().expect("nothing panics while it holds a room").push(queue);
    loop {
        tokio::select! {
            read = socket.recv() => match read {
                Some(Ok(Message::Text(text))) => room
                    .lock()
                    .expect("nothing panics while it holds a room")
                    .retain(|queue| !queue.is_closed() && queue.try_send(text.clone()).is_ok()),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            Some(text) = told.recv() => {
                if socket.feed(Message::Text(text)).await.is_err() {
                    return;
                }
                while let Ok(text) = told.try_recv() {
                    if socket.feed(Message::Text(text)).await.is_err() {
                        return;
                    }
                }
                if socket.flush().await.is_err() {
                    return;
                }
            }
        }
    }
}
