//! Who is online: a row of `online` for each node where somebody has a socket open. `users.status`
//! says whether there is one, and changes in the same transaction.
//!
//! A person's row in `users` is the lock: what two nodes do to one person happens one after the
//! other. Rows of nodes that died are found and removed by the others, who then know whose contacts
//! to tell.

use parlor_protocol::{ClerkId, UserId};
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::{Party, list_of_values, lock, statement};
use crate::nodes::living;
use crate::value::storable;
use crate::{Store, StoreError};

/// What `users.status` is for whoever has a socket open.
pub(super) const ONLINE: &str = "online";
/// And for everybody else.
const OFFLINE: &str = "offline";
/// People in one transaction.
const PEOPLE_AT_ONCE: usize = 500;

impl Store {
    /// Notes that people have sockets open at a node. Returns those who were offline before; who is
    /// not kept is passed over.
    pub async fn set_online(
        &self,
        people: &[UserId],
        node: &str,
    ) -> Result<Vec<UserId>, StoreError> {
        let mut changed = Vec::new();
        for people in people.chunks(PEOPLE_AT_ONCE) {
            let transaction = self.begin().await?;
            let known = lock_people(people, &transaction).await?;
            if known.is_empty() {
                continue;
            }
            let mut insert = Query::insert();
            insert.into_table("online").columns(["user_id", "node"]);
            for (id, _) in &known {
                insert.values_panic([id.as_str().into(), storable(node).into()]);
            }
            insert.on_conflict(OnConflict::new().do_nothing().to_owned());
            transaction.execute(&insert).await?;
            let came: Vec<String> = known
                .into_iter()
                .filter(|(_, status)| status != ONLINE)
                .map(|(id, _)| id)
                .collect();
            if !came.is_empty() {
                let sql = format!(
                    "UPDATE users SET status = $1 WHERE id IN ({})",
                    list_of_values(came.len(), 1)
                );
                let values =
                    std::iter::once(ONLINE.into()).chain(came.iter().map(|id| id.as_str().into()));
                transaction.execute_raw(statement(&transaction, sql, values)).await?;
            }
            transaction.commit().await?;
            changed.extend(came.into_iter().map(UserId::from));
        }
        Ok(changed)
    }

    /// Notes that people have no socket open at a node any more. Returns those who are offline now.
    pub async fn set_offline(
        &self,
        people: &[UserId],
        node: &str,
    ) -> Result<Vec<UserId>, StoreError> {
        let mut changed = Vec::new();
        for people in people.chunks(PEOPLE_AT_ONCE) {
            let transaction = self.begin().await?;
            let known = lock_people(people, &transaction).await?;
            if known.is_empty() {
                continue;
            }
            let sql = format!(
                "DELETE FROM online WHERE node = $1 AND user_id IN ({})",
                list_of_values(known.len(), 1)
            );
            let values = std::iter::once(storable(node).into())
                .chain(known.iter().map(|(id, _)| id.as_str().into()));
            transaction.execute_raw(statement(&transaction, sql, values)).await?;
            let ids = known.into_iter().map(|(id, _)| id).collect();
            changed.extend(settle(ids, &transaction).await?);
            transaction.commit().await?;
        }
        Ok(changed)
    }

    /// Forgets that anybody has a socket open at a node: what a node does at its start and at its
    /// end. Returns those who are offline now.
    pub async fn clear_online(&self, node: &str) -> Result<Vec<UserId>, StoreError> {
        self.sweep(Expr::col("node").eq(storable(node))).await
    }

    /// Forgets that anybody is online anywhere: what a single node does at its start.
    pub async fn clear_all_online(&self) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        transaction.execute(Query::delete().from_table("online")).await?;
        let sql = "UPDATE users SET status = $1 WHERE status <> $1";
        transaction.execute_raw(statement(&transaction, sql, [OFFLINE.into()])).await?;
        Ok(transaction.commit().await?)
    }

    /// Forgets the rows of nodes that are not alive. Returns those who are offline now: of several
    /// nodes that ask at once one gets them.
    pub async fn forget_online_of_the_dead(&self) -> Result<Vec<UserId>, StoreError> {
        let living = living(self.write().get_database_backend());
        self.sweep(Expr::col("node").not_in_subquery(living)).await
    }

    /// Returns whom somebody has accepted and neither has blocked: those who are told when the person
    /// comes online or goes offline.
    pub async fn told_of_status(&self, clerk_id: &ClerkId) -> Result<Vec<Party>, StoreError> {
        let sql = "SELECT u.id, u.clerk_id FROM contacts c \
                   JOIN users u ON u.clerk_id = c.contact_clerk_id \
                   WHERE c.user_clerk_id = $1 AND c.state = 'accepted' \
                   AND NOT EXISTS (SELECT 1 FROM direct_block b WHERE \
                   (b.user_clerk_id = $1 AND b.blocked_clerk_id = c.contact_clerk_id) \
                   OR (b.user_clerk_id = c.contact_clerk_id AND b.blocked_clerk_id = $1))";
        let sql = statement(self.read(), sql, [storable(clerk_id.as_str()).into()]);
        let rows = self.read().query_all_raw(sql).await?;
        rows.into_iter()
            .map(|row| {
                Ok(Party {
                    user_id: UserId::from(row.try_get::<String>("", "id")?),
                    clerk_id: ClerkId::from(row.try_get::<String>("", "clerk_id")?),
                })
            })
            .collect()
    }

    /// Removes the rows that a condition names, some people at a time.
    async fn sweep(&self, which: Expr) -> Result<Vec<UserId>, StoreError> {
        let mut changed = Vec::new();
        loop {
            let transaction = self.begin().await?;
            let mut select = Query::select();
            select
                .distinct()
                .column("user_id")
                .from("online")
                .and_where(which.clone())
                .order_by("user_id", sea_orm::sea_query::Order::Asc)
                .limit(PEOPLE_AT_ONCE as u64);
            let rows = transaction.query_all(&select).await?;
            let found: Vec<UserId> = rows
                .into_iter()
                .map(|row| row.try_get::<String>("", "user_id").map(UserId::from))
                .collect::<Result<_, _>>()?;
            if found.is_empty() {
                return Ok(changed);
            }
            let known = lock_people(&found, &transaction).await?;
            let ids: Vec<String> = known.into_iter().map(|(id, _)| id).collect();
            let mut delete = Query::delete();
            delete
                .from_table("online")
                .and_where(which.clone())
                .and_where(Expr::col("user_id").is_in(ids.iter().map(String::as_str)));
            transaction.execute(&delete).await?;
            changed.extend(settle(ids, &transaction).await?);
            transaction.commit().await?;
        }
    }
}

/// Takes the locks of people who are kept, in the order of their ids; returns how they were.
async fn lock_people(
    people: &[UserId],
    transaction: &DatabaseTransaction,
) -> Result<Vec<(String, String)>, StoreError> {
    if people.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!(
        "SELECT id, status FROM users WHERE id IN ({}) ORDER BY id{}",
        list_of_values(people.len(), 0),
        lock(transaction)
    );
    let values = people.iter().map(|id| storable(id.as_str()).into());
    let rows = transaction.query_all_raw(statement(transaction, sql, values)).await?;
    rows.into_iter().map(|row| Ok((row.try_get("", "id")?, row.try_get("", "status")?))).collect()
}

/// Turns those offline who have no socket open any more, and returns them.
async fn settle(
    ids: Vec<String>,
    transaction: &DatabaseTransaction,
) -> Result<Vec<UserId>, StoreError> {
    let sql = format!(
        "UPDATE users SET status = $1 WHERE status <> $1 AND id IN ({}) \
         AND NOT EXISTS (SELECT 1 FROM online WHERE online.user_id = users.id) RETURNING id",
        list_of_values(ids.len(), 1)
    );
    let values = std::iter::once(OFFLINE.into()).chain(ids.into_iter().map(Into::into));
    let rows = transaction.query_all_raw(statement(transaction, sql, values)).await?;
    rows.into_iter().map(|row| Ok(UserId::from(row.try_get::<String>("", "id")?))).collect()
}
