//! Rows: the connection and clients.

use super::prelude::*;

pub(super) const ROWS: &[Row] = &[
    row("auth", Group::Connection, "1.0.0", -2)
        .flags(&[
            NOSCRIPT, LOADING, STALE, FAST, NO_AUTH, ALLOW_BUSY, SENTINEL,
        ])
        .docs(
            "Log in with a password, or a user name and password.",
            "O(N) for N passwords of the user",
        )
        .syntax("[username] password")
        .secrets(super::super::connection::auth_secrets)
        .runs(Route::Home, Home(super::super::connection::auth)),
    row("client", Group::Connection, "2.4.0", -2)
        .flags(&[SENTINEL])
        .docs(
            "Commands about client connections.",
            "Depends on the subcommand",
        )
        .runs(Route::Home, Container)
        .subcommands(&[
            row("client|caching", Group::Connection, "6.0.0", 3)
                .flags(&[NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs(
                    "Choose whether the next command's keys are tracked.",
                    "O(1)",
                )
                .syntax("<YES|NO>")
                .runs(Route::Home, Home(super::super::tracking::caching)),
            row("client|capa", Group::Connection, "8.0.0", -3)
                .flags(&[NOSCRIPT, LOADING, STALE])
                .newer(Project::Valkey)
                .docs("Announce what the client is able to handle.", "O(1)")
                .syntax("capability [capability ...]")
                .runs(Route::Home, Home(super::super::client::capa)),
            row("client|getname", Group::Connection, "2.6.9", 2)
                .flags(&[NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs("Tell the name given to this connection.", "O(1)")
                .runs(Route::Home, Home(super::super::client::getname)),
            row("client|getredir", Group::Connection, "6.0.0", 2)
                .flags(&[NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs(
                    "Tell which client gets this connection's invalidation messages.",
                    "O(1)",
                )
                .runs(Route::Home, Home(super::super::tracking::getredir)),
            row("client|help", Group::Connection, "5.0.0", 2)
                .flags(&[LOADING, STALE, SENTINEL])
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(super::super::client::help)),
            row("client|id", Group::Connection, "5.0.0", 2)
                .flags(&[NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs("Tell the number of this connection.", "O(1)")
                .runs(Route::Home, Home(super::super::client::id)),
            row("client|import-source", Group::Connection, "8.1.0", 3)
                .flags(&[NOSCRIPT, LOADING, STALE])
                .newer(Project::Valkey)
                .docs("Mark this connection as one that imports data.", "O(1)")
                .syntax("<ON|OFF>")
                .runs(Route::Home, Home(super::super::client::import_source)),
            row("client|info", Group::Connection, "6.2.0", 2)
                .flags(&[NOSCRIPT, LOADING, STALE, SENTINEL])
                .tips(&["nondeterministic_output"])
                .docs("Describe this connection.", "O(1)")
                .runs(Route::Home, Home(super::super::client::info)),
            row("client|kill", Group::Connection, "2.4.0", -3)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs("Close connections that match.", "O(N) for N connections")
                .syntax(
                    "<ip:port|<[ID client-id]|[TYPE \
                     <NORMAL|MASTER|SLAVE|REPLICA|PUBSUB>]|[USER username]|[ADDR \
                     ip:port]|[LADDR ip:port]|[SKIPME <YES|NO>]> [<[ID client-id]|[TYPE \
                     <NORMAL|MASTER|SLAVE|REPLICA|PUBSUB>]|[USER username]|[ADDR \
                     ip:port]|[LADDR ip:port]|[SKIPME <YES|NO>]> ...]>",
                )
                .runs(Route::Home, Home(super::super::client::kill)),
            row("client|list", Group::Connection, "2.4.0", -2)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .tips(&["nondeterministic_output"])
                .docs(
                    "Describe all connections, or those that match.",
                    "O(N) for N connections",
                )
                .syntax("[TYPE <NORMAL|MASTER|REPLICA|PUBSUB>] [ID client-id [client-id ...]]")
                .runs(Route::Home, Home(super::super::client::list)),
            row("client|no-evict", Group::Connection, "7.0.0", 3)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs(
                    "Spare this connection when clients use too much memory.",
                    "O(1)",
                )
                .syntax("<ON|OFF>")
                .runs(Route::Home, Home(super::super::client::no_evict)),
            row("client|no-touch", Group::Connection, "7.2.0", 3)
                .flags(&[NOSCRIPT, LOADING, STALE])
                .docs(
                    "Keep this connection's reads from refreshing key usage data.",
                    "O(1)",
                )
                .syntax("<ON|OFF>")
                .runs(Route::Home, Home(super::super::client::no_touch)),
            row("client|pause", Group::Connection, "3.0.0", -3)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs("Hold up the commands of all clients for a while.", "O(1)")
                .syntax("timeout:integer [WRITE|ALL]")
                .runs(Route::Home, Home(super::super::client::pause)),
            row("client|reply", Group::Connection, "3.2.0", 3)
                .flags(&[NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs("Switch the replies on this connection on or off.", "O(1)")
                .syntax("<ON|OFF|SKIP>")
                .runs(Route::Home, Home(super::super::client::reply)),
            row("client|setinfo", Group::Connection, "7.2.0", 4)
                .flags(&[NOSCRIPT, LOADING, STALE, SENTINEL])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .docs(
                    "Tell the server which library and version the client uses.",
                    "O(1)",
                )
                .syntax("<LIB-NAME libname|LIB-VER libver>")
                .runs(Route::Home, Home(super::super::client::setinfo)),
            row("client|setname", Group::Connection, "2.6.9", 3)
                .flags(&[NOSCRIPT, LOADING, STALE, SENTINEL])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .docs("Name this connection.", "O(1)")
                .syntax("connection-name")
                .runs(Route::Home, Home(super::super::client::setname)),
            row("client|tracking", Group::Connection, "6.0.0", -3)
                .flags(&[AFTER_REPLIES, NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs(
                    "Ask to be told when keys that were read change.",
                    "O(1), O(N) for N prefixes",
                )
                .syntax(
                    "<ON|OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] \
                     [OPTIN] [OPTOUT] [NOLOOP]",
                )
                .runs(Route::Home, Home(super::super::tracking::tracking)),
            row("client|trackinginfo", Group::Connection, "6.2.0", 2)
                .flags(&[NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs("Show how tracking is set for this connection.", "O(1)")
                .runs(Route::Home, Home(super::super::tracking::trackinginfo)),
            row("client|unblock", Group::Connection, "5.0.0", -3)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs(
                    "Wake a client that waits in a blocking command.",
                    "O(log N) for N connections",
                )
                .syntax("client-id [TIMEOUT|ERROR]")
                .runs(Route::Home, Home(super::super::client::unblock)),
            row("client|unpause", Group::Connection, "6.2.0", 2)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs("End CLIENT PAUSE.", "O(N) for N paused clients")
                .runs(Route::Home, Home(super::super::client::unpause)),
        ]),
    row("echo", Group::Connection, "1.0.0", 2)
        .flags(&[LOADING, STALE, FAST])
        .docs("Send the argument back.", "O(1)")
        .syntax("message")
        .runs(Route::Home, Home(super::super::connection::echo))
        .answers(super::super::connection::answer_echo),
    row("hello", Group::Connection, "6.0.0", -1)
        .flags(&[
            NOSCRIPT, LOADING, STALE, FAST, NO_AUTH, ALLOW_BUSY, SENTINEL,
        ])
        .docs(
            "Greet the server: choose the protocol, log in, get its description.",
            "O(1)",
        )
        .syntax("[protover [AUTH username password] [SETNAME clientname]]")
        .secrets(super::super::connection::hello_secrets)
        .runs(Route::Home, Home(super::super::connection::hello)),
    row("ping", Group::Connection, "1.0.0", -1)
        .flags(&[WHILE_SUBSCRIBED, FAST, SENTINEL])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .docs("Check that the server answers.", "O(1)")
        .syntax("[message]")
        .runs(Route::Home, Home(super::super::connection::ping))
        .answers(super::super::connection::answer_ping),
    row("quit", Group::Connection, "1.0.0", -1)
        .flags(&[
            WHILE_SUBSCRIBED,
            NOSCRIPT,
            LOADING,
            STALE,
            FAST,
            NO_AUTH,
            ALLOW_BUSY,
            RUNS_IN_MULTI,
        ])
        .deprecated("7.2.0", "closing the connection")
        .docs("Have the server close the connection.", "O(1)")
        .runs(Route::Home, Home(super::super::connection::quit)),
    row("reset", Group::Connection, "6.2.0", 1)
        .flags(&[
            WHILE_SUBSCRIBED,
            NOSCRIPT,
            LOADING,
            STALE,
            FAST,
            NO_AUTH,
            ALLOW_BUSY,
            RUNS_IN_MULTI,
        ])
        .docs("Put the connection back into its initial state.", "O(1)")
        .runs(Route::Home, Home(super::super::connection::reset)),
    row("select", Group::Connection, "1.0.0", 2)
        .flags(&[LOADING, STALE, FAST])
        .docs("Choose the database for this connection.", "O(1)")
        .syntax("index")
        .runs(Route::Home, Home(super::super::connection::select)),
];
