//! Guests that try to break out, wear down or deceive: for each limit, permission and credential
//! rule a test that breaks against it.
//!
//! | rule | who tries | test |
//! | --- | --- | --- |
//! | memory, summed over an instance's memories | endless `memory.grow`, two memories that add up | `limits::endless_allocation_ends_at_the_limit`, `limits::memory_is_summed_over_all_memories_of_an_instance` |
//! | the memory that a manifest asks for | more than it said | `limits::the_memory_that_a_manifest_asks_for_is_all_that_it_gets` |
//! | table elements | endless `table.grow` | `limits::tables_end_at_the_limit` |
//! | places in the pool, shared by all plugins | a component of a hundred memories, tables or instances | [`loading::one_component_does_not_take_the_places_of_all_others`] |
//! | stack | endless recursion | `limits::endless_recursion_is_a_trap` |
//! | own handles, handles of the host | resources without end | `limits::handles_are_bounded`, `wasi::handles_of_the_host_are_bounded` |
//! | processor time of a call | an endless loop, also in a start function | `limits::a_loop_is_stopped_and_its_neighbours_run_meanwhile`, [`loading::a_start_that_never_ends_is_a_failure`] |
//! | wall clock of a call | a host call that never returns: a sleep, a silent server, a silent database, a drip | `limits::a_call_that_takes_too_long_times_out_and_takes_the_instance_along`, [`waiting`] |
//! | wall clock between an answer's events | an answer that falls silent | `provider::an_answer_that_never_begins_or_falls_silent_times_out` |
//! | bytes that a call carries or returns | a log line of 128 KiB, a name of 128 KiB, a batch beyond its limit | `limits::what_a_call_carries_is_bounded`, `limits::what_a_call_returns_is_bounded`, `limits::a_batch_beyond_its_bytes_is_refused` |
//! | a batch adds up | more rows than values | `limits::a_batch_that_does_not_add_up_is_refused` |
//! | random bytes | one more than allowed | `wasi::random_bytes_are_bounded_per_call` |
//! | body and headers of a response | a body without end, headers of megabytes | `egress::a_body_beyond_the_limit_breaks_off`, `egress::response_headers_beyond_the_limit_are_refused` |
//! | instances and queue | one more than there is room for | `limits::a_full_queue_answers_overloaded`, `provider::no_more_answers_run_at_once_than_there_are_instances` |
//! | restarts | a plugin that traps always | `limits::who_traps_too_often_is_quarantined_for_that_owner_until_reset` |
//! | log lines: how many, how long | a flood, a line of 64 KiB | `limits::a_flood_of_log_lines_is_dropped_and_counted`, `limits::a_long_log_line_is_cut` |
//! | what people read is text | escape sequences, forged lines and turned text in log lines and errors | [`words::escapes_in_lines_and_errors_are_spelled_out`] |
//! | imports are declared | a component that imports more | `loading::all_undeclared_imports_are_listed` |
//! | WASI is inert | environment, folders, sockets, names | `wasi` |
//! | `http`: exactly the origins of the manifest | another origin, another port, user names in URLs | `egress::only_the_very_origin_may_be_asked`, `provider::another_origin_is_denied_to_the_plugin_and_shown_to_the_operator` |
//! | resolved addresses are vetted | a name that leads to a private address, to this machine, to the metadata service | [`requests::a_name_of_the_manifest_does_not_lead_inside`], [`requests::a_name_of_the_operator_leads_inside_but_never_to_the_metadata_service`], [`requests::a_name_of_a_data_source_never_leads_to_the_metadata_service`] |
//! | literal addresses are vetted | loopback, metadata, IPv4 inside IPv6 in every spelling | [`requests::no_spelling_of_an_address_leads_past_the_manifest`], `address` |
//! | redirects are not followed | a server that sends the plugin on | [`requests::a_redirect_is_handed_over_and_its_target_is_checked_anew`] |
//! | the host alone writes the credential | the header in any casing, and as a trailer | [`requests::an_injected_header_is_denied_in_any_casing`] |
//! | the credential stays with its origin | a changed address, plain HTTP | `provider::a_credential_does_not_follow_a_changed_address`, `egress::a_credential_is_not_sent_in_the_clear_to_another_machine` |
//! | echoes are scrubbed | a server that repeats the credential in headers and body | [`requests::an_echoed_credential_never_reaches_the_guest`], `egress::the_host_writes_the_credential_and_scrubs_its_echo` |
//! | echoes stay findable | a compressed answer, a part of one | [`requests::nothing_comes_back_in_a_form_in_which_an_echo_is_not_found`] |
//! | what is held open: how much | bodies that never end, and are kept | [`requests::no_more_is_held_open_than_is_allowed`] |
//! | `reveal`: only what was granted, only over TLS | a secret without a grant, before TLS | `net::a_secret_needs_a_grant_and_tls` |
//! | a revealed secret stays out of logs and errors | a connector that logs it and fails with it | [`words::a_revealed_password_leaves_in_no_line_and_no_error`] |
//! | `net`: exactly the source's servers | the metadata service as an operator's source | `net::not_even_an_operators_source_reaches_the_metadata_service` |
//! | `sqlite`: exactly the source's file | other files, links, the daemon's own directory, `ATTACH` | `sqlite::a_file_is_opened_only_where_it_was_granted`, `sqlite::statements_that_reach_beyond_the_database_are_refused` |
//! | an instance serves one owner | memory left behind for the next provider | [`requests::what_a_guest_remembers_of_one_provider_another_never_sees`] |
//! | grants | use before a grant and after it was taken back | `loading::a_stranger_waits_for_its_grant_and_a_denial_says_how_to_give_it` |
//! | sizes of a package | a component of 500 MB, a compressed bomb, a manifest of 500 MB, an asset of 500 MB | [`packages`], `package::a_bomb_is_not_unpacked` |
//! | a package is plain files | symbolic links, pipes, sockets | [`packages`] |
//! | what runs is what was read | a component that changes behind a hard link | [`packages::what_changed_behind_a_hard_link_is_not_run`] |
//! | a manifest is data | nesting without end, keys without end | [`packages::a_manifest_that_is_a_bomb_is_only_refused`] |
//! | work for the compiler | 150 000 functions, a function of megabytes, exploding types | [`loading::what_would_keep_the_compiler_busy_for_long_is_refused`] |
//! | the compiled-code cache | artifacts that were tampered with | `cache` |
//!
//! Tests named with a module in lower case are in that file of `tests/`, or in `src/<module>` where
//! it is one of the host's own.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests"
)]

#[path = "../support/mod.rs"]
mod support;

mod loading;
mod packages;
mod requests;
mod waiting;
mod words;

use labd_plugin_host::{
    PluginState,
    kinds::connector::{SourceAccess, Target},
};
use std::sync::Arc;
use support::{ID, TestHost};

/// Zeroes: `ok` of anything.
const OK: &str = "(i32.const 1024)";

/// `result<connection, error>` at 2048.
const OPEN: &str =
    "(i32.store offset=4 (i32.const 2048) (call $new (i32.const 1))) (i32.const 2048)";

/// What connectors of these tests import.
const CONNECTOR: &str = r#"
    (import "[export]labd:connector/connector@0.1.0" "[resource-new]connection"
      (func $new (param i32) (result i32)))
    (import "labd:host/log@0.1.0" "log" (func $log (param i32 i32 i32 i32 i32)))
    (import "labd:host/net@0.1.0" "connect" (func $connect (param i32 i32)))
    (import "labd:host/net@0.1.0" "[method]conn.read" (func $read (param i32 i32 i32)))
    (import "labd:host/net@0.1.0" "[method]conn.reveal" (func $reveal (param i32 i32 i32 i32)))
    (import "labd:host/net@0.1.0" "[method]secret.read" (func $secret (param i32 i32)))
    (memory (export "memory") 2)"#;

/// Why the plugin cannot be used.
fn failure(host: &TestHost) -> String {
    match host.host.inspect(ID).unwrap().0.state {
        PluginState::Failed(reason) => reason,
        other => panic!("it is {other:?}"),
    }
}

/// A data source with a server.
fn source(host: &str, port: u16) -> Arc<SourceAccess> {
    let mut access = Arc::unwrap_or_clone(support::source("s"));
    access.targets = vec![Target::Tcp {
        host: host.into(),
        port,
    }];
    access
        .secrets
        .insert("password".into(), "canary-73-pw".to_owned().into());
    Arc::new(access)
}
