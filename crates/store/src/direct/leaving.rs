//! Direct messages of somebody who takes them along, or who leaves for good.

use parlor_protocol::ClerkId;
use sea_orm::{ConnectionTrait, DatabaseTransaction, FromQueryResult};

use super::conversations::{self, DirectRow, PageOf};
use super::{LOCKED, Locked, lock, statement};
use crate::value::storable;
use crate::{Store, StoreError};

/// Begins what somebody is called who left; the number of the conversation follows, so that nobody
/// can tell that two of them were the same person.
const GONE: &str = "gone_";

impl Store {
    /// Returns up to `limit` direct messages that somebody sees, by conversation and number, those
    /// behind `after`.
    pub async fn direct_messages_of(
        &self,
        owner: &ClerkId,
        after: Option<(i64, i64)>,
        limit: u64,
    ) -> Result<Vec<DirectRow>, StoreError> {
        let own = storable(owner.as_str());
        let (first, mut last_id) = after.unwrap_or_default();
        let sql = format!(
            "{LOCKED} WHERE (user1_clerk_id = $1 OR user2_clerk_id = $1) AND id >= $2 ORDER BY id"
        );
        let sql = statement(self.read(), sql, [own.as_str().into(), first.into()]);
        let mut messages = Vec::new();
        for conversation in Locked::find_by_statement(sql).all(self.read()).await? {
            if conversation.id != first {
                last_id = 0;
            }
            let left = limit - messages.len() as u64;
            if left == 0 {
                break;
            }
            let cleared = conversation.cleared_by(&own);
            let page = PageOf::After(last_id);
            let sql = conversations::messages(self.read(), conversation.id, cleared, page, left);
            messages.extend(DirectRow::find_by_statement(sql).all(self.read()).await?);
        }
        Ok(messages)
    }
}

/// Takes somebody out of all direct messages: contacts and blocks go, on either side; what they wrote
/// stays with those they wrote to, without a name, and goes when those delete it.
pub(crate) async fn forget(
    clerk_id: &str,
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    let order = match transaction.get_database_backend() {
        sea_orm::DbBackend::Postgres => {
            "user1_clerk_id COLLATE \"C\", user2_clerk_id COLLATE \"C\""
        }
        _ => "user1_clerk_id, user2_clerk_id",
    };
    let mine = "(user1_clerk_id = $1 OR user2_clerk_id = $1)";
    let locks = format!("{LOCKED} WHERE {mine} ORDER BY {order}{}", lock(transaction));
    let locks = statement(transaction, locks, [clerk_id.into()]);
    let locked = Locked::find_by_statement(locks).all(transaction).await?;
    let conversations = format!("(SELECT id FROM conversations WHERE {mine})");
    let all = i64::MAX;
    let mut changes = vec![
        "DELETE FROM contacts WHERE user_clerk_id = $1 OR contact_clerk_id = $1".to_owned(),
        "DELETE FROM direct_block WHERE user_clerk_id = $1 OR blocked_clerk_id = $1".to_owned(),
    ];
    for (column, also) in [("from_clerk_id", ", client_message_id = NULL"), ("to_clerk_id", "")] {
        changes.push(format!(
            "UPDATE messages SET {column} = '{GONE}' || conversation_id{also} \
             WHERE conversation_id IN {conversations} AND {column} = $1"
        ));
    }
    for side in ["user1", "user2"] {
        changes.push(format!(
            "UPDATE conversations SET {side}_cleared_id = {all}, {side}_clerk_id = '{GONE}' || id \
             WHERE {side}_clerk_id = $1"
        ));
    }
    for change in changes {
        transaction.execute_raw(statement(transaction, change, [clerk_id.into()])).await?;
    }
    for conversation in locked {
        conversations::delete_for_good(conversation.id, transaction).await?;
    }
    Ok(())
}
