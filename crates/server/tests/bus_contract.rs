//! What a bus promises, on every kind of bus; the kind with Redis on a real one.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use bytes::Bytes;
use parlor_server::bus::{Bus, Delivery, Leased, LocalBus, Named, RedisBus};
use parlor_testkit::redis::TestRedis;

const LIFE: Duration = Duration::from_secs(30);

fn message(text: impl Into<String>) -> Bytes {
    Bytes::from(text.into())
}

async fn messages_of_a_subject_arrive_in_order_with_every_subscriber(bus: &Bus) {
    let mut first = bus.subscribe("order").await.unwrap();
    let mut second = bus.subscribe("order").await.unwrap();
    let mut other = bus.subscribe("another").await.unwrap();
    for n in 0..1_000 {
        bus.publish("order", message(n.to_string())).unwrap();
    }
    bus.publish("another", message("only this")).unwrap();
    for n in 0..1_000 {
        let expected = Some(Delivery::Message(message(n.to_string())));
        assert_eq!(first.next().await, expected);
        assert_eq!(second.next().await, expected);
    }
    assert_eq!(other.next().await, Some(Delivery::Message(message("only this"))));
}

async fn a_message_may_hold_any_bytes(bus: &Bus) {
    let mut subscription = bus.subscribe("bytes").await.unwrap();
    let bytes: Bytes = (0..=255).cycle().take(100_000).collect();
    bus.publish("bytes", bytes.clone()).unwrap();
    assert_eq!(subscription.next().await, Some(Delivery::Message(bytes)));
}

async fn who_does_not_take_messages_is_told_of_the_gap(bus: &Bus) {
    let mut slow = bus.subscribe("flood").await.unwrap();
    let mut witness = bus.subscribe("flood").await.unwrap();
    let mut seen = 0;
    // The witness takes each before the next comes, so that nothing else is full.
    for n in 0..10_000 {
        bus.publish("flood", message(n.to_string())).unwrap();
        assert_eq!(witness.next().await, Some(Delivery::Message(message(n.to_string()))));
    }
    while let Some(Delivery::Message(bytes)) = slow.next().await {
        assert_eq!(bytes, message(seen.to_string()));
        seen += 1;
        if seen == 8_192 {
            bus.publish("flood", message("after the gap")).unwrap();
        }
    }
    assert_eq!(seen, 8_192, "what fits arrives, and then the gap");
    assert_eq!(slow.next().await, Some(Delivery::Message(message("after the gap"))));
}

async fn a_lease_has_one_holder(bus: &Bus) {
    let mine = bus.lease("room", "a", LIFE).await.unwrap();
    assert!(matches!(mine, Leased::Ours { .. }), "{mine:?}");
    let theirs = bus.lease("room", "b", LIFE).await.unwrap();
    assert_eq!(theirs, Leased::Theirs { holder: "a".into() });
    assert!(matches!(bus.lease("room", "a", LIFE).await.unwrap(), Leased::Ours { .. }));
    bus.release("room", "b").await.unwrap();
    let holder = Named::Holder("a".into());
    assert_eq!(bus.holder("room", LIFE).await.unwrap(), holder);
    bus.release("room", "a").await.unwrap();
    assert!(!matches!(bus.holder("room", LIFE).await.unwrap(), Named::Holder(_)));
    assert!(matches!(bus.lease("room", "b", LIFE).await.unwrap(), Leased::Ours { .. }));
}

async fn a_lease_ends_and_never_before_its_holder_knows(bus: &Bus) {
    let life = Duration::from_millis(100);
    let Leased::Ours { until } = bus.lease("short", "a", life).await.unwrap() else {
        panic!("nobody else has it");
    };
    // Asked again and again until it ends; when it has, the holder's own time is over too.
    while !matches!(bus.lease("short", "b", LIFE).await.unwrap(), Leased::Ours { .. }) {}
    assert!(std::time::Instant::now() >= until);
}

async fn a_value_is_taken_once(bus: &Bus) {
    bus.keep("ticket", message("ada"), LIFE).await.unwrap();
    let (one, two) = tokio::join!(bus.take("ticket"), bus.take("ticket"));
    let taken: Vec<Bytes> = [one.unwrap(), two.unwrap()].into_iter().flatten().collect();
    assert_eq!(taken, [message("ada")]);
}

async fn a_value_may_run_out(bus: &Bus) {
    bus.keep("brief", message("x"), Duration::from_millis(1)).await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(bus.take("brief").await.unwrap(), None);
}

async fn a_value_can_be_looked_at_and_replaced(bus: &Bus) {
    let mut told = bus.subscribe("told").await.unwrap();
    bus.keep_soon("room", message("first"), LIFE).unwrap();
    bus.keep_soon("room", message("second"), LIFE).unwrap();
    bus.publish("told", message("it is there")).unwrap();
    // What was kept before something was published is there when that arrives.
    assert_eq!(told.next().await, Some(Delivery::Message(message("it is there"))));
    for _ in 0..2 {
        assert_eq!(bus.look("room").await.unwrap(), Some(message("second")));
    }
    assert_eq!(bus.look("another").await.unwrap(), None);
}

macro_rules! contract {
    ($($name:ident)*) => {
        mod local {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                super::$name(&Bus::Local(LocalBus::default())).await;
            })*
        }
        mod redis {
            use super::*;
            $(#[tokio::test]
            async fn $name() {
                let redis = TestRedis::start();
                super::$name(&Bus::Redis(RedisBus::open(&redis.url()).unwrap())).await;
            })*
        }
    };
}

contract! {
    messages_of_a_subject_arrive_in_order_with_every_subscriber
    a_message_may_hold_any_bytes
    who_does_not_take_messages_is_told_of_the_gap
    a_lease_has_one_holder
    a_lease_ends_and_never_before_its_holder_knows
    a_value_is_taken_once
    a_value_may_run_out
    a_value_can_be_looked_at_and_replaced
}

#[tokio::test]
async fn a_subscription_outlives_the_broker_and_names_the_gap() {
    let mut redis = TestRedis::start();
    let bus = Bus::Redis(RedisBus::open(&redis.url()).unwrap());
    let mut subscription = bus.subscribe("news").await.unwrap();
    bus.publish("news", message("before")).unwrap();
    assert_eq!(subscription.next().await, Some(Delivery::Message(message("before"))));
    let mut reachable = bus.reachable();
    reachable.wait_for(|reachable| *reachable).await.unwrap();
    redis.stop();
    reachable.wait_for(|reachable| !*reachable).await.unwrap();
    assert_eq!(subscription.next().await, Some(Delivery::Gap));
    assert!(bus.lease("room", "a", LIFE).await.is_err());
    redis.start_again();
    reachable.wait_for(|reachable| *reachable).await.unwrap();
    // The publishing connection may lose a message or two before it finds out.
    let heard = async {
        loop {
            bus.publish("news", message("after")).unwrap();
            let next = tokio::time::timeout(Duration::from_millis(300), subscription.next()).await;
            if next == Ok(Some(Delivery::Message(message("after")))) {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), heard).await.unwrap();
    assert!(matches!(bus.lease("room", "a", LIFE).await.unwrap(), Leased::Ours { .. }));
}

#[tokio::test]
async fn a_broker_that_began_anew_says_that_it_may_have_forgotten_leases() {
    let life = Duration::from_millis(300);
    let mut redis = TestRedis::start();
    let bus = Bus::Redis(RedisBus::open(&redis.url()).unwrap());
    // Asked again and again until as much time has gone by as leases last.
    let remembers = async || {
        let begun = std::time::Instant::now();
        while bus.holder("room", life).await.unwrap() == Named::Forgotten {}
        assert_eq!(bus.holder("room", life).await.unwrap(), Named::Nobody);
        begun.elapsed()
    };
    remembers().await;
    redis.flush();
    let anew = remembers().await;
    assert!(anew >= life, "{anew:?}");
    redis.start_again();
    // The connection that broke with it is opened anew at the second question.
    while bus.holder("room", life).await.is_err() {}
    remembers().await;
    bus.lease("room", "a", life).await.unwrap();
    assert_eq!(bus.holder("room", life).await.unwrap(), Named::Holder("a".into()));
}

#[tokio::test]
async fn what_is_no_address_of_a_broker_is_refused() {
    assert!(RedisBus::open("http://127.0.0.1:6379").is_err());
}
