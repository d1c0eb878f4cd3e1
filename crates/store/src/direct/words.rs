//! The words people are found by.

use parlor_protocol::UserId;
use sea_orm::sea_query::{OnConflict, Query};
use sea_orm::{ConnectionTrait, DatabaseTransaction};

use super::statement;
use crate::StoreError;
use crate::value::{search_words, storable};

/// Writes down by which words somebody is found from now on: those of a user name and a name to
/// show.
pub(crate) async fn learn(
    id: &UserId,
    (username, display_name): (Option<&str>, &str),
    transaction: &DatabaseTransaction,
) -> Result<(), StoreError> {
    let id = storable(id.as_str());
    let forget =
        statement(transaction, "DELETE FROM user_word WHERE user_id = $1", [id.as_str().into()]);
    transaction.execute_raw(forget).await?;
    let words = search_words(username, display_name);
    if words.is_empty() {
        return Ok(());
    }
    let mut insert = Query::insert();
    insert.into_table("user_word").columns(["word", "user_id"]);
    for word in words {
        insert.values_panic([word.into(), id.as_str().into()]);
    }
    insert.on_conflict(OnConflict::new().do_nothing().to_owned());
    transaction.execute(&insert).await?;
    Ok(())
}
