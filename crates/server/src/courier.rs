//! Tells people things wherever their sockets are: on this node's cores, and on other nodes.
//!
//! What is told this way was done and is on disk already: a word that is lost with a broker is found
//! by whoever reads their messages again.

mod online;
mod typing;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use parlor_protocol::UserId;
use parlor_store::Store;
use serde::Serialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::cluster::Cluster;
use crate::direct::{Direct, News, Read, Sent, StatusChange};
use crate::sockets::Sockets;

use online::{COMINGS, Comings};
use typing::Typing;

/// How long another node may take to say that a socket took something.
const TAKEN_WITHIN: Duration = Duration::from_secs(1);

/// Carries words to people. Cheap to clone.
#[derive(Clone)]
pub struct Courier(Arc<Inner>);

struct Inner {
    comings: mpsc::Sender<(UserId, bool)>,
    /// Until somebody follows them.
    followed: Mutex<Option<Comings>>,
    sockets: Sockets,
    cluster: Option<Cluster>,
    store: Store,
    direct: Direct,
    typing: Typing,
}

impl Courier {
    /// Puts it together.
    pub fn new(sockets: Sockets, cluster: Option<Cluster>, store: Store, direct: Direct) -> Self {
        let (comings, followed) = mpsc::channel(COMINGS);
        let (followed, typing) = (Mutex::new(Some(followed)), Typing::default());
        Self(Arc::new(Inner { comings, followed, sockets, cluster, store, direct, typing }))
    }

    /// Starts what it does all the time: tells what was done over REST, and who came and went.
    pub fn run(&self, chores: &mut JoinSet<()>) {
        chores.spawn(self.clone().follow_news());
        let comings = self.0.followed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(comings) = comings {
            chores.spawn(self.clone().follow_comings(comings));
        }
        if self.0.cluster.is_some() {
            chores.spawn(self.clone().follow_deaths());
        }
    }

    /// Notes that somebody's first socket on a core came, or that the last one went.
    pub fn note(&self, user: &UserId, is_coming: bool) {
        if self.0.comings.try_send((user.clone(), is_coming)).is_err() {
            tracing::warn!("too many wait to be told who came and went");
        }
    }

    /// Tells every socket of somebody.
    pub async fn tell<T: Serialize + ?Sized>(&self, user: &UserId, name: &str, argument: &T) {
        if let Some(cluster) = &self.0.cluster {
            cluster.tell_person(user, name, argument);
        }
        self.0.sockets.tell(user, name, argument).await;
    }

    /// Tells every socket of somebody, and says whether one took it.
    async fn is_taken<T: Serialize + ?Sized>(
        &self,
        user: &UserId,
        name: &str,
        argument: &T,
    ) -> bool {
        let Some(cluster) = &self.0.cluster else {
            return self.0.sockets.tell(user, name, argument).await > 0;
        };
        // Who is nowhere need not be waited for.
        let person = self.0.store.direct_person(user).await;
        let may_be_elsewhere = person.is_ok_and(|person| person.is_some_and(|it| it.is_online));
        let elsewhere = cluster.ask_person(user, name, argument);
        if self.0.sockets.tell(user, name, argument).await > 0 {
            return true;
        }
        may_be_elsewhere && tokio::time::timeout(TAKEN_WITHIN, elsewhere).await.unwrap_or(false)
    }

    /// Tells the receiver of a message, and the sender's other sockets; says whether a socket of the
    /// receiver took it.
    pub async fn deliver(&self, sent: &Sent) -> bool {
        let message = sent.to_receiver();
        let taken = if sent.is_to_be_told() {
            let from = sent.sender.clerk_id.clone();
            self.0.typing.end(&from, &sent.receiver.clerk_id);
            self.is_taken(&sent.receiver.user_id, "receive_message", &message).await
        } else {
            // It was told then, or is nobody's business.
            sent.repeated
        };
        if !sent.repeated {
            self.tell(&sent.sender.user_id, "message_mirrored", &message).await;
        }
        taken
    }

    /// Tells the reader and each author that messages were read.
    pub async fn tell_read(&self, read: &Read) {
        self.tell(&read.reader.user_id, "messages_read", &read.to_reader()).await;
        for (author, event) in read.to_authors() {
            // Whoever writes to themselves was told above.
            if author.user_id != read.reader.user_id {
                self.tell(&author.user_id, "messages_read", &event).await;
            }
        }
    }

    /// Tells contacts that people came online or went offline.
    async fn tell_status(&self, people: Vec<UserId>, is_online: bool) {
        if people.is_empty() {
            return;
        }
        let changes = match self.0.direct.told_of_status(people, is_online).await {
            Ok(changes) => changes,
            Err(refused) => {
                tracing::warn!(code = refused.code.as_str(), "nobody is told who came or went");
                return;
            }
        };
        for change in &changes {
            let StatusChange { told, .. } = change;
            for party in told {
                self.tell(&party.user_id, "user_status", &change.event()).await;
            }
        }
    }

    /// Tells what was done over REST, as long as the server runs.
    async fn follow_news(self) {
        let mut news = self.0.direct.listen();
        loop {
            match news.recv().await {
                Ok(News::Sent(sent)) => {
                    self.deliver(&sent).await;
                }
                Ok(News::Read(read)) => self.tell_read(&read).await,
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "direct messages are told too slowly");
                }
                Err(RecvError::Closed) => return,
            }
        }
    }
}
