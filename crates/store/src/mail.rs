//! Mail that waits to be sent: written down together with the token its link carries, leased by
//! one node at a time, and kept for a while so that one can see what became of it.

use chrono::{DateTime, Utc};
use parlor_protocol::UserId;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict, Query};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, DatabaseTransaction, EntityTrait,
    Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
};

use crate::entity::{mail_suppression, outbox};
use crate::once::{self, NewToken};
use crate::value::{Word, folded, storable, time, words};
use crate::{Store, StoreError};

/// Mails in one statement: SQLite takes 32 766 values, and nobody has that many waiting.
const MAILS_PER_STATEMENT: usize = 10_000;

/// What became of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailState {
    /// It is to be sent, now or later.
    Waiting,
    /// The mail server took it.
    Sent,
    /// It was given up.
    Failed,
    /// Nothing is sent to its address any more.
    Suppressed,
}

words!(MailState {
    Waiting = "waiting",
    Sent = "sent",
    Failed = "failed",
    Suppressed = "suppressed",
});

/// A mail to be sent.
#[derive(Clone)]
pub struct NewMail {
    /// Its id, made by the caller.
    pub id: String,
    /// Whose it is; it goes when that account goes.
    pub user_id: Option<UserId>,
    /// What it is written from.
    pub template: String,
    /// The address it goes to.
    pub recipient: String,
    /// What the template needs, as JSON; never a link or a token.
    pub payload: String,
    /// The token of its link, sealed by the caller.
    pub sealed_token: Option<Vec<u8>>,
    /// When it was written down, which is also when it may be sent.
    pub created_at_ms: i64,
}

/// A mail that is the caller's to send until its lease ends.
#[derive(Clone, PartialEq, Eq)]
pub struct LeasedMail {
    /// Its id.
    pub id: String,
    /// What it is written from.
    pub template: String,
    /// The address it goes to.
    pub recipient: String,
    /// What the template needs, as JSON.
    pub payload: String,
    /// The token of its link, as it was given.
    pub sealed_token: Option<Vec<u8>>,
    /// How often it was leased, this time included.
    pub attempts: u32,
    /// When it was written down.
    pub created_at_ms: i64,
}

impl std::fmt::Debug for LeasedMail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LeasedMail").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A mail as an administrator may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailRow {
    /// Its id.
    pub id: String,
    /// What it is written from.
    pub template: String,
    /// The address it goes to.
    pub recipient: String,
    /// What became of it.
    pub state: MailState,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it was not sent, the last time.
    pub last_error: Option<String>,
    /// When it was written down.
    pub created_at_ms: i64,
    /// When it is tried next, if it waits.
    pub next_attempt_at_ms: i64,
    /// When the mail server took it.
    pub sent_at_ms: Option<i64>,
}

impl From<outbox::Model> for LeasedMail {
    fn from(row: outbox::Model) -> Self {
        Self {
            id: row.id,
            template: row.template,
            recipient: row.recipient,
            payload: row.payload,
            sealed_token: row.sealed_token,
            attempts: row.attempts.unsigned_abs(),
            created_at_ms: row.created_at.timestamp_millis(),
        }
    }
}

/// What a page of mails is read of: everything but payload and token.
type Listed = (
    String,
    String,
    String,
    String,
    i32,
    Option<String>,
    DateTime<Utc>,
    DateTime<Utc>,
    Option<DateTime<Utc>>,
);

impl Store {
    /// Writes down a mail, and with it, in one transaction, the token that its link carries. To an
    /// address that is suppressed nothing will be sent: the mail is kept as such, without a token.
    /// Says whether it will be sent.
    ///
    /// # Errors
    /// [`StoreError::Dangling`] if the account is gone, [`StoreError::Conflict`] if the id or the
    /// token is taken.
    pub async fn enqueue_mail(
        &self,
        mail: NewMail,
        token: Option<NewToken>,
    ) -> Result<bool, StoreError> {
        let transaction = self.begin().await?;
        let is_sent = put(mail, &transaction).await?;
        if let Some(token) = token.filter(|_| is_sent) {
            once::insert(token, &transaction).await?;
        }
        transaction.commit().await?;
        Ok(is_sent)
    }

    /// Counts the mails of one template that were written down for somebody since `since_ms`.
    pub async fn mails_since(
        &self,
        user: &UserId,
        template: &str,
        since_ms: i64,
    ) -> Result<u64, StoreError> {
        Ok(outbox::Entity::find()
            .filter(outbox::Column::UserId.eq(storable(user.as_str())))
            .filter(outbox::Column::Template.eq(storable(template)))
            .filter(outbox::Column::CreatedAt.gte(time(since_ms)))
            .count(self.read())
            .await?)
    }

    /// Says whether a mail could be leased at `now_ms`. It only reads.
    pub async fn is_mail_due(&self, now_ms: i64) -> Result<bool, StoreError> {
        let first =
            outbox::Entity::find().select_only().column(outbox::Column::Id).filter(due(now_ms));
        Ok(first.into_tuple::<String>().one(self.read()).await?.is_some())
    }

    /// Leases up to `limit` mails that are due at `now_ms`, the most overdue first: until
    /// `until_ms` they are the holder's alone to send.
    pub async fn lease_mails(
        &self,
        holder: &str,
        limit: u64,
        now_ms: i64,
        until_ms: i64,
    ) -> Result<Vec<LeasedMail>, StoreError> {
        let some = Query::select()
            .column(outbox::Column::Id)
            .from(outbox::Entity)
            .cond_where(due(now_ms))
            .order_by(outbox::Column::NextAttemptAt, Order::Asc)
            .limit(limit)
            .to_owned();
        // The condition stands twice: of two nodes that chose the same mail at once, the second
        // finds it leased when it gets to write.
        let attempts = Expr::col(outbox::Column::Attempts).add(1);
        let leased = outbox::Entity::update_many()
            .col_expr(outbox::Column::LeaseHolder, Expr::value(storable(holder)))
            .col_expr(outbox::Column::LeasedUntil, Expr::value(time(until_ms)))
            .col_expr(outbox::Column::Attempts, attempts)
            .filter(outbox::Column::Id.in_subquery(some))
            .filter(due(now_ms))
            .exec_with_returning(self.write())
            .await?;
        Ok(leased.into_iter().map(LeasedMail::from).collect())
    }

    /// Notes that the mail server took a mail, and erases its token. `false` if the mail is not the
    /// holder's.
    pub async fn mail_sent(&self, id: &str, holder: &str, at_ms: i64) -> Result<bool, StoreError> {
        let change = outbox::ActiveModel {
            state: Set(MailState::Sent.word().into()),
            sent_at: Set(Some(time(at_ms))),
            sealed_token: Set(None),
            last_error: Set(None),
            ..ended()
        };
        self.end_lease(id, holder, change).await
    }

    /// Gives a mail back, to be tried again at `next_ms`. `false` if it is not the holder's.
    pub async fn mail_deferred(
        &self,
        id: &str,
        holder: &str,
        error: &str,
        next_ms: i64,
    ) -> Result<bool, StoreError> {
        let change = outbox::ActiveModel {
            next_attempt_at: Set(time(next_ms)),
            last_error: Set(Some(storable(error))),
            ..ended()
        };
        self.end_lease(id, holder, change).await
    }

    /// Gives a mail up, and erases its token. `false` if it is not the holder's.
    pub async fn mail_failed(
        &self,
        id: &str,
        holder: &str,
        error: &str,
    ) -> Result<bool, StoreError> {
        let change = outbox::ActiveModel {
            state: Set(MailState::Failed.word().into()),
            sealed_token: Set(None),
            last_error: Set(Some(storable(error))),
            ..ended()
        };
        self.end_lease(id, holder, change).await
    }

    async fn end_lease(
        &self,
        id: &str,
        holder: &str,
        change: outbox::ActiveModel,
    ) -> Result<bool, StoreError> {
        let done = outbox::Entity::update_many()
            .set(change)
            .filter(outbox::Column::Id.eq(storable(id)))
            .filter(outbox::Column::LeaseHolder.eq(storable(holder)))
            .filter(outbox::Column::State.eq(MailState::Waiting.word()))
            .exec(self.write())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Sends nothing to an address any more; what waits for it is given up.
    pub async fn suppress_mail_to(
        &self,
        email: &str,
        reason: &str,
        at_ms: i64,
    ) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        let row = mail_suppression::ActiveModel {
            email_folded: Set(folded(email)),
            reason: Set(storable(reason)),
            created_at: Set(time(at_ms)),
        };
        let mut known = OnConflict::column(mail_suppression::Column::EmailFolded);
        mail_suppression::Entity::insert(row)
            .on_conflict(known.do_nothing().to_owned())
            .exec_without_returning(&transaction)
            .await?;
        let waiting: Vec<(String, String)> = outbox::Entity::find()
            .select_only()
            .columns([outbox::Column::Id, outbox::Column::Recipient])
            .filter(outbox::Column::State.eq(MailState::Waiting.word()))
            .into_tuple()
            .all(&transaction)
            .await?;
        let theirs: Vec<String> = waiting
            .into_iter()
            .filter(|(_, recipient)| folded(recipient) == folded(email))
            .map(|(id, _)| id)
            .take(MAILS_PER_STATEMENT)
            .collect();
        outbox::Entity::update_many()
            .col_expr(outbox::Column::State, Expr::value(MailState::Suppressed.word()))
            .col_expr(outbox::Column::SealedToken, Expr::value(None::<Vec<u8>>))
            .filter(outbox::Column::Id.is_in(theirs))
            .exec(&transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Says why nothing is sent to an address; `None` if something is.
    pub async fn mail_suppression(&self, email: &str) -> Result<Option<String>, StoreError> {
        let found = mail_suppression::Entity::find_by_id(folded(email)).one(self.read()).await?;
        Ok(found.map(|row| row.reason))
    }

    /// Returns up to `limit` mails, the newest first, those behind `after`: when a mail was written
    /// down, and its id.
    pub async fn mails(
        &self,
        after: Option<(i64, &str)>,
        limit: u64,
    ) -> Result<Vec<MailRow>, StoreError> {
        use outbox::Column as C;
        let mut query = outbox::Entity::find()
            .select_only()
            .columns([C::Id, C::Template, C::Recipient, C::State, C::Attempts])
            .columns([C::LastError, C::CreatedAt, C::NextAttemptAt, C::SentAt])
            .order_by_desc(C::CreatedAt)
            .order_by_desc(C::Id)
            .limit(limit);
        if let Some((created_at_ms, id)) = after {
            let created_at = time(created_at_ms);
            let same = C::CreatedAt.eq(created_at);
            let behind = Condition::all().add(same).add(C::Id.lt(storable(id)));
            query = query.filter(Condition::any().add(C::CreatedAt.lt(created_at)).add(behind));
        }
        let rows: Vec<Listed> = query.into_tuple().all(self.read()).await?;
        rows.into_iter().map(mail_row).collect()
    }

    /// Deletes mails that do not wait any more and were written down before `before_ms`, and tokens and
    /// invitations that were over by then; returns how many that were.
    pub async fn forget_mail(&self, before_ms: i64) -> Result<u64, StoreError> {
        let mails = outbox::Entity::delete_many()
            .filter(outbox::Column::State.ne(MailState::Waiting.word()))
            .filter(outbox::Column::CreatedAt.lt(time(before_ms)))
            .exec(self.write())
            .await?;
        let tokens = self.forget_tokens(before_ms).await?;
        Ok(mails.rows_affected + tokens + self.forget_invitations(before_ms).await?)
    }
}

/// Writes a mail down; says whether it will be sent, or its address is suppressed.
pub(crate) async fn put(
    mail: NewMail,
    transaction: &DatabaseTransaction,
) -> Result<bool, StoreError> {
    let suppressed = mail_suppression::Entity::find_by_id(folded(&mail.recipient));
    let is_suppressed = suppressed.one(transaction).await?.is_some();
    let state = if is_suppressed { MailState::Suppressed } else { MailState::Waiting };
    let row = outbox::ActiveModel {
        id: Set(storable(&mail.id)),
        user_id: Set(mail.user_id.as_ref().map(|id| storable(id.as_str()))),
        template: Set(storable(&mail.template)),
        recipient: Set(storable(&mail.recipient)),
        payload: Set(storable(&mail.payload)),
        sealed_token: Set(mail.sealed_token.filter(|_| !is_suppressed)),
        created_at: Set(time(mail.created_at_ms)),
        next_attempt_at: Set(time(mail.created_at_ms)),
        attempts: Set(0),
        leased_until: Set(None),
        lease_holder: Set(None),
        state: Set(state.word().into()),
        last_error: Set(None),
        sent_at: Set(None),
    };
    outbox::Entity::insert(row).exec_without_returning(transaction).await?;
    Ok(!is_suppressed)
}

fn due(now_ms: i64) -> Condition {
    let free = Condition::any()
        .add(outbox::Column::LeasedUntil.is_null())
        .add(outbox::Column::LeasedUntil.lte(time(now_ms)));
    Condition::all()
        .add(outbox::Column::State.eq(MailState::Waiting.word()))
        .add(outbox::Column::NextAttemptAt.lte(time(now_ms)))
        .add(free)
}

/// A lease that is over.
fn ended() -> outbox::ActiveModel {
    let kept = <outbox::ActiveModel as ActiveModelTrait>::default();
    outbox::ActiveModel { leased_until: Set(None), lease_holder: Set(None), ..kept }
}

fn mail_row(listed: Listed) -> Result<MailRow, StoreError> {
    let (id, template, recipient, state, attempts, last_error, created, next, sent) = listed;
    Ok(MailRow {
        id,
        template,
        recipient,
        state: MailState::from_word(&state)?,
        attempts: attempts.unsigned_abs(),
        last_error,
        created_at_ms: created.timestamp_millis(),
        next_attempt_at_ms: next.timestamp_millis(),
        sent_at_ms: sent.map(|at| at.timestamp_millis()),
    })
}
