//! Rooms: the columns older designs look into, and ours. The column `users` is left to its default.

use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "room")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub name: String,
    pub created_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub join_code: String,
    pub require_access_before_joining: bool,
    pub owner_id: Option<String>,
    pub is_public: bool,
    pub max_participants: Option<i32>,
    pub control: String,
    pub wait: String,
    pub life_kind: String,
    pub idle_ttl_seconds: Option<i64>,
    pub expires_at: Option<DateTimeUtc>,
    pub last_active_at: DateTimeUtc,
    pub fence: i64,
    pub owner_node: Option<String>,
    pub entry: String,
    pub has_password: bool,
    pub password_hash: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
