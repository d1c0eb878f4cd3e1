//! Several nodes: real processes over a real PostgreSQL and a real Redis. Nodes are killed, stopped
//! and drained, the broker is emptied and restarted, while people are in a room.

#![allow(clippy::unwrap_used)]

mod nodes;
mod support;

use std::time::Duration;

use nodes::{Guest, Member, Site};
use serde_json::{Value, json};
use support::stream::EventStream;
use tokio::time::Instant;

/// Within this everybody is back after a node's death.
const TAKEOVER: Duration = Duration::from_secs(5);

/// Where the film is, as of a whole state.
fn position_ms(state: &Value) -> f64 {
    state["playbackState"]["currentTime"].as_f64().unwrap()
}

#[tokio::test]
async fn a_room_is_one_room_on_all_nodes() {
    let site = Site::start(3).await;
    let (ada, bob, eve) =
        (site.guest("Ada").await, site.guest("Bob").await, site.guest("Eve").await);
    let room = site.room(&ada).await;
    let mut at_first = Member::enter(&site.nodes[0], &room, &ada).await;
    let mut at_second = Member::enter(&site.nodes[1], &room, &bob).await;
    let mut at_third = Member::enter(&site.nodes[2], &room, &eve).await;

    at_second.say(1, "from the second").await;
    at_third.say(1, "from the third").await;
    let mut orders = Vec::new();
    for member in [&mut at_first, &mut at_second, &mut at_third] {
        let (one, two) = (member.next("CHAT_MESSAGE").await, member.next("CHAT_MESSAGE").await);
        orders.push([one, two].map(|told| (told["seq"].clone(), told["payload"]["text"].clone())));
    }
    assert_eq!(orders[0], orders[1]);
    assert_eq!(orders[0], orders[2]);

    let film = json!({ "mediaUrl": "https://example.org/film.mp4", "isPlaying": true });
    at_third.send(json!({ "type": "UPDATE_PLAYBACK", "id": 7, "payload": film })).await;
    let at: Vec<f64> = [
        at_first.next("PLAYBACK_UPDATED").await,
        at_second.next("PLAYBACK_UPDATED").await,
        at_third.next("PLAYBACK_UPDATED").await,
    ]
    .iter()
    .map(|told| told["payload"]["at"].as_f64().unwrap())
    .collect();
    assert!(at[0] == at[1] && at[1] == at[2], "one clock: {at:?}");
    at_third.next("ACK").await;

    let seen = site.nodes[2].get(&format!("/api/v1/rooms/{room}"), &eve).await;
    assert_eq!(seen["memberCount"], 3, "{seen}");
    at_third.leave().await;
    assert_eq!(at_first.next("USER_LEFT").await["payload"]["userId"], eve.id);
}

#[tokio::test]
async fn a_stream_of_events_is_one_stream_on_all_nodes() {
    let mut site = Site::start(3).await;
    let (ada, bob) = (site.guest("Ada").await, site.guest("Bob").await);
    let room = site.room(&ada).await;
    let query = format!("channel={room}");
    let addresses: Vec<_> = site.nodes.iter().map(|node| node.address()).collect();
    let opened = async |node: usize, query: &str, who: &Guest| {
        let bearer = format!("Bearer {}", who.token());
        let headers = [("authorization", bearer.as_str())];
        let opened = EventStream::open(addresses[node], query, &headers).await;
        let mut stream = opened.unwrap_or_else(|refusal| panic!("{}", refusal.text()));
        assert_eq!(stream.next().await.unwrap().data["type"], "connected");
        stream
    };
    // The first has the room; streams are at it and at another, beside sockets.
    let mut socket = Member::enter(&site.nodes[0], &room, &ada).await;
    let mut near = opened(0, &query, &ada).await;
    let mut far = opened(1, &query, &bob).await;
    assert_eq!(socket.next("USER_JOINED").await["payload"]["userId"], bob.id);
    let path = format!("/api/messages?roomId={room}");
    for (node, text) in [(2, "one"), (1, "two"), (0, "three")] {
        let said = site.nodes[node].post(&path, bob.token(), json!({ "text": text })).await;
        assert_eq!(said["success"], true, "{said}");
        assert_eq!(socket.next("CHAT_MESSAGE").await["payload"]["text"], text);
        assert_eq!(near.until("chat.message").await["text"], text);
        assert_eq!(far.until("chat.message").await["text"], text);
    }
    let seen = far.last_id().unwrap().to_owned();
    assert_eq!(near.last_id(), Some(&*seen));
    drop(far);
    socket.say(1, "four").await;
    // It goes on at the third node, which says the room's words again.
    let mut far = opened(2, &format!("{query}&last_ack_{room}={seen}"), &bob).await;
    assert_eq!(far.until("chat.message").await["text"], "four");
    // With the room's node the stream ends; whoever comes back finds the room at another.
    site.nodes[0].kill();
    while far.next().await.is_some() {}
    let mut again = opened(2, &query, &bob).await;
    let said = site.nodes[1].post(&path, bob.token(), json!({ "text": "five" })).await;
    assert_eq!(said["success"], true, "{said}");
    assert_eq!(again.until("chat.message").await["text"], "five");
}

#[tokio::test]
async fn a_ticket_is_good_once_on_whichever_node() {
    let site = Site::start(2).await;
    let ada = site.guest("Ada").await;
    let room = site.room(&ada).await;
    let ticket = site.nodes[0].ticket(&ada).await;
    let mut inside = Member::enter(&site.nodes[1], &room, &ticket).await;
    assert_eq!(inside.state().await["members"][0], ada.id);
    for node in &site.nodes {
        assert_eq!(Member::refused(node, &room, &ticket).await, 401);
    }
}

#[tokio::test]
async fn the_room_of_a_killed_node_goes_on_elsewhere() {
    let mut site = Site::start(3).await;
    let (ada, bob) = (site.guest("Ada").await, site.guest("Bob").await);
    let room = site.room(&ada).await;
    let mut owner = Member::enter(&site.nodes[0], &room, &ada).await;
    let mut other = Member::enter(&site.nodes[1], &room, &bob).await;
    other.say(1, "kept").await;
    owner.next("CHAT_MESSAGE").await;
    other.next("ACK").await;
    let film = json!({ "mediaUrl": "https://example.org/film.mp4", "isPlaying": true });
    owner.send(json!({ "type": "UPDATE_PLAYBACK", "id": 7, "payload": film })).await;
    owner.next("ACK").await;
    // It is durable within 250 ms, and shown to the millisecond from then on.
    let before = loop {
        let state = other.state().await;
        if position_ms(&state) > 400.0 {
            break (state, Instant::now());
        }
        // No more than a member may ask for.
        tokio::time::sleep(Duration::from_millis(25)).await;
    };

    site.nodes[0].kill();
    let killed = Instant::now();
    assert_eq!(other.closed().await, 1012);
    let mut back = Member::enter(&site.nodes[1], &room, &bob).await;
    let state = back.state().await;
    assert!(killed.elapsed() < TAKEOVER, "{:?}", killed.elapsed());
    let expected_ms = position_ms(&before.0) + before.1.elapsed().as_secs_f64() * 1e3;
    let error_ms = position_ms(&state) - expected_ms;
    assert!(error_ms.abs() < 50.0, "the film is {error_ms} ms off");
    assert_eq!(state["chat"][0]["text"], "kept");
    assert_eq!(state["playbackState"]["isPlaying"], true);

    let mut third = Member::enter(&site.nodes[2], &room, &ada).await;
    third.say(1, "here too").await;
    assert_eq!(back.next("CHAT_MESSAGE").await["payload"]["text"], "here too");
}

#[tokio::test]
async fn a_node_that_was_paused_writes_nothing_and_sends_its_members_away() {
    let site = Site::start(2).await;
    let (ada, bob) = (site.guest("Ada").await, site.guest("Bob").await);
    let room = site.room(&ada).await;
    let mut paused = Member::enter(&site.nodes[0], &room, &ada).await;
    paused.say(1, "before").await;
    paused.next("ACK").await;

    site.nodes[0].pause();
    // While the first node stands still, the second takes the room over.
    let mut other = Member::enter(&site.nodes[1], &room, &bob).await;
    paused.say(2, "too late").await;
    site.nodes[0].resume();
    let (seen, code) = paused.rest().await;
    assert_eq!(code, 1012);
    let late = seen.iter().filter(|told| told["payload"]["text"] == "too late").count();
    let acknowledged = seen.iter().filter(|told| told["id"] == 2 && told["type"] == "ACK").count();
    assert_eq!((late, acknowledged), (0, 0), "{seen:?}");

    let mut back = Member::enter(&site.nodes[0], &room, &ada).await;
    back.say(3, "again").await;
    assert_eq!(other.next("CHAT_MESSAGE").await["payload"]["text"], "again");
    let state = other.state().await;
    let texts: Vec<&str> =
        state["chat"].as_array().unwrap().iter().map(|it| it["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["before", "again"]);
}

#[tokio::test]
async fn an_emptied_or_restarted_broker_stops_nobody_for_long() {
    let mut site = Site::start(2).await;
    let (ada, bob) = (site.guest("Ada").await, site.guest("Bob").await);
    let room = site.room(&ada).await;
    let mut owner = Member::enter(&site.nodes[0], &room, &ada).await;
    let mut other = Member::enter(&site.nodes[1], &room, &bob).await;

    site.redis.flush();
    other.say(1, "after the flush").await;
    assert_eq!(owner.next("CHAT_MESSAGE").await["payload"]["text"], "after the flush");

    site.redis.stop();
    site.nodes[0].wait_until_ready_is("degraded", &ada).await;
    // What the node owns goes on for its members.
    owner.say(2, "without the broker").await;
    owner.next("ACK").await;
    site.redis.start_again();
    let back_at = Instant::now();
    site.nodes[0].wait_until_ready_is("ready", &ada).await;
    site.nodes[1].wait_until_ready_is("ready", &bob).await;
    // The other node may have sent its member back meanwhile, or not have noticed.
    let mut back = Member::enter(&site.nodes[1], &room, &bob).await;
    let state = back.state().await;
    assert!(back_at.elapsed() < TAKEOVER, "{:?}", back_at.elapsed());
    let last = state["chat"].as_array().unwrap().last().unwrap()["text"].clone();
    assert_eq!(last, "without the broker");
    back.say(3, "all is well").await;
    assert_eq!(owner.next("CHAT_MESSAGE").await["payload"]["text"], "all is well");
}

#[tokio::test]
async fn the_broker_may_be_reached_by_tls() {
    let pair = support::tls::Pair::new();
    let site = Site::start_with_tls(2, pair.certificate_file(), pair.key_file()).await;
    let (ada, bob) = (site.guest("Ada").await, site.guest("Bob").await);
    let room = site.room(&ada).await;
    let mut at_first = Member::enter(&site.nodes[0], &room, &ada).await;
    let mut at_second = Member::enter(&site.nodes[1], &room, &bob).await;
    at_second.say(1, "by TLS").await;
    assert_eq!(at_first.next("CHAT_MESSAGE").await["payload"]["text"], "by TLS");
}

#[tokio::test]
async fn a_drained_node_hands_its_rooms_on() {
    let mut site = Site::start(2).await;
    let (ada, bob) = (site.guest("Ada").await, site.guest("Bob").await);
    let room = site.room(&ada).await;
    let mut owner = Member::enter(&site.nodes[0], &room, &ada).await;
    let mut other = Member::enter(&site.nodes[1], &room, &bob).await;
    let heard = other.state().await;
    owner.say(1, "kept").await;
    owner.next("ACK").await;

    let asked = Instant::now();
    site.nodes[0].terminate();
    assert_eq!(owner.closed().await, 1012);
    assert_eq!(other.closed().await, 1012);
    let mut back = Member::enter(&site.nodes[1], &room, &bob).await;
    assert!(asked.elapsed() < TAKEOVER, "{:?}", asked.elapsed());
    // The stream goes on there: nothing but what was missed is told.
    let position = json!({ "epoch": heard["epoch"], "seq": heard["seq"] });
    back.send(json!({ "type": "RESUME", "payload": position })).await;
    let missed = back.next("CHAT_MESSAGE").await;
    assert_eq!(missed["payload"]["text"], "kept");
    assert_eq!(missed["seq"].as_u64(), heard["seq"].as_u64().map(|seq| seq + 1));
    assert_eq!(back.next("RESUMED").await["payload"]["epoch"], heard["epoch"]);
    site.nodes[0].ended().await;
}
