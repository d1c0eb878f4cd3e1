//! Finds peers that are gone without a word.

use std::time::Duration;

use parlor_dialects::websocket;
use parlor_protocol::CloseCode;
use parlor_room::Departure;

use super::batch::Framing;
use super::events::PING_EVERY;
use super::{ConnKey, Hub, HubRef};

/// How long a peer has to close after our close frame.
pub(super) const CLOSE_WAIT: Duration = Duration::from_secs(5);
/// How long a reader that was too slow has to read up to our close frame.
const SLOW_CLOSE_WAIT: Duration = Duration::from_secs(30);
/// After this silence a peer is asked whether it is there.
const PING_AFTER: Duration = Duration::from_secs(5);
/// After this silence a peer is taken for gone.
const GONE_AFTER: Duration = Duration::from_secs(10);
/// How often all connections are looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What a look at a connection finds.
enum Finding {
    Silent,
    Quiet,
    Gone,
    Over,
}

/// Looks at every connection from time to time.
pub(super) async fn sweep(hub: HubRef) {
    let mut every = tokio::time::interval(SWEEP_EVERY);
    loop {
        every.tick().await;
        hub.borrow_mut().sweep(&hub);
    }
}

impl Hub {
    fn sweep(&mut self, me: &HubRef) {
        let now = self.tools.clock.now().mono;
        let mut findings: Vec<(ConnKey, Finding)> = Vec::new();
        for (key, conn) in &mut self.conns {
            let silence = now.saturating_sub(conn.heard);
            if let Some(since) = conn.closing {
                let wait = if conn.backlog.is_some() { SLOW_CLOSE_WAIT } else { CLOSE_WAIT };
                if now.saturating_sub(since) > wait {
                    findings.push((key, Finding::Gone));
                }
            } else if conn.until.is_some_and(|until| now >= until) {
                findings.push((key, Finding::Over));
            } else if conn.framing == Framing::Events {
                if silence >= PING_EVERY {
                    conn.heard = now;
                    findings.push((key, Finding::Quiet));
                }
            } else if silence > GONE_AFTER {
                findings.push((key, Finding::Gone));
            } else if silence <= PING_AFTER {
                conn.pinged = false;
            } else if !std::mem::replace(&mut conn.pinged, true) {
                findings.push((key, Finding::Silent));
            }
        }
        let mut ping = Vec::new();
        websocket::append_ping(&mut ping);
        for (key, finding) in findings {
            match finding {
                Finding::Over => {
                    let code = CloseCode::LoginEnded.number();
                    self.hang_up(me, key, code, "prove anew who you are", Departure::Broken);
                }
                Finding::Silent => self.write_now(me, key, &ping),
                Finding::Quiet => self.ping_stream(me, key),
                Finding::Gone => {
                    self.gone(me, key);
                }
            }
        }
    }
}
