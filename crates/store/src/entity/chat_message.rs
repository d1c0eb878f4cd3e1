//! What was said in rooms.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "chat_message")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub room_id: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub n: i64,
    pub user_id: String,
    pub display_name: String,
    pub text: String,
    pub sent_at: DateTimeUtc,
    pub client_id: Option<String>,
    pub reply_to: Option<String>,
    /// Who is spoken to, as a JSON array of ids; `NULL` for nobody.
    pub mentions: Option<String>,
    pub edited_at: Option<DateTimeUtc>,
    pub deleted_at: Option<DateTimeUtc>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
