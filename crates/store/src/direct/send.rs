//! Sending: many messages in one transaction, each statement for all of them.
//!
//! Who may write is looked up first, then the pairs' locks are taken, and everything that depends
//! on what others do meanwhile is read and written behind them.

use std::collections::{BTreeMap, HashMap};

use parlor_protocol::ClerkId;
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::conversations::DirectRow;
use super::judge::{Known, Letter, Plan, kept, party, people, plans};
use super::ledger::{self, RowPlan};
use super::{Pair, Party, Standing};
use crate::group::Grouped;
use crate::value::{storable, time};
use crate::{Store, StoreError};

/// How often a message is tried that another node sent at the same moment: once it is there, it is
/// found.
const TRIES: u32 = 3;

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDirect {
    /// Who writes.
    pub from: ClerkId,
    /// To whom.
    pub to: ClerkId,
    /// The text.
    pub text: String,
    /// The author's own name for it: stored once per author and name.
    pub client_message_id: Option<String>,
    /// When the server took it.
    pub at_ms: i64,
}

/// A message that is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentRow {
    /// The message.
    pub message: DirectRow,
    /// To whom it went.
    pub receiver: Party,
    /// Whether it was there already, by its `client_message_id`.
    pub repeated: bool,
    /// How the receiver stands to the author.
    pub standing: Standing,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// It is on disk.
    Sent(Box<SentRow>),
    /// Nobody is called that who has direct messages.
    NoSuchPerson,
    /// One of the two has blocked the other.
    Blocked,
}

/// The write of a message, among others.
pub(crate) struct DirectWrite(pub(crate) NewDirect);

impl Store {
    /// Sends a message: makes the conversation and the contacts if need be, and counts it as unread.
    /// Many at once share a transaction; it is on disk when this returns.
    ///
    /// A message that its author sent before under the same name is answered as it is kept, whatever
    /// else is different now.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if others send the same again and again at this moment.
    pub async fn send_direct(&self, message: NewDirect) -> Result<SendOutcome, StoreError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.directs().write(DirectWrite(message.clone())).await {
                Err(StoreError::Conflict(_)) if tries < TRIES => {}
                outcome => return outcome,
            }
        }
    }
}

impl Grouped for DirectWrite {
    type Answer = SendOutcome;

    async fn write(
        operations: &[&Self],
        transaction: &DatabaseTransaction,
    ) -> Result<Vec<Result<SendOutcome, StoreError>>, StoreError> {
        let letters: Vec<Letter<'_>> =
            operations.iter().map(|DirectWrite(new)| Letter::of(new)).collect();
        let kept = kept(&letters, transaction).await?;
        let people = people(&letters, &kept, transaction).await?;
        let plans = plans(&letters, kept, &people, transaction).await?;
        let stored: Vec<&Letter<'_>> = letters
            .iter()
            .zip(&plans)
            .filter_map(|(letter, plan)| matches!(plan, Plan::Store).then_some(letter))
            .collect();
        let conversations = conversations(&stored, transaction).await?;
        let mut rows = insert(&stored, &conversations, transaction).await?.into_iter();
        let standings = contacts(&letters, &plans, &people, transaction).await?;

        let mut outcomes: Vec<SendOutcome> = Vec::with_capacity(letters.len());
        for (letter, plan) in letters.iter().zip(plans) {
            let sent = |message: DirectRow, repeated| {
                let to = message.to_clerk_id.as_str();
                let standing = standings.get(&(to.to_owned(), letter.from.clone())).copied();
                SendOutcome::Sent(Box::new(SentRow {
                    receiver: party(to, &people),
                    standing: standing.unwrap_or(Standing::Accepted),
                    message,
                    repeated,
                }))
            };
            outcomes.push(match plan {
                Plan::Refuse(outcome) => outcome,
                Plan::Repeat(message) => sent(message, true),
                Plan::Twin(first) => repeated(&outcomes[first]),
                Plan::Store => sent(rows.next().expect("every letter has a row"), false),
            });
        }
        Ok(outcomes.into_iter().map(Ok).collect())
    }
}

fn repeated(outcome: &SendOutcome) -> SendOutcome {
    match outcome {
        SendOutcome::Sent(sent) => {
            SendOutcome::Sent(Box::new(SentRow { repeated: true, ..(**sent).clone() }))
        }
        SendOutcome::NoSuchPerson | SendOutcome::Blocked => outcome.clone(),
    }
}

/// Finds or makes the conversations, and takes their locks in the order of the pairs.
async fn conversations(
    stored: &[&Letter<'_>],
    transaction: &DatabaseTransaction,
) -> Result<HashMap<Pair, i64>, StoreError> {
    let mut latest: BTreeMap<Pair, i64> = BTreeMap::new();
    for letter in stored {
        let at_ms = latest.entry(letter.pair()).or_insert(letter.new.at_ms);
        *at_ms = letter.new.at_ms.max(*at_ms);
    }
    if latest.is_empty() {
        return Ok(HashMap::new());
    }
    let mut insert = Query::insert();
    insert.into_table("conversations").columns([
        "user1_clerk_id",
        "user2_clerk_id",
        "created_at",
        "last_message_at",
    ]);
    for (pair, at_ms) in &latest {
        insert.values_panic([
            pair.first.as_str().into(),
            pair.second.as_str().into(),
            time(*at_ms).into(),
            time(*at_ms).into(),
        ]);
    }
    insert
        .on_conflict(
            OnConflict::columns(["user1_clerk_id", "user2_clerk_id"])
                .update_column("last_message_at")
                .to_owned(),
        )
        .returning(Query::returning().columns(["id", "user1_clerk_id", "user2_clerk_id"]));
    let rows = transaction.query_all(&insert).await?;
    rows.into_iter()
        .map(|row| {
            let first: String = row.try_get("", "user1_clerk_id")?;
            let second: String = row.try_get("", "user2_clerk_id")?;
            Ok((Pair { first, second }, row.try_get("", "id")?))
        })
        .collect()
}

/// Inserts the messages, and returns them as they are kept.
async fn insert(
    stored: &[&Letter<'_>],
    conversations: &HashMap<Pair, i64>,
    transaction: &DatabaseTransaction,
) -> Result<Vec<DirectRow>, StoreError> {
    if stored.is_empty() {
        return Ok(Vec::new());
    }
    let mut insert = Query::insert();
    insert.into_table("messages").columns([
        "conversation_id",
        "from_clerk_id",
        "to_clerk_id",
        "content",
        "message_type",
        "is_read",
        "created_at",
        "client_message_id",
    ]);
    let mut rows = Vec::with_capacity(stored.len());
    for letter in stored {
        let row = DirectRow {
            id: 0,
            conversation_id: conversations[&letter.pair()],
            from_clerk_id: letter.from.clone(),
            to_clerk_id: letter.to.clone(),
            content: storable(&letter.new.text),
            message_type: TEXT.into(),
            is_read: false,
            read_at: None,
            created_at: time(letter.new.at_ms),
        };
        insert.values_panic([
            row.conversation_id.into(),
            row.from_clerk_id.as_str().into(),
            row.to_clerk_id.as_str().into(),
            row.content.as_str().into(),
            row.message_type.as_str().into(),
            false.into(),
            row.created_at.into(),
            letter.client_message_id.clone().into(),
        ]);
        rows.push(row);
    }
    insert.returning(Query::returning().columns(["id", "conversation_id"]));
    let inserted = transaction.query_all(&insert).await?;
    let mut ids = Vec::with_capacity(inserted.len());
    for row in inserted {
        ids.push((row.try_get::<i64>("", "id")?, row.try_get::<i64>("", "conversation_id")?));
    }
    // Numbers are given in the order of the rows; neither database says in which it returns them.
    ids.sort_unstable();
    for (row, (id, conversation_id)) in rows.iter_mut().zip(&ids) {
        if row.conversation_id != *conversation_id {
            return Err(StoreError::Corrupt("messages were numbered out of their order".into()));
        }
        row.id = *id;
    }
    Ok(rows)
}

/// The only kind of message there is yet.
const TEXT: &str = "text";

/// Brings the contacts of both up to date. Returns how each receiver stands to the author.
async fn contacts(
    letters: &[Letter<'_>],
    plans: &[Plan],
    people: &HashMap<String, Known>,
    transaction: &DatabaseTransaction,
) -> Result<HashMap<(String, String), Standing>, StoreError> {
    let mut owners: Vec<(String, String)> = Vec::new();
    for (letter, plan) in letters.iter().zip(plans) {
        match plan {
            Plan::Store => {
                owners.push((letter.from.clone(), letter.to.clone()));
                owners.push((letter.to.clone(), letter.from.clone()));
            }
            Plan::Repeat(row) => owners.push((row.to_clerk_id.clone(), letter.from.clone())),
            Plan::Refuse(_) | Plan::Twin(_) => {}
        }
    }
    owners.sort_unstable();
    owners.dedup();
    let mut rows = ledger::plan(owners, transaction).await?;
    for (letter, plan) in letters.iter().zip(plans) {
        if !matches!(plan, Plan::Store) {
            continue;
        }
        let (from, to) = (letter.from.clone(), letter.to.clone());
        let asks = people.get(&to).is_some_and(|receiver| receiver.strangers_ask);
        let said = ledger::Said { text: &letter.new.text, at_ms: letter.new.at_ms };
        if let Some(row) = rows.get_mut(&(from.clone(), to.clone())) {
            row.wrote(said);
        }
        if let Some(row) = rows.get_mut(&(to, from)) {
            row.was_written_to(said, asks);
        }
    }
    let changed: Vec<(&(String, String), &RowPlan)> =
        rows.iter().filter(|(_, row)| row.is_changed()).collect();
    ledger::write(&changed, transaction).await?;
    Ok(rows.into_iter().filter_map(|(owner, row)| Some((owner, row.standing()?))).collect())
}
