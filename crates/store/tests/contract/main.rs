//! What the store promises, on SQLite and on PostgreSQL alike: every case runs on both.
//!
//! PostgreSQL is started from the installed binaries, one for each test; without them the tests
//! fail and say so.

#![allow(clippy::unwrap_used)]

mod amend;
mod bed;
mod direct;
mod direct_people;
mod direct_read;
mod group;
mod invitations;
mod keys;
mod live;
mod logins;
mod mail;
mod nodes;
mod once;
mod people;
mod presence;
mod rooms;
mod schema;
mod texts;

/// Runs each case once on each database.
macro_rules! on_both {
    ($($family:ident: $($case:ident),+ $(,)?;)*) => {
        mod sqlite {
            $(mod $family { $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$family::$case(&crate::bed::Bed::sqlite()).await;
                }
            )+ })*
        }
        mod postgres {
            $(mod $family { $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::$family::$case(&crate::bed::Bed::postgres()).await;
                }
            )+ })*
        }
    };
}

on_both! {
    people:
        an_account_is_found_by_id_name_and_address,
        what_somebody_said_is_read_in_pages_and_stays_without_a_name,
        accounts_are_listed_and_kept_out,
        somebody_always_runs_the_site,
        whom_others_vouch_for_is_kept_once_with_a_login_that_lives_on,
        names_and_addresses_are_taken_whatever_their_case,
        a_display_name_and_a_password_can_be_changed,
        a_guest_is_kept_once_and_stays_as_he_was,
        merging_a_guest_moves_what_he_did_and_forgets_him,
        nobody_but_a_guest_is_merged;
    invitations:
        an_invitation_is_good_for_one_person_and_for_a_time,
        of_many_who_follow_one_link_one_gets_in,
        a_withdrawn_invitation_is_good_for_nothing_and_its_mail_is_not_sent,
        nobody_is_invited_at_an_address_that_takes_no_mail,
        a_room_waits_for_whoever_is_invited,
        what_a_guest_was_invited_to_is_the_accounts_it_becomes;
    logins:
        a_login_is_found_by_id_and_by_cookie,
        of_many_rotations_at_once_one_wins,
        a_rotation_of_an_ended_login_finds_it_gone,
        a_login_slides_until_it_is_revoked,
        revoking_all_logins_spares_other_people,
        forgotten_logins_are_those_long_over,
        a_login_needs_its_person;
    mail:
        a_mail_is_leased_once_and_again_when_the_lease_is_over,
        of_many_who_lease_at_once_each_gets_other_mails,
        a_sent_mail_has_no_token_any_more_and_is_not_sent_again,
        a_deferred_mail_comes_back_at_its_time_and_a_failed_one_never,
        a_suppressed_address_gets_nothing_whatever_its_case,
        mail_and_token_are_written_together_or_not_at_all,
        mails_are_listed_by_pages_and_forgotten_when_they_are_old,
        somebody_who_leaves_takes_mails_and_tokens_along;
    once:
        a_reset_changes_the_password_and_ends_logins_and_other_tokens,
        of_many_who_use_a_token_at_once_one_succeeds,
        a_token_is_good_for_its_purpose_and_its_time,
        an_address_is_verified_once_and_only_while_it_is_the_accounts;
    keys:
        nodes_that_start_at_once_agree_on_one_key,
        a_newer_key_comes_first_and_a_retired_one_goes;
    nodes:
        a_node_that_was_buried_learns_it,
        a_room_is_not_taken_over_that_was_claimed_since_or_whose_node_is_back,
        a_room_belongs_to_one_living_node,
        the_room_of_a_dead_node_is_taken_and_its_writes_are_refused,
        of_many_claims_at_once_one_wins,
        a_released_or_retired_room_is_free,
        a_room_that_is_handed_over_is_the_heirs_alone,
        a_room_in_use_elsewhere_does_not_expire,
        who_was_present_at_a_dead_node_is_forgotten,
        the_clock_of_the_database_can_be_read;
    rooms:
        a_room_comes_back_as_it_was_made,
        a_join_code_is_unique_and_found_whatever_its_case,
        pages_of_rooms_meet_without_gap_or_overlap,
        only_public_and_own_rooms_are_visible,
        a_deleted_room_takes_everything_with_it,
        expiry_follows_what_is_set,
        downtime_does_not_end_rooms,
        taking_a_room_raises_its_fence;
    live:
        a_room_wakes_with_what_it_wrote,
        a_repeated_client_id_is_stored_once,
        a_lower_fence_writes_nothing,
        a_deleted_room_is_gone,
        a_used_message_number_refuses_the_whole_write,
        settings_reach_the_row,
        a_password_of_a_room_is_kept_replaced_and_taken_away,
        chat_is_paged_from_the_latest_backwards,
        everything_is_there_after_reopening;
    amend:
        an_edited_message_is_read_with_its_new_text,
        a_deleted_message_keeps_its_row_without_what_it_said,
        only_a_messages_author_changes_it_unless_anybody_may,
        changes_are_made_in_their_order_and_after_the_messages_they_come_with,
        what_is_repeated_or_missing_changes_nothing,
        a_lower_fence_changes_nothing,
        changes_of_many_rooms_share_a_transaction,
        what_was_deleted_is_not_handed_out_with_what_somebody_said;
    presence:
        who_comes_is_present_and_who_leaves_is_not,
        the_last_word_counts,
        coming_into_a_missing_room_is_passed_over,
        a_start_clears_presence;
    group:
        fifty_tasks_create_and_commit_at_once,
        a_bad_operation_fails_alone,
        more_than_one_statement_holds_is_written,
        a_caller_that_goes_away_hurts_nobody;
    direct:
        a_first_message_makes_each_the_others_contact,
        a_repeated_name_is_stored_once_and_answered_as_at_first,
        of_many_who_send_the_same_at_once_one_message_is_stored,
        many_pairs_at_once_are_all_stored_and_counted,
        nobody_writes_to_guests_strangers_of_the_site_or_oneself,
        across_a_block_nothing_is_written_and_nothing_seen,
        a_stranger_of_whoever_wants_to_be_asked_waits_for_an_answer,
        an_answer_accepts_a_request_and_so_does_adding,
        a_declined_stranger_writes_to_nobody_until_one_turns_to_them,
        contacts_are_added_named_listed_and_removed,
        a_conversation_is_paged_from_the_newest_and_back,
        what_one_deletes_the_other_keeps_until_both_did,
        who_leaves_takes_contacts_along_and_leaves_messages_without_a_name,
        texts_of_any_kind_come_back_as_they_went_in;
    direct_people:
        people_are_found_by_how_their_names_begin,
        ten_are_found_at_most,
        somebody_introduces_themselves_once,
        who_has_a_socket_on_any_node_is_online,
        who_was_online_at_a_dead_node_is_offline,
        coming_and_going_at_once_ends_as_the_rows_say;
    direct_read:
        all_of_ones_own_are_read_and_nobody_elses,
        more_than_one_statement_holds_are_read,
        the_count_is_right_whatever_happens_at_once;
    schema:
        the_verbatim_queries_run,
        migrating_twice_changes_nothing,
        nodes_may_migrate_at_once,
        a_newer_schema_is_refused,
        all_named_tables_have_their_columns;
    texts:
        every_text_comes_back_as_it_went_in,
        a_nul_becomes_a_replacement_character,
        texts_that_look_like_sql_are_only_texts;
}
