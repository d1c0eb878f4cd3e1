//! Tickets: what opens one socket, once, within half a minute. A browser cannot add a header to
//! a WebSocket, and an address that holds a real token ends up in somebody's log.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parlor_protocol::Code;

use super::Verified;

/// How long a ticket is good.
pub const LIFE: Duration = Duration::from_secs(30);
/// Tickets that wait to be used, at most.
const OPEN_TICKETS: usize = 65_536;
/// Begins every ticket.
const PREFIX: &str = "ticket_";

/// Says whether a token looks like a ticket.
pub fn is_ticket(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// The tickets that are open. They are kept in memory: a restart ends them, and the client asks
/// for another.
#[derive(Default)]
pub struct Tickets {
    open: Mutex<HashMap<String, (Verified, Instant)>>,
}

impl Tickets {
    /// Makes a ticket for somebody.
    ///
    /// # Errors
    /// [`Code::Busy`] while too many are open.
    pub fn issue(&self, who: Verified, now: Instant) -> Result<String, Code> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= OPEN_TICKETS {
            open.retain(|_, (_, issued)| now - *issued < LIFE);
            if open.len() >= OPEN_TICKETS {
                return Err(Code::Busy);
            }
        }
        let ticket = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>()));
        open.insert(ticket.clone(), (who, now));
        Ok(ticket)
    }

    /// Takes a ticket and says whose it is; afterwards it is worth nothing.
    pub fn redeem(&self, ticket: &str, now: Instant) -> Option<Verified> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (who, issued) = open.remove(ticket)?;
        (now - issued < LIFE).then_some(who)
    }
}

#[cfg(test)]
mod tests {
    use parlor_protocol::UserId;
    use parlor_room::Principal;

    use super::*;

    fn ada() -> Verified {
        let who =
            Principal { user_id: UserId::from("ada"), display_name: "Ada".into(), is_guest: false };
        Verified { who, login: None, by_cookie: false }
    }

    #[test]
    fn a_ticket_is_good_once() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let ticket = tickets.issue(ada(), now).unwrap();
        assert_eq!(tickets.redeem(&ticket, now), Some(ada()));
        assert_eq!(tickets.redeem(&ticket, now), None);
    }

    #[test]
    fn a_ticket_is_good_for_half_a_minute() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        let ticket = tickets.issue(ada(), now).unwrap();
        assert_eq!(tickets.redeem(&ticket, now + LIFE), None);
    }

    #[test]
    fn tickets_that_ran_out_make_room_for_new_ones() {
        let (tickets, now) = (Tickets::default(), Instant::now());
        for _ in 0..OPEN_TICKETS {
            tickets.issue(ada(), now).unwrap();
        }
        assert_eq!(tickets.issue(ada(), now), Err(Code::Busy));
        assert!(tickets.issue(ada(), now + LIFE).is_ok());
    }
}
