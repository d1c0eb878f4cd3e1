//! Making accounts and their passwords, for whoever comes: by a form or by the command line.

use parlor_protocol::account::Register;
use parlor_protocol::{Code, UserId, limits};
use parlor_store::{Conflict, NewAccount, Person, PersonKind, Store, StoreError};

use super::names;
use super::passwords::{self, Passwords};
use crate::clock::wall_ms;
use crate::http::answer::Refused;

/// Makes an account outside a running server.
///
/// # Errors
/// [`Code::Invalid`] with what is wrong, [`Code::UsernameTaken`], [`Code::EmailTaken`].
pub async fn create(store: &Store, form: Register) -> Result<Person, Refused> {
    make(store, &Passwords::start(), form, TakenEmail::IsTold).await
}

/// Makes an account whose password is known by its hash alone, in the place of `form.password`:
/// Argon2id, or bcrypt from somewhere else, which is made anew when its owner logs in.
///
/// # Errors
/// As [`create`].
pub async fn import(store: &Store, form: Register) -> Result<Person, Refused> {
    if !passwords::is_known(&form.password) {
        return Err(Refused::invalid(
            "That is no hash of bcrypt's (of cost 14 at most) or Argon2id's",
        ));
    }
    keep(store, form, TakenEmail::IsTold, async |hash| Ok(hash)).await
}

/// Sets an account's password outside a running server.
///
/// # Errors
/// [`Code::Invalid`] if it is too short or too long.
pub async fn set_password(store: &Store, id: &UserId, password: String) -> Result<(), Refused> {
    set(store, &Passwords::start(), id, password).await
}

/// Sets an account's password.
pub(super) async fn set(
    store: &Store,
    passwords: &Passwords,
    id: &UserId,
    password: String,
) -> Result<(), Refused> {
    check_password(&password)?;
    let hash = passwords.hash(password).await?;
    store.set_password_hash(id, &hash).await?;
    Ok(())
}

/// What becomes of an account whose address is another's already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenEmail {
    /// It is not made, and whoever asked learns why.
    IsTold,
    /// It is made all the same, and nobody learns anything: the address is shown to its owner as they
    /// wrote it, but leads to nothing, neither to a login nor to letters.
    IsKeptQuiet,
}

/// Makes an account.
pub(super) async fn make(
    store: &Store,
    passwords: &Passwords,
    form: Register,
    taken: TakenEmail,
) -> Result<Person, Refused> {
    check_password(&form.password)?;
    keep(store, form, taken, async |password| passwords.hash(password).await).await
}

/// Makes an account, with what `hash` makes of the form's password once all else is found good.
async fn keep(
    store: &Store,
    form: Register,
    taken: TakenEmail,
    hash: impl AsyncFnOnce(String) -> Result<String, Code>,
) -> Result<Person, Refused> {
    let email = form.email.trim();
    if !names::is_username(&form.username) {
        return Err(Refused::invalid(
            "A user name has 4 to 40 letters, digits, dots, dashes or underscores",
        ));
    }
    if !names::is_email(email) {
        return Err(Refused::invalid("That is not an e-mail address"));
    }
    let shown = form.display_name.as_deref().unwrap_or(&form.username);
    let display_name = names::shown(shown)
        .ok_or_else(|| Refused::invalid("A name to show has 1 to 60 characters"))?;
    // A name that is taken is told before the work of hashing; the unique index has the last word.
    if store.account_by_username(&form.username).await?.is_some() {
        return Err(Code::UsernameTaken.into());
    }
    let is_taken = store.account_by_email(email).await?.is_some();
    if is_taken && taken == TakenEmail::IsTold {
        return Err(Code::EmailTaken.into());
    }
    let person = Person {
        id: UserId::from(uuid::Uuid::now_v7().to_string()),
        kind: PersonKind::Account,
        username: Some(form.username.clone()),
        email: Some(email.to_owned()),
        display_name: display_name.clone(),
        created_at_ms: wall_ms(),
        is_disabled: false,
        is_email_verified: false,
        is_admin: false,
        language: None,
        preferences: None,
    };
    let account = NewAccount {
        id: person.id.clone(),
        username: form.username,
        email: email.to_owned(),
        owns_email: !is_taken,
        password_hash: hash(form.password).await?,
        display_name,
        created_at_ms: person.created_at_ms,
    };
    match store.create_account(account.clone()).await {
        // Somebody else was quicker by a moment.
        Err(StoreError::Conflict(Conflict::Email)) if taken == TakenEmail::IsKeptQuiet => {
            store.create_account(NewAccount { owns_email: false, ..account }).await?;
        }
        outcome => outcome?,
    }
    Ok(person)
}

/// Says whether a text may be a password.
pub(super) fn check_password(password: &str) -> Result<(), Refused> {
    if limits::PASSWORD_BYTES.contains(&password.len()) {
        return Ok(());
    }
    Err(Refused::invalid("A password has at least 8 and at most 512 bytes"))
}
