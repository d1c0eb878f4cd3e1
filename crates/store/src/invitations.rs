//! Invitations into rooms: each goes to one address by mail, is good for one person and for a
//! time, and can be withdrawn while nobody has taken it up.

use parlor_protocol::{RoomId, UserId};
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

use crate::entity::{outbox, room, room_invitation, users};
use crate::mail::{self, MailState, NewMail};
use crate::value::{Word, folded, storable, time};
use crate::{Store, StoreError};

/// An invitation to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewInvitation {
    /// Its id, made by the caller.
    pub id: String,
    /// The hash of the token in its link.
    pub hash: Vec<u8>,
    /// The room.
    pub room_id: RoomId,
    /// Who invites; an account.
    pub inviter_id: UserId,
    /// Whom, as an address.
    pub email: String,
    /// What the inviter says.
    pub message: Option<String>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends.
    pub expires_at_ms: i64,
}

/// An invitation that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationRow {
    /// Its id.
    pub id: String,
    /// The room.
    pub room_id: RoomId,
    /// Who invites.
    pub inviter_id: UserId,
    /// Whom, as an address.
    pub email: String,
    /// What the inviter says.
    pub message: Option<String>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it ends.
    pub expires_at_ms: i64,
    /// Who took it up.
    pub accepted_by: Option<UserId>,
    /// What became of its mail; `None` once that is forgotten.
    pub mail: Option<MailState>,
}

impl From<room_invitation::Model> for InvitationRow {
    fn from(row: room_invitation::Model) -> Self {
        Self {
            id: row.id,
            room_id: RoomId::from(row.room_id),
            inviter_id: UserId::from(row.inviter_id),
            email: row.email,
            message: row.message,
            created_at_ms: row.created_at.timestamp_millis(),
            expires_at_ms: row.expires_at.timestamp_millis(),
            accepted_by: row.accepted_by.map(UserId::from),
            mail: None,
        }
    }
}

impl Store {
    /// Keeps an invitation and writes down its mail, in one transaction. An earlier one of the same
    /// address into the same room that nobody took up is withdrawn. Says whether the mail will be
    /// sent; if not, because its address is suppressed, nothing is kept but the mail as such.
    ///
    /// # Errors
    /// [`StoreError::Dangling`] if the room or the inviter is gone, [`StoreError::Conflict`] if an
    /// id or the token is taken.
    pub async fn invite(&self, new: NewInvitation, mail: NewMail) -> Result<bool, StoreError> {
        let transaction = self.begin().await?;
        let mail_id = mail.id.clone();
        let is_sent = mail::put(mail, &transaction).await?;
        if is_sent {
            let same = Condition::all()
                .add(room_invitation::Column::RoomId.eq(storable(new.room_id.as_str())))
                .add(room_invitation::Column::EmailFolded.eq(folded(&new.email)))
                .add(room_invitation::Column::AcceptedBy.is_null());
            withdraw(same, &transaction).await?;
            let row = room_invitation::ActiveModel {
                id: Set(storable(&new.id)),
                hash: Set(new.hash),
                room_id: Set(storable(new.room_id.as_str())),
                inviter_id: Set(storable(new.inviter_id.as_str())),
                email: Set(storable(&new.email)),
                email_folded: Set(folded(&new.email)),
                message: Set(new.message.as_deref().map(storable)),
                mail_id: Set(Some(storable(&mail_id))),
                created_at: Set(time(new.created_at_ms)),
                expires_at: Set(time(new.expires_at_ms)),
                accepted_at: Set(None),
                accepted_by: Set(None),
            };
            room_invitation::Entity::insert(row).exec_without_returning(&transaction).await?;
        }
        transaction.commit().await?;
        Ok(is_sent)
    }

    /// Returns up to `limit` invitations somebody made, the newest first, whatever became of them.
    pub async fn invitations_of(
        &self,
        inviter: &UserId,
        limit: u64,
    ) -> Result<Vec<InvitationRow>, StoreError> {
        let rows = room_invitation::Entity::find()
            .filter(room_invitation::Column::InviterId.eq(storable(inviter.as_str())))
            .order_by_desc(room_invitation::Column::CreatedAt)
            .order_by_desc(room_invitation::Column::Id)
            .limit(limit)
            .all(self.read())
            .await?;
        Ok(rows.into_iter().map(InvitationRow::from).collect())
    }

    /// Returns the invitations into a room that nobody took up and that are good at `now_ms`, the
    /// newest first, up to `limit`, with what became of their mails.
    pub async fn pending_invitations(
        &self,
        room: &RoomId,
        now_ms: i64,
        limit: u64,
    ) -> Result<Vec<InvitationRow>, StoreError> {
        let rows = room_invitation::Entity::find()
            .filter(room_invitation::Column::RoomId.eq(storable(room.as_str())))
            .filter(is_pending(now_ms))
            .order_by_desc(room_invitation::Column::CreatedAt)
            .order_by_desc(room_invitation::Column::Id)
            .limit(limit)
            .all(self.read())
            .await?;
        let mails = rows.iter().filter_map(|row| row.mail_id.clone());
        let states: Vec<(String, String)> = outbox::Entity::find()
            .select_only()
            .columns([outbox::Column::Id, outbox::Column::State])
            .filter(outbox::Column::Id.is_in(mails))
            .into_tuple()
            .all(self.read())
            .await?;
        let shown = rows.into_iter().map(|row| {
            let state = states.iter().find(|(id, _)| Some(id) == row.mail_id.as_ref());
            let mail = state.map(|(_, word)| MailState::from_word(word)).transpose()?;
            Ok(InvitationRow { mail, ..InvitationRow::from(row) })
        });
        shown.collect()
    }

    /// Counts the invitations that somebody made since `since_ms` and did not withdraw.
    pub async fn invitations_made_since(
        &self,
        inviter: &UserId,
        since_ms: i64,
    ) -> Result<u64, StoreError> {
        Ok(room_invitation::Entity::find()
            .filter(room_invitation::Column::InviterId.eq(storable(inviter.as_str())))
            .filter(room_invitation::Column::CreatedAt.gte(time(since_ms)))
            .count(self.read())
            .await?)
    }

    /// Withdraws an invitation that nobody took up: its link is good for nothing, and its mail is
    /// not sent if it was not yet. `false` if there is none of that id in the room.
    pub async fn withdraw_invitation(&self, room: &RoomId, id: &str) -> Result<bool, StoreError> {
        let transaction = self.begin().await?;
        let this = Condition::all()
            .add(room_invitation::Column::RoomId.eq(storable(room.as_str())))
            .add(room_invitation::Column::Id.eq(storable(id)))
            .add(room_invitation::Column::AcceptedBy.is_null());
        let is_gone = withdraw(this, &transaction).await? > 0;
        transaction.commit().await?;
        Ok(is_gone)
    }

    /// Looks at an invitation that is good at `now_ms`, whoever has its link, or that somebody took
    /// up before.
    pub async fn invitation(
        &self,
        hash: &[u8],
        now_ms: i64,
    ) -> Result<Option<InvitationRow>, StoreError> {
        let found = room_invitation::Entity::find()
            .filter(room_invitation::Column::Hash.eq(hash))
            .filter(room_invitation::Column::ExpiresAt.gt(time(now_ms)))
            .one(self.read())
            .await?;
        Ok(found.map(InvitationRow::from))
    }

    /// Takes an invitation up for somebody who is kept; of many at once one succeeds, and the same
    /// person may do it again. If it went to the address of their account, they proved to have it.
    /// `None` if it is not good at `now_ms`, or somebody else's.
    pub async fn accept_invitation(
        &self,
        hash: &[u8],
        user: &UserId,
        now_ms: i64,
    ) -> Result<Option<InvitationRow>, StoreError> {
        use room_invitation::Column as C;
        let id = storable(user.as_str());
        let transaction = self.begin().await?;
        let taken = room_invitation::Entity::update_many()
            .col_expr(C::AcceptedAt, Expr::value(time(now_ms)))
            .col_expr(C::AcceptedBy, Expr::value(&id))
            .filter(C::Hash.eq(hash))
            .filter(C::ExpiresAt.gt(time(now_ms)))
            .filter(Condition::any().add(C::AcceptedBy.is_null()).add(C::AcceptedBy.eq(&id)))
            .exec_with_returning(&transaction)
            .await?;
        let Some(row) = taken.into_iter().next() else { return Ok(None) };
        users::Entity::update_many()
            .col_expr(users::Column::EmailVerifiedAt, Expr::value(time(now_ms)))
            .filter(users::Column::Id.eq(&id))
            .filter(users::Column::EmailFolded.eq(&row.email_folded))
            .filter(users::Column::EmailVerifiedAt.is_null())
            .exec(&transaction)
            .await?;
        transaction.commit().await?;
        Ok(Some(InvitationRow::from(row)))
    }

    /// Deletes invitations that were over before `before_ms`; returns how many that were.
    pub(crate) async fn forget_invitations(&self, before_ms: i64) -> Result<u64, StoreError> {
        let over = room_invitation::Column::ExpiresAt.lt(time(before_ms));
        let gone = room_invitation::Entity::delete_many().filter(over).exec(self.write()).await?;
        Ok(gone.rows_affected)
    }
}

/// Says, of a room in a statement, whether somebody may still come by an invitation.
pub(crate) fn is_awaited(now_ms: i64) -> Expr {
    let pending = Query::select()
        .expr(Expr::value(1))
        .from(room_invitation::Entity)
        .and_where(
            Expr::col((room_invitation::Entity, room_invitation::Column::RoomId))
                .equals((room::Entity, room::Column::Id)),
        )
        .cond_where(is_pending(now_ms))
        .to_owned();
    Expr::exists(pending)
}

fn is_pending(now_ms: i64) -> Condition {
    Condition::all()
        .add(room_invitation::Column::AcceptedBy.is_null())
        .add(room_invitation::Column::ExpiresAt.gt(time(now_ms)))
}

/// Deletes invitations and those of their mails that wait; returns how many invitations.
async fn withdraw(
    which: Condition,
    transaction: &sea_orm::DatabaseTransaction,
) -> Result<u64, StoreError> {
    let mails: Vec<Option<String>> = room_invitation::Entity::find()
        .select_only()
        .column(room_invitation::Column::MailId)
        .filter(which.clone())
        .into_tuple()
        .all(transaction)
        .await?;
    let gone = room_invitation::Entity::delete_many().filter(which).exec(transaction).await?;
    outbox::Entity::delete_many()
        .filter(outbox::Column::Id.is_in(mails.into_iter().flatten()))
        .filter(outbox::Column::State.eq(MailState::Waiting.word()))
        .exec(transaction)
        .await?;
    Ok(gone.rows_affected)
}
