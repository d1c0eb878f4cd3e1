//! People: accounts, guests and external users.

use std::collections::HashSet;

use parlor_protocol::UserId;
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ActiveValue::Set, ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use crate::direct::words;
use crate::entity::{chat_message, login, room, room_invitation, room_user, users};
use crate::value::{Word, folded, storable, time, words};
use crate::{Store, StoreError};

/// People in one statement: 14 columns each, SQLite takes 32 766 values in a statement.
const PEOPLE_PER_STATEMENT: usize = 512;

/// How somebody came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonKind {
    /// Registered here.
    Account,
    /// Gave at most a name.
    Guest,
    /// Is known to another issuer.
    External,
}

words!(PersonKind { Account = "account", Guest = "guest", External = "external" });

/// Somebody, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The id.
    pub id: UserId,
    /// How the person came to be known.
    pub kind: PersonKind,
    /// The user name of an account, as it was written.
    pub username: Option<String>,
    /// The e-mail address of an account, as it was written. For its owner's eyes only.
    pub email: Option<String>,
    /// The name to show.
    pub display_name: String,
    /// When the person was first kept.
    pub created_at_ms: i64,
    /// Whether whoever runs the site keeps the person out.
    pub is_disabled: bool,
    /// Whether the person proved to have the address.
    pub is_email_verified: bool,
    /// Whether the person runs the site.
    pub is_admin: bool,
    /// The language the person reads, as a BCP 47 tag.
    pub language: Option<String>,
    /// How the person likes to see and hear, as JSON of the caller's own.
    pub preferences: Option<String>,
}

/// An account with what proves it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// Whose account it is.
    pub person: Person,
    /// The password's hash in PHC form; `None` if the account has no password.
    pub password_hash: Option<String>,
}

impl std::fmt::Debug for AccountRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccountRow").field("person", &self.person).finish_non_exhaustive()
    }
}

/// An account to be made.
#[derive(Clone)]
pub struct NewAccount {
    /// Its id, made by the caller.
    pub id: UserId,
    /// The user name; unique whatever its case.
    pub username: String,
    /// The e-mail address; unique whatever its case among those who own theirs.
    pub email: String,
    /// Whether the address leads to this account: not if it is another's already and nobody is to
    /// learn that.
    pub owns_email: bool,
    /// The password's hash in PHC form.
    pub password_hash: String,
    /// The name to show.
    pub display_name: String,
    /// When it is made.
    pub created_at_ms: i64,
}

/// A guest to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// The id in the guest's token.
    pub id: UserId,
    /// The name to show.
    pub display_name: String,
    /// When the guest was first seen.
    pub created_at_ms: i64,
}

impl TryFrom<users::Model> for AccountRow {
    type Error = StoreError;

    fn try_from(row: users::Model) -> Result<Self, StoreError> {
        Ok(Self {
            person: Person {
                id: UserId::from(row.id),
                kind: PersonKind::from_word(&row.kind)?,
                username: row.username,
                email: row.email,
                display_name: row.display_name,
                created_at_ms: row.created_at.timestamp_millis(),
                is_disabled: row.disabled_at.is_some(),
                is_email_verified: row.email_verified_at.is_some(),
                is_admin: row.is_admin,
                language: row.language,
                preferences: row.preferences,
            },
            password_hash: row.password_hash,
        })
    }
}

impl Store {
    /// Makes an account.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] with `Username`, `Email` or `Id` if one of them is taken.
    pub async fn create_account(&self, new: NewAccount) -> Result<(), StoreError> {
        let row = users::ActiveModel {
            username: Set(Some(storable(&new.username))),
            username_folded: Set(Some(folded(&new.username))),
            email: Set(Some(storable(&new.email))),
            email_folded: Set(new.owns_email.then(|| folded(&new.email))),
            password_hash: Set(Some(storable(&new.password_hash))),
            ..row_of(&new.id, PersonKind::Account, &new.display_name, new.created_at_ms)
        };
        let transaction = self.begin().await?;
        users::Entity::insert(row).exec_without_returning(&transaction).await?;
        let names = (Some(new.username.as_str()), new.display_name.as_str());
        words::learn(&new.id, names, &transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Finds somebody by id.
    pub async fn user(&self, id: &UserId) -> Result<Option<Person>, StoreError> {
        Ok(self.account(id).await?.map(|account| account.person))
    }

    /// Returns what earlier systems call somebody: what another issuer calls them, or their own id.
    pub async fn clerk_id(&self, id: &UserId) -> Result<Option<String>, StoreError> {
        let row = users::Entity::find_by_id(storable(id.as_str())).one(self.read()).await?;
        Ok(row.map(|row| row.clerk_id))
    }

    /// Finds somebody by id, with the password's hash.
    pub async fn account(&self, id: &UserId) -> Result<Option<AccountRow>, StoreError> {
        self.account_where(users::Column::Id.eq(storable(id.as_str()))).await
    }

    /// Finds several people by id, in no particular order; unknown ids are passed over.
    pub async fn users(&self, ids: &[UserId]) -> Result<Vec<Person>, StoreError> {
        let mut people = Vec::with_capacity(ids.len());
        for ids in ids.chunks(PEOPLE_PER_STATEMENT) {
            let rows = users::Entity::find()
                .filter(users::Column::Id.is_in(ids.iter().map(|id| storable(id.as_str()))))
                .all(self.read())
                .await?;
            for row in rows {
                people.push(AccountRow::try_from(row)?.person);
            }
        }
        Ok(people)
    }

    /// Finds an account by its user name, whatever its case.
    pub async fn account_by_username(
        &self,
        username: &str,
    ) -> Result<Option<AccountRow>, StoreError> {
        self.account_where(users::Column::UsernameFolded.eq(folded(username))).await
    }

    /// Finds an account by its e-mail address, whatever its case.
    pub async fn account_by_email(&self, email: &str) -> Result<Option<AccountRow>, StoreError> {
        self.account_where(users::Column::EmailFolded.eq(folded(email))).await
    }

    /// Finds an account by what its owner calls it: an e-mail address or a user name.
    pub async fn account_named(&self, name: &str) -> Result<Option<AccountRow>, StoreError> {
        match name.contains('@') {
            true => self.account_by_email(name).await,
            false => self.account_by_username(name).await,
        }
    }

    async fn account_where(&self, which: Expr) -> Result<Option<AccountRow>, StoreError> {
        let found = users::Entity::find().filter(which).one(self.read()).await?;
        found.map(AccountRow::try_from).transpose()
    }

    /// Sets the name to show; `false` if there is no such person.
    pub async fn set_display_name(
        &self,
        id: &UserId,
        display_name: &str,
    ) -> Result<bool, StoreError> {
        let transaction = self.begin().await?;
        let row = users::Entity::find_by_id(storable(id.as_str())).one(&transaction).await?;
        let Some(row) = row else { return Ok(false) };
        users::Entity::update_many()
            .col_expr(users::Column::DisplayName, Expr::value(storable(display_name)))
            .filter(users::Column::Id.eq(&row.id))
            .exec(&transaction)
            .await?;
        if row.kind != PersonKind::Guest.word() {
            words::learn(id, (row.username.as_deref(), display_name), &transaction).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }

    /// Sets the language somebody reads; `false` if there is no such person.
    pub async fn set_language(
        &self,
        id: &UserId,
        language: Option<&str>,
    ) -> Result<bool, StoreError> {
        let language = Expr::value(language.map(storable));
        self.set_column(id, users::Column::Language, language).await
    }

    /// Sets how somebody likes to see and hear; `false` if there is no such person.
    pub async fn set_preferences(
        &self,
        id: &UserId,
        preferences: &str,
    ) -> Result<bool, StoreError> {
        let preferences = Expr::value(storable(preferences));
        self.set_column(id, users::Column::Preferences, preferences).await
    }

    /// Sets the password's hash; `false` if there is no such person.
    pub async fn set_password_hash(
        &self,
        id: &UserId,
        password_hash: &str,
    ) -> Result<bool, StoreError> {
        let hash = Expr::value(storable(password_hash));
        self.set_column(id, users::Column::PasswordHash, hash).await
    }

    /// Sets one column of a person; `false` if there is no such person.
    pub(crate) async fn set_column(
        &self,
        id: &UserId,
        column: users::Column,
        value: Expr,
    ) -> Result<bool, StoreError> {
        let done = users::Entity::update_many()
            .col_expr(column, value)
            .filter(users::Column::Id.eq(storable(id.as_str())))
            .exec(self.write())
            .await?;
        Ok(done.rows_affected > 0)
    }

    /// Keeps a guest who joins or writes; one who is kept already stays as he is.
    pub async fn keep_guest(&self, guest: Guest) -> Result<(), StoreError> {
        let transaction = self.begin().await?;
        keep(vec![(guest, PersonKind::Guest)], &transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Keeps somebody another issuer knows; one who is kept already stays as they are.
    /// `external_id` is what that issuer calls them: where it is somebody else's already, the id
    /// stands in its place.
    pub async fn keep_external(
        &self,
        id: &UserId,
        external_id: &str,
        display_name: &str,
        created_at_ms: i64,
    ) -> Result<(), StoreError> {
        let row = row_of(id, PersonKind::External, display_name, created_at_ms);
        let rows =
            [users::ActiveModel { clerk_id: Set(storable(external_id)), ..row.clone() }, row];
        let transaction = self.begin().await?;
        for row in rows {
            let kept = users::Entity::find_by_id(storable(id.as_str())).one(&transaction).await?;
            if kept.is_some() {
                break;
            }
            let insert = users::Entity::insert(row)
                .on_conflict(OnConflict::new().do_nothing().to_owned())
                .exec_without_returning(&transaction)
                .await;
            match insert {
                Ok(0) | Err(sea_orm::DbErr::RecordNotInserted) => {}
                Ok(_) => words::learn(id, (None, display_name), &transaction).await?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(transaction.commit().await?)
    }

    /// Makes everything a guest did an account's: rooms, messages and logins. The guest is
    /// forgotten; one that was never kept is no error.
    ///
    /// # Errors
    /// [`StoreError::Dangling`] if the account does not exist or the other is no guest.
    pub async fn merge_guest(&self, guest: &UserId, account: &UserId) -> Result<(), StoreError> {
        let (guest, account) = (storable(guest.as_str()), storable(account.as_str()));
        let transaction = self.begin().await?;
        let known = users::Entity::find_by_id(&account).one(&transaction).await?;
        let other = users::Entity::find_by_id(&guest).one(&transaction).await?;
        if known.is_none() || other.is_some_and(|other| other.kind != PersonKind::Guest.word()) {
            return Err(StoreError::Dangling);
        }
        room::Entity::update_many()
            .col_expr(room::Column::OwnerId, Expr::value(&account))
            .filter(room::Column::OwnerId.eq(&guest))
            .exec(&transaction)
            .await?;
        // An idempotency key is only good for the one who sent it.
        chat_message::Entity::update_many()
            .col_expr(chat_message::Column::UserId, Expr::value(&account))
            .col_expr(chat_message::Column::ClientId, Expr::value(None::<String>))
            .filter(chat_message::Column::UserId.eq(&guest))
            .exec(&transaction)
            .await?;
        login::Entity::update_many()
            .col_expr(login::Column::UserId, Expr::value(&account))
            .filter(login::Column::UserId.eq(&guest))
            .exec(&transaction)
            .await?;
        room_invitation::Entity::update_many()
            .col_expr(room_invitation::Column::AcceptedBy, Expr::value(&account))
            .filter(room_invitation::Column::AcceptedBy.eq(&guest))
            .exec(&transaction)
            .await?;
        room_user::Entity::delete_many()
            .filter(room_user::Column::UserId.eq(&guest))
            .exec(&transaction)
            .await?;
        users::Entity::delete_by_id(&guest).exec(&transaction).await?;
        Ok(transaction.commit().await?)
    }
}

/// Inserts those who are not there yet.
pub(crate) async fn keep(
    people: Vec<(Guest, PersonKind)>,
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    let mut seen = HashSet::new();
    let mut rows: Vec<users::ActiveModel> = people
        .iter()
        .filter(|(guest, _)| seen.insert(&guest.id))
        .map(|(guest, kind)| row_of(&guest.id, *kind, &guest.display_name, guest.created_at_ms))
        .collect();
    // Always in the same order, so that two nodes cannot wait for each other.
    rows.sort_unstable_by(|a, b| a.id.as_ref().cmp(b.id.as_ref()));
    for chunk in rows.chunks(PEOPLE_PER_STATEMENT) {
        users::Entity::insert_many(chunk.iter().cloned())
            .on_conflict(OnConflict::column(users::Column::Id).do_nothing().to_owned())
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}

fn row_of(
    id: &UserId,
    kind: PersonKind,
    display_name: &str,
    created_at_ms: i64,
) -> users::ActiveModel {
    users::ActiveModel {
        id: Set(storable(id.as_str())),
        clerk_id: Set(storable(id.as_str())),
        is_paralyzed: Set(false),
        status: Set("offline".into()),
        created_at: Set(time(created_at_ms)),
        kind: Set(kind.word().into()),
        username: Set(None),
        username_folded: Set(None),
        email: Set(None),
        email_folded: Set(None),
        password_hash: Set(None),
        display_name: Set(storable(display_name)),
        is_admin: Set(false),
        disabled_at: Set(None),
        email_verified_at: Set(None),
        language: Set(None),
        preferences: Set(None),
        is_searchable: Set(true),
        strangers_ask: Set(false),
        is_introduced: Set(false),
    }
}
