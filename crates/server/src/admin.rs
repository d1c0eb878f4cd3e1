//! What whoever runs the site does at its command line: accounts. It works on the database, whether
//! a server runs or not; one that runs finds out within seconds.

use parlor_protocol::UserId;
use parlor_protocol::account::Register;
use parlor_store::{Office, OfficeChange, Person, Store, StoreError};

use crate::auth::accounts;
use crate::clock::wall_ms;

/// Accounts read at once.
const PAGE: u64 = 500;
/// Letters of a password that is made here: of 31 each, 95 bits.
const MADE_UP_CHARS: usize = 19;

/// Something to be done.
#[derive(Debug)]
pub enum Order {
    /// Makes an account.
    Create {
        /// Its user name.
        username: String,
        /// Its e-mail address.
        email: String,
        /// Its password; one is made up without.
        password: Option<String>,
        /// Whether what stands for the password is its hash, from somewhere else.
        is_hash: bool,
        /// Whether its owner runs the site.
        is_admin: bool,
    },
    /// Lists all accounts.
    List,
    /// Keeps the owner of an account out, everywhere and within seconds, or lets them in again.
    Disable {
        /// Its user name or e-mail address.
        name: String,
        /// Whether they are kept out.
        disabled: bool,
    },
    /// Sets another password, and ends all logins.
    ResetPassword {
        /// Its user name or e-mail address.
        name: String,
        /// The new password; one is made up without.
        password: Option<String>,
    },
}

/// Carries it out and returns what to say.
///
/// # Errors
/// A sentence that says what is wrong.
pub async fn carry_out(store: &Store, order: Order) -> Result<String, String> {
    match order {
        Order::Create { username, email, password, is_hash, is_admin } => {
            let (password, told) = chosen(password);
            let form = Register { username, email, password, display_name: None };
            let made = match is_hash {
                true => accounts::import(store, form).await,
                false => accounts::create(store, form).await,
            };
            let person = made.map_err(|error| error.message)?;
            if is_admin {
                let office = Office { is_admin: Some(true), ..Office::default() };
                change(store, &person.id, office).await?;
            }
            let name = person.username.unwrap_or_default();
            let office = if is_admin { ", who runs the site" } else { "" };
            Ok(format!("Made the account {name}{office}.\n{told}"))
        }
        Order::List => list(store).await,
        Order::Disable { name, disabled } => {
            let person = find(store, &name).await?;
            let disabled_since_ms = Some(disabled.then(wall_ms));
            change(store, &person.id, Office { disabled_since_ms, ..Office::default() }).await?;
            if !disabled {
                return Ok(format!("{name} may log in again.\n"));
            }
            let ended = store.revoke_logins_of(&person.id, wall_ms()).await.map_err(sentence)?;
            Ok(format!("{name} is kept out; {ended} logins ended.\n"))
        }
        Order::ResetPassword { name, password } => {
            let person = find(store, &name).await?;
            let (password, told) = chosen(password);
            accounts::set_password(store, &person.id, password)
                .await
                .map_err(|error| error.message)?;
            let ended = store.revoke_logins_of(&person.id, wall_ms()).await.map_err(sentence)?;
            Ok(format!("{name} has another password; {ended} logins ended.\n{told}"))
        }
    }
}

/// Returns the password, and what to say of it: one that was made up is shown once.
fn chosen(password: Option<String>) -> (String, String) {
    match password {
        Some(password) => (password, String::new()),
        None => {
            let password = crate::http::rooms::random_code(MADE_UP_CHARS);
            let told = format!("Password: {password}\n");
            (password, told)
        }
    }
}

async fn change(store: &Store, user: &UserId, office: Office) -> Result<(), String> {
    match store.change_office(user, office).await.map_err(sentence)? {
        OfficeChange::Made => Ok(()),
        OfficeChange::LastAdmin => Err("Nobody would be left who runs this site.".to_owned()),
        OfficeChange::Unknown => Err("There is no such account any more.".to_owned()),
    }
}

async fn find(store: &Store, name: &str) -> Result<Person, String> {
    let found = store.account_named(name).await.map_err(sentence)?;
    found.map(|account| account.person).ok_or_else(|| format!("There is no account {name}."))
}

async fn list(store: &Store) -> Result<String, String> {
    let mut lines = String::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.accounts(after.as_deref(), PAGE).await.map_err(sentence)?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.username);
        for person in page {
            let mark = match (person.is_admin, person.is_disabled) {
                (_, true) => "kept out",
                (true, false) => "runs the site",
                (false, false) => "",
            };
            let Person { username, email, created_at_ms, .. } = person;
            let made = parlor_room::iso_8601(created_at_ms);
            let (username, email) = (username.unwrap_or_default(), email.unwrap_or_default());
            lines += &format!("{username}\t{email}\t{made}\t{mark}\n");
        }
    }
    Ok(if lines.is_empty() { "There are no accounts.\n".to_owned() } else { lines })
}

fn sentence(error: StoreError) -> String {
    format!("The database cannot be used: {error}.")
}
