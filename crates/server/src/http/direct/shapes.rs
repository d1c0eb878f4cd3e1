//! How rows of the store look to clients.

use parlor_protocol::ClerkId;
use parlor_protocol::direct::{
    BlockedPerson, Contact, Conversation, Correspondent, DirectMessage, DirectRequest,
    DirectSettings, Oneself, OnlineStatus,
};
use parlor_room::iso_8601;
use parlor_store::{
    BlockRow, ContactRow, ConversationRow, CorrespondentRow, DirectPerson, DirectRow, RequestRow,
};

fn status(is_online: bool) -> OnlineStatus {
    if is_online { OnlineStatus::Online } else { OnlineStatus::Offline }
}

pub fn oneself(own: &DirectPerson) -> Oneself {
    Oneself {
        clerk_id: own.clerk_id.clone(),
        is_paralyzed: own.is_paralyzed,
        status: status(own.is_online),
        created_at: iso_8601(own.created_at_ms),
    }
}

pub fn settings(own: &DirectPerson) -> DirectSettings {
    DirectSettings { strangers_ask: own.strangers_ask, is_searchable: own.is_searchable }
}

pub fn correspondent(row: CorrespondentRow) -> Correspondent {
    Correspondent {
        clerk_id: ClerkId::from(row.clerk_id),
        username: row.username,
        full_name: row.display_name,
        profile_image: None,
        is_paralyzed: row.is_paralyzed,
        status: status(row.is_online),
        created_at: iso_8601(row.created_at.timestamp_millis()),
    }
}

pub fn contact(row: ContactRow) -> Contact {
    Contact {
        id: row.id,
        contact_clerk_id: ClerkId::from(row.contact_clerk_id),
        contact_name: row.display_name,
        nickname: row.nickname,
        profile_image: None,
        last_message_preview: row.last_message_preview,
        last_message_at: row.last_message_at.map(|at| iso_8601(at.timestamp_millis())),
        unread_count: row.unread_count,
        status: status(row.is_online),
        is_paralyzed: row.is_paralyzed,
    }
}

pub fn conversation(row: ConversationRow) -> Conversation {
    Conversation {
        id: row.id,
        other_user_clerk_id: ClerkId::from(row.other_clerk_id),
        created_at: iso_8601(row.created_at.timestamp_millis()),
        last_message_at: row.last_message_at.map(|at| iso_8601(at.timestamp_millis())),
    }
}

pub fn message(own: &ClerkId, row: DirectRow) -> DirectMessage {
    DirectMessage {
        id: row.id,
        is_mine: row.from_clerk_id == own.as_str(),
        from_clerk_id: ClerkId::from(row.from_clerk_id),
        to_clerk_id: ClerkId::from(row.to_clerk_id),
        content: row.content,
        message_type: row.message_type,
        is_read: row.is_read,
        read_at: row.read_at.map(|at| iso_8601(at.timestamp_millis())),
        created_at: iso_8601(row.created_at.timestamp_millis()),
    }
}

pub fn request(row: RequestRow) -> DirectRequest {
    DirectRequest {
        id: row.id,
        from_user: correspondent(row.person),
        conversation_id: row.conversation_id,
        last_message_preview: row.last_message_preview,
        last_message_at: row.last_message_at.map(|at| iso_8601(at.timestamp_millis())),
        unread_count: row.unread_count,
    }
}

pub fn blocked(row: BlockRow) -> BlockedPerson {
    BlockedPerson {
        clerk_id: ClerkId::from(row.clerk_id),
        full_name: row.display_name,
        blocked_at: iso_8601(row.created_at.timestamp_millis()),
    }
}
