//! What a batch of messages does to the contacts of those who write and are written to.

use std::collections::{BTreeMap, HashSet};

use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement};

use super::contacts::preview;
use super::{Standing, UNREAD, list_of_values, rows_of_values, statement};
use crate::StoreError;
use crate::value::{Word, storable, time};

/// What was said last.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) text: &'a str,
    pub(super) at_ms: i64,
}

/// What becomes of one contact in a batch of messages.
pub(super) struct RowPlan {
    before: Option<Standing>,
    now: Option<Standing>,
    last: Option<(String, i64)>,
    unread: i64,
}

impl RowPlan {
    /// The owner wrote, and answers a request by it.
    pub(super) fn wrote(&mut self, said: Said<'_>) {
        self.now = Some(Standing::Accepted);
        self.last = Some((preview(said.text), said.at_ms));
    }

    /// The owner was written to, and wants to be asked about strangers or not.
    pub(super) fn was_written_to(&mut self, said: Said<'_>, asks: bool) {
        let stranger = if asks { Standing::Request } else { Standing::Accepted };
        let now = *self.now.get_or_insert(stranger);
        match now {
            Standing::Accepted | Standing::Request => {
                self.last = Some((preview(said.text), said.at_ms));
                self.unread += 1;
            }
            Standing::Declined => {}
        }
    }

    pub(super) fn is_changed(&self) -> bool {
        self.last.is_some() || self.before != self.now
    }

    pub(super) fn standing(&self) -> Option<Standing> {
        self.now
    }

    /// Messages may lie there from before that nobody counted.
    fn is_to_be_counted(&self) -> bool {
        match self.before {
            None => true,
            Some(Standing::Declined) => self.now != Some(Standing::Declined),
            Some(Standing::Accepted | Standing::Request) => false,
        }
    }
}

/// Reads the contacts there are of these pairs of owner and person. The pairs' locks must be held.
pub(super) async fn plan(
    owners: Vec<(String, String)>,
    transaction: &DatabaseTransaction,
) -> Result<BTreeMap<(String, String), RowPlan>, StoreError> {
    if owners.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = transaction.query_all_raw(standings(transaction, &owners)).await?;
    let fresh = || RowPlan { before: None, now: None, last: None, unread: 0 };
    let mut rows: BTreeMap<_, _> = owners.into_iter().map(|owner| (owner, fresh())).collect();
    for row in found {
        let key: (String, String) =
            (row.try_get("", "user_clerk_id")?, row.try_get("", "contact_clerk_id")?);
        let standing = Standing::from_word(&row.try_get::<String>("", "state")?)?;
        rows.insert(key, RowPlan { before: Some(standing), now: Some(standing), ..fresh() });
    }
    Ok(rows)
}

/// Contacts by owner and person.
pub(super) fn standings(
    connection: &impl ConnectionTrait,
    owners: &[(String, String)],
) -> Statement {
    let sql = format!(
        "SELECT c.user_clerk_id, c.contact_clerk_id, c.state FROM (VALUES {}) AS asked \
         CROSS JOIN contacts c WHERE c.user_clerk_id = asked.column1 \
         AND c.contact_clerk_id = asked.column2",
        rows_of_values(owners.len(), 2, 0)
    );
    let values =
        owners.iter().flat_map(|(owner, person)| [owner.as_str().into(), person.as_str().into()]);
    statement(connection, sql, values)
}

/// Writes what became of contacts.
pub(super) async fn write(
    changed: &[(&(String, String), &RowPlan)],
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    if changed.is_empty() {
        return Ok(());
    }
    let mut insert = Query::insert();
    insert.into_table("contacts").columns([
        "user_clerk_id",
        "contact_clerk_id",
        "last_message_preview",
        "last_message_at",
        "unread_count",
        "created_at",
        "state",
    ]);
    for ((owner, person), row) in changed {
        let (preview, at_ms) = row.last.clone().unwrap_or_default();
        insert.values_panic([
            owner.as_str().into(),
            person.as_str().into(),
            storable(&preview).into(),
            time(at_ms).into(),
            row.unread.into(),
            time(at_ms).into(),
            row.now.unwrap_or(Standing::Accepted).word().into(),
        ]);
    }
    let added = Expr::cust("contacts.unread_count + excluded.unread_count");
    // Somebody may have added the contact since it was looked at, where there was no lock to hold yet.
    let state = Expr::cust(
        "CASE contacts.state WHEN 'accepted' THEN contacts.state ELSE excluded.state END",
    );
    insert
        .on_conflict(
            OnConflict::columns(["user_clerk_id", "contact_clerk_id"])
                .update_columns(["last_message_preview", "last_message_at"])
                .value("unread_count", added)
                .value("state", state)
                .to_owned(),
        )
        .returning(Query::returning().columns(["id", "user_clerk_id", "contact_clerk_id"]));
    let written = transaction.query_all(&insert).await?;
    let to_be_counted: HashSet<&(String, String)> = changed
        .iter()
        .filter_map(|(owner, row)| row.is_to_be_counted().then_some(*owner))
        .collect();
    let mut uncounted = Vec::with_capacity(to_be_counted.len());
    for row in written {
        let key: (String, String) =
            (row.try_get("", "user_clerk_id")?, row.try_get("", "contact_clerk_id")?);
        if to_be_counted.contains(&key) {
            uncounted.push(row.try_get::<i64>("", "id")?);
        }
    }
    if !uncounted.is_empty() {
        let sql = format!(
            "UPDATE contacts SET unread_count = {UNREAD} WHERE id IN ({})",
            list_of_values(uncounted.len(), 0)
        );
        let values = uncounted.into_iter().map(Into::into);
        transaction.execute_raw(statement(transaction, sql, values)).await?;
    }
    Ok(())
}
