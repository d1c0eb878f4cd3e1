//! Direct messages, beneath whatever carries them.
//!
//! It knows no sockets: what it does returns what is to be told, and to whom; the transports tell it.
//! What was done over REST is passed to them as [`News`]. Nothing here is told before it is on disk.
//!
//! Start reading at [`Direct::send`].

mod tell;

use std::sync::Arc;

use parlor_protocol::{ClerkId, Code, UserId, limits};
use parlor_room::Principal;
use parlor_store::{
    DirectPerson, MarkedRead, NewDirect, Party, PersonKind, SendOutcome, Standing, Store,
};
use tokio::sync::broadcast;

use crate::auth::Auth;
use crate::clock::wall_ms;
use crate::http::answer::Refused;
use crate::http::limits::RateLimits;

pub use tell::{News, Reach, Read, Sent, StatusChange};

/// News that wait for a transport that is slower than they come; it is told how many it missed.
const NEWS: usize = 4_096;
/// Longest external id that is taken on trust, in characters.
const CLAIM_CHARS: usize = 200;

/// Direct messages. Cheap to clone.
#[derive(Clone)]
pub struct Direct(Arc<Inner>);

struct Inner {
    store: Store,
    auth: Auth,
    limits: Arc<RateLimits>,
    news: broadcast::Sender<News>,
}

impl Direct {
    /// Puts it together.
    pub fn new(store: Store, auth: Auth, limits: Arc<RateLimits>) -> Self {
        Self(Arc::new(Inner { store, auth, limits, news: broadcast::Sender::new(NEWS) }))
    }

    /// Finds a verified principal as direct messages know them.
    ///
    /// # Errors
    /// [`Code::AccountRequired`] for guests.
    pub async fn own(&self, who: &Principal) -> Result<DirectPerson, Refused> {
        let kept = match who.is_guest {
            true => None,
            false => self.0.store.direct_person(&who.user_id).await?,
        };
        let kept = kept.filter(|person| person.kind != PersonKind::Guest);
        kept.ok_or_else(|| {
            let why = "Guests have no direct messages; sign in or register first";
            Refused::because(Code::AccountRequired, why)
        })
    }

    /// Takes an external user's id on trust; whoever calls this knows that it may. A new one is kept,
    /// after `is_fine` said so.
    ///
    /// # Errors
    /// [`Code::MissingToken`] if it is nobody's but an account's or a guest's, or no id at all.
    pub async fn trusted(
        &self,
        claim: &ClerkId,
        is_fine: impl FnOnce() -> Result<(), Refused>,
    ) -> Result<DirectPerson, Refused> {
        let text = claim.as_str();
        let is_id = (1..=CLAIM_CHARS).contains(&text.chars().count())
            && !text.chars().any(|c| c.is_control() || c.is_whitespace());
        if !is_id {
            return Err(Code::MissingToken.into());
        }
        let mut found = self.0.store.direct_person_called(claim).await?;
        if found.is_none() {
            is_fine()?;
            self.0.auth.keep_trusted(claim).await?;
            found = self.0.store.direct_person_called(claim).await?;
        }
        found
            .filter(|person| person.kind == PersonKind::External && !person.is_disabled)
            .ok_or_else(|| Code::MissingToken.into())
    }

    /// Compares an id that a client says is its own with who it is.
    ///
    /// # Errors
    /// [`Code::Forbidden`].
    pub fn is_own(&self, own: &DirectPerson, claim: &str) -> Result<(), Refused> {
        if own.clerk_id.as_str() == claim {
            return Ok(());
        }
        Err(Refused::because(Code::Forbidden, "That is not who you are signed in as"))
    }

    /// Sends a message; it is on disk when this returns. One that was sent before under the same
    /// `client_message_id` is answered as it is kept.
    ///
    /// # Errors
    /// [`Code::Invalid`] for a text or an id that is too long or empty, [`Code::UserNotFound`],
    /// [`Code::Blocked`], [`Code::RateLimited`], [`Code::Unavailable`].
    pub async fn send(
        &self,
        own: &DirectPerson,
        to: ClerkId,
        text: String,
        client_message_id: Option<String>,
    ) -> Result<Sent, Refused> {
        self.0.limits.directs.check(&own.user_id)?;
        if !limits::DIRECT_CHARS.contains(&text.chars().count()) || text.trim().is_empty() {
            let (least, most) = (limits::DIRECT_CHARS.start(), limits::DIRECT_CHARS.end());
            let why = format!("A message has {least} to {most} characters");
            return Err(Refused::invalid(why));
        }
        let is_name =
            |name: &str| (1..=limits::CLIENT_MESSAGE_ID_CHARS).contains(&name.chars().count());
        if client_message_id.as_deref().is_some_and(|name| !is_name(name)) {
            let most = limits::CLIENT_MESSAGE_ID_CHARS;
            return Err(Refused::invalid(format!("A clientMessageId has 1 to {most} characters")));
        }
        let from = own.clerk_id.clone();
        let new = NewDirect { from, to, text, client_message_id, at_ms: wall_ms() };
        match self.0.store.send_direct(new).await? {
            SendOutcome::Sent(sent) => Ok(Sent {
                sender: Party { user_id: own.user_id.clone(), clerk_id: own.clerk_id.clone() },
                reach: match sent.standing {
                    Standing::Accepted => Reach::Told,
                    Standing::Request => Reach::Asked,
                    Standing::Declined => Reach::Nobody,
                },
                message: sent.message,
                receiver: sent.receiver,
                repeated: sent.repeated,
            }),
            SendOutcome::NoSuchPerson => Err(Code::UserNotFound.into()),
            SendOutcome::Blocked => Err(Code::Blocked.into()),
        }
    }

    /// Marks messages to oneself as read; what is not one's own is passed over.
    ///
    /// # Errors
    /// [`Code::Invalid`] for more than [`limits::READ_IDS`], [`Code::RateLimited`],
    /// [`Code::Unavailable`].
    pub async fn mark_read(&self, own: &DirectPerson, ids: &[i64]) -> Result<Read, Refused> {
        self.0.limits.direct_notes.check(&own.user_id)?;
        if ids.len() > limits::READ_IDS {
            let most = limits::READ_IDS;
            return Err(Refused::invalid(format!("At most {most} messages are marked at once")));
        }
        let read_at_ms = wall_ms();
        let MarkedRead { ids, by_author } =
            self.0.store.mark_read(&own.clerk_id, ids, read_at_ms).await?;
        let told = by_author.into_iter().filter(|read| read.is_told);
        Ok(Read {
            reader: Party { user_id: own.user_id.clone(), clerk_id: own.clerk_id.clone() },
            read_at_ms,
            ids,
            by_author: told.map(|read| (read.author, read.ids)).collect(),
        })
    }

    /// Returns whom to tell that one types; `None` if they are not to know.
    ///
    /// # Errors
    /// [`Code::UserNotFound`], [`Code::RateLimited`], [`Code::Unavailable`].
    pub async fn typing(&self, own: &DirectPerson, to: &ClerkId) -> Result<Option<Party>, Refused> {
        self.0.limits.direct_notes.check(&own.user_id)?;
        let store = &self.0.store;
        let (person, from) = (store.direct_person_called(to).await?, &own.clerk_id);
        let Some(person) = person.filter(|person| person.kind != PersonKind::Guest) else {
            return Err(Code::UserNotFound.into());
        };
        // Neither do those who have not answered show that they type, nor are they bothered by it.
        let (hides, minds) =
            tokio::try_join!(store.hides_from(from, to), store.hides_from(to, from))?;
        let is_stranger = person.strangers_ask && !store.is_contact(to, from).await?;
        let is_told = !hides && !minds && !is_stranger && person.user_id != own.user_id;
        Ok(is_told.then_some(Party { user_id: person.user_id, clerk_id: person.clerk_id }))
    }

    /// Returns who is told that people came online or went offline, as the store said they did.
    ///
    /// # Errors
    /// [`Code::Unavailable`].
    pub async fn told_of_status(
        &self,
        people: Vec<UserId>,
        is_online: bool,
    ) -> Result<Vec<StatusChange>, Refused> {
        let mut changes = Vec::with_capacity(people.len());
        for user_id in people {
            let Some(person) = self.0.store.direct_person(&user_id).await? else { continue };
            if person.kind == PersonKind::Guest {
                continue;
            }
            let told = self.0.store.told_of_status(&person.clerk_id).await?;
            changes.push(StatusChange { person: person.clerk_id, is_online, told });
        }
        Ok(changes)
    }

    /// Passes on what was done over REST, to transports that listen.
    pub fn announce(&self, news: News) {
        // Nobody listens where no sockets are opened.
        let _ = self.0.news.send(news);
    }

    /// Listens to what is done over REST on this node from now on. A listener that is too slow
    /// misses some, and is told so; what matters is on disk.
    pub fn listen(&self) -> broadcast::Receiver<News> {
        self.0.news.subscribe()
    }
}
