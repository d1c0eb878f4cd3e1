//! People: accounts, guests and external users alike.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "users")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub clerk_id: String,
    pub is_paralyzed: bool,
    pub status: String,
    pub created_at: DateTimeUtc,
    pub kind: String,
    pub username: Option<String>,
    pub username_folded: Option<String>,
    pub email: Option<String>,
    pub email_folded: Option<String>,
    pub password_hash: Option<String>,
    pub display_name: String,
    pub is_admin: bool,
    pub disabled_at: Option<DateTimeUtc>,
    pub email_verified_at: Option<DateTimeUtc>,
    pub language: Option<String>,
    pub preferences: Option<String>,
    pub is_searchable: bool,
    pub strangers_ask: bool,
    pub is_introduced: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
