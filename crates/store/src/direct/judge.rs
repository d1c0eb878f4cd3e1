//! What is done with each message of a batch, before anything is written: who may write to whom, and
//! what was sent before.

use std::collections::{HashMap, HashSet};

use parlor_protocol::{ClerkId, UserId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult, Statement};

use super::conversations::DirectRow;
use super::send::NewDirect;
use super::{Pair, Party, SendOutcome, list_of_values, rows_of_values, statement};
use crate::StoreError;
use crate::people::PersonKind;
use crate::value::{Word, storable};

/// Somebody who may be written to.
#[derive(FromQueryResult)]
pub(super) struct Known {
    id: String,
    clerk_id: String,
    kind: String,
    is_disabled: bool,
    pub(super) strangers_ask: bool,
}

/// Whoever left since is nobody's user any more, and nobody is online under that name.
pub(super) fn party(clerk_id: &str, people: &HashMap<String, Known>) -> Party {
    let user_id = people.get(clerk_id).map_or(clerk_id, |known| known.id.as_str());
    Party { user_id: UserId::from(user_id), clerk_id: ClerkId::from(clerk_id) }
}

/// An author, and the author's own name for a message.
pub(super) type Name = (String, String);

/// What is done with one message of a batch.
pub(super) enum Plan {
    /// Nothing: the outcome is known.
    Refuse(SendOutcome),
    /// It is kept already.
    Repeat(DirectRow),
    /// It is the same as an earlier one of the batch.
    Twin(usize),
    /// It is stored.
    Store,
}

/// A message with its texts as the tables have them.
pub(super) struct Letter<'a> {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) client_message_id: Option<String>,
    pub(super) new: &'a NewDirect,
}

impl<'a> Letter<'a> {
    pub(super) fn of(new: &'a NewDirect) -> Self {
        Self {
            from: storable(new.from.as_str()),
            to: storable(new.to.as_str()),
            client_message_id: new.client_message_id.as_deref().map(storable),
            new,
        }
    }

    pub(super) fn pair(&self) -> Pair {
        Pair::of(&self.from, &self.to)
    }
}

/// Reads who writes and who is written to, and whoever was written to before under the same name.
pub(super) async fn people(
    letters: &[Letter<'_>],
    kept: &HashMap<Name, DirectRow>,
    transaction: &DatabaseTransaction,
) -> Result<HashMap<String, Known>, StoreError> {
    let named = letters.iter().flat_map(|letter| [letter.from.as_str(), letter.to.as_str()]);
    let mut ids: Vec<&str> =
        named.chain(kept.values().map(|row| row.to_clerk_id.as_str())).collect();
    ids.sort_unstable();
    ids.dedup();
    let sql = format!(
        "SELECT id, clerk_id, kind, strangers_ask, disabled_at IS NOT NULL AS is_disabled \
         FROM users WHERE clerk_id IN ({})",
        list_of_values(ids.len(), 0)
    );
    let sql = statement(transaction, sql, ids.into_iter().map(Into::into));
    let known = Known::find_by_statement(sql).all(transaction).await?;
    Ok(known.into_iter().map(|known| (known.clerk_id.clone(), known)).collect())
}

/// Decides what is done with each message.
pub(super) async fn plans(
    letters: &[Letter<'_>],
    mut kept: HashMap<Name, DirectRow>,
    people: &HashMap<String, Known>,
    transaction: &DatabaseTransaction,
) -> Result<Vec<Plan>, StoreError> {
    let blocks = blocks(letters, transaction).await?;
    let mut firsts: HashMap<(&str, &str), usize> = HashMap::new();
    let mut plans = Vec::with_capacity(letters.len());
    for (at, letter) in letters.iter().enumerate() {
        let name = letter.client_message_id.as_deref().map(|name| (letter.from.as_str(), name));
        if let Some(name) = name {
            if let Some(row) = kept.remove(&(name.0.to_owned(), name.1.to_owned())) {
                firsts.insert(name, at);
                plans.push(Plan::Repeat(row));
                continue;
            }
            if let Some(first) = firsts.get(&name) {
                plans.push(Plan::Twin(*first));
                continue;
            }
        }
        let is_reachable =
            |known: &Known| known.kind != PersonKind::Guest.word() && !known.is_disabled;
        let are_known = [&letter.from, &letter.to]
            .into_iter()
            .all(|id| people.get(id.as_str()).is_some_and(is_reachable));
        plans.push(if !are_known || letter.from == letter.to {
            Plan::Refuse(SendOutcome::NoSuchPerson)
        } else if blocks.contains(&letter.pair()) {
            Plan::Refuse(SendOutcome::Blocked)
        } else {
            if let Some(name) = name {
                firsts.insert(name, at);
            }
            Plan::Store
        });
    }
    Ok(plans)
}

/// Finds the messages that their authors sent before under the same names.
pub(super) async fn kept(
    letters: &[Letter<'_>],
    transaction: &DatabaseTransaction,
) -> Result<HashMap<Name, DirectRow>, StoreError> {
    let names: Vec<(&str, &str)> = letters
        .iter()
        .filter_map(|letter| Some((letter.from.as_str(), letter.client_message_id.as_deref()?)))
        .collect();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    #[derive(FromQueryResult)]
    struct Kept {
        client_message_id: String,
        #[sea_orm(nested)]
        row: DirectRow,
    }
    let found = Kept::find_by_statement(named(transaction, &names)).all(transaction).await?;
    Ok(found
        .into_iter()
        .map(|kept| ((kept.row.from_clerk_id.clone(), kept.client_message_id), kept.row))
        .collect())
}

/// Messages by their authors' own names for them. Joined, because SQLite looks through the whole table
/// for pairs that are IN a list; and crosswise, because it takes the order of the tables from that.
pub(super) fn named(connection: &impl ConnectionTrait, names: &[(&str, &str)]) -> Statement {
    let sql = format!(
        "SELECT m.client_message_id, {} FROM (VALUES {}) AS asked CROSS JOIN messages m \
         WHERE m.from_clerk_id = asked.column1 AND m.client_message_id = asked.column2 \
         AND m.client_message_id IS NOT NULL",
        DirectRow::columns("m"),
        rows_of_values(names.len(), 2, 0)
    );
    let values = names.iter().flat_map(|(from, name)| [(*from).into(), (*name).into()]);
    statement(connection, sql, values)
}

/// Finds the pairs of which one has blocked the other.
async fn blocks(
    letters: &[Letter<'_>],
    transaction: &DatabaseTransaction,
) -> Result<HashSet<Pair>, StoreError> {
    #[derive(FromQueryResult)]
    struct Block {
        user_clerk_id: String,
        blocked_clerk_id: String,
    }
    let mut both: Vec<[&str; 2]> = letters
        .iter()
        .flat_map(|letter| {
            let (from, to) = (letter.from.as_str(), letter.to.as_str());
            [[from, to], [to, from]]
        })
        .collect();
    both.sort_unstable();
    both.dedup();
    let found = Block::find_by_statement(blocked(transaction, &both)).all(transaction);
    let pairs =
        found.await?.into_iter().map(|row| Pair::of(&row.user_clerk_id, &row.blocked_clerk_id));
    Ok(pairs.collect())
}

/// Blocks by who blocked whom.
pub(super) fn blocked(connection: &impl ConnectionTrait, pairs: &[[&str; 2]]) -> Statement {
    let sql = format!(
        "SELECT b.user_clerk_id, b.blocked_clerk_id FROM (VALUES {}) AS asked \
         CROSS JOIN direct_block b WHERE b.user_clerk_id = asked.column1 \
         AND b.blocked_clerk_id = asked.column2",
        rows_of_values(pairs.len(), 2, 0)
    );
    statement(connection, sql, pairs.iter().flatten().map(|id| (*id).into()))
}
