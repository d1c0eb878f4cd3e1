//! What somebody takes along, and what stays when they leave for good.

use parlor_protocol::{RoomId, UserId};
use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::direct;
use crate::entity::{chat_message, room, users};
use crate::value::storable;
use crate::{ChatRow, Store, StoreError};

/// Whose messages those are whose author left for good.
pub const NOBODY: &str = "nobody";

impl Store {
    /// Returns up to `limit` messages of somebody with their rooms, by room and number, those behind
    /// `after`; not those that were deleted.
    pub async fn messages_of(
        &self,
        author: &UserId,
        after: Option<&(RoomId, i64)>,
        limit: u64,
    ) -> Result<Vec<(RoomId, ChatRow)>, StoreError> {
        let mut query = chat_message::Entity::find()
            .filter(chat_message::Column::UserId.eq(storable(author.as_str())))
            .filter(chat_message::Column::DeletedAt.is_null())
            .order_by_asc(chat_message::Column::RoomId)
            .order_by_asc(chat_message::Column::N)
            .limit(limit);
        if let Some((room, n)) = after {
            let room = storable(room.as_str());
            let later = Expr::col(chat_message::Column::RoomId)
                .eq(&room)
                .and(Expr::col(chat_message::Column::N).gt(*n));
            let behind =
                Condition::any().add(Expr::col(chat_message::Column::RoomId).gt(&room)).add(later);
            query = query.filter(behind);
        }
        let rows = query.all(self.read()).await?;
        let told = rows.into_iter().map(|row| (RoomId::from(row.room_id.clone()), row.into()));
        Ok(told.collect())
    }

    /// Forgets somebody for good, with all logins: what they said stays, said by [`NOBODY`] under
    /// the name given; rooms that are still theirs belong to nobody. `false` if there is no such
    /// person.
    pub async fn forget_user(&self, id: &UserId, name: &str) -> Result<bool, StoreError> {
        let id = storable(id.as_str());
        let transaction = self.begin().await?;
        chat_message::Entity::update_many()
            .col_expr(chat_message::Column::UserId, Expr::value(NOBODY))
            .col_expr(chat_message::Column::DisplayName, Expr::value(storable(name)))
            .col_expr(chat_message::Column::ClientId, Expr::value(None::<String>))
            .filter(chat_message::Column::UserId.eq(&id))
            .exec(&transaction)
            .await?;
        room::Entity::update_many()
            .col_expr(room::Column::OwnerId, Expr::value(None::<String>))
            .filter(room::Column::OwnerId.eq(&id))
            .exec(&transaction)
            .await?;
        let person = users::Entity::find_by_id(&id).one(&transaction).await?;
        if let Some(person) = person {
            direct::forget(&person.clerk_id, &transaction).await?;
        }
        let gone = users::Entity::delete_by_id(&id).exec(&transaction).await?;
        transaction.commit().await?;
        Ok(gone.rows_affected > 0)
    }
}
