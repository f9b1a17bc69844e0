//! Rows: scripts and functions.

use super::prelude::*;
use crate::command::scripting;

pub(super) const ROWS: &[Row] =
    &[
        row("eval", Group::Scripting, "2.6.0", -3)
            .flags(&[
                NOSCRIPT,
                STALE,
                SKIP_MONITOR,
                NO_MANDATORY_KEYS,
                MAY_REPLICATE,
            ])
            .keys(&[counted(2, 1, &[RW, ACCESS, UPDATE])
                .notes("what the script does with its keys is not known")])
            .docs("Run a Lua script.", "Depends on the script")
            .syntax("script numkeys [key [key ...]] [arg [arg ...]]")
            .runs(Route::Script, Store(scripting::eval)),
        row("evalsha", Group::Scripting, "2.6.0", -3)
            .flags(&[
                NOSCRIPT,
                STALE,
                SKIP_MONITOR,
                NO_MANDATORY_KEYS,
                MAY_REPLICATE,
            ])
            .keys(&[counted(2, 1, &[RW, ACCESS, UPDATE])
                .notes("what the script does with its keys is not known")])
            .docs(
                "Run a Lua script that the server already has, by its SHA-1.",
                "Depends on the script",
            )
            .syntax("sha1 numkeys [key [key ...]] [arg [arg ...]]")
            .runs(Route::Script, Store(scripting::evalsha)),
        row("evalsha_ro", Group::Scripting, "7.0.0", -3)
            .flags(&[READONLY, NOSCRIPT, STALE, SKIP_MONITOR, NO_MANDATORY_KEYS])
            .keys(&[counted(2, 1, &[RO, ACCESS])
                .notes("what the script does with its keys is not known")])
            .docs(
                "Run a read-only Lua script that the server already has, by its SHA-1.",
                "Depends on the script",
            )
            .syntax("sha1 numkeys [key [key ...]] [arg [arg ...]]")
            .runs(Route::Script, Store(scripting::evalsha_ro)),
        row("eval_ro", Group::Scripting, "7.0.0", -3)
            .flags(&[READONLY, NOSCRIPT, STALE, SKIP_MONITOR, NO_MANDATORY_KEYS])
            .keys(&[counted(2, 1, &[RO, ACCESS])
                .notes("what the script does with its keys is not known")])
            .docs("Run a read-only Lua script.", "Depends on the script")
            .syntax("script numkeys [key [key ...]] [arg [arg ...]]")
            .runs(Route::Script, Store(scripting::eval_ro)),
        row("fcall", Group::Scripting, "7.0.0", -3)
            .flags(&[
                NOSCRIPT,
                STALE,
                SKIP_MONITOR,
                NO_MANDATORY_KEYS,
                MAY_REPLICATE,
            ])
            .keys(&[counted(2, 1, &[RW, ACCESS, UPDATE])
                .notes("what the function does with its keys is not known")])
            .docs(
                "Call a function of a loaded library.",
                "Depends on the function",
            )
            .syntax("function numkeys [key [key ...]] [arg [arg ...]]")
            .runs(Route::Script, Store(scripting::fcall)),
        row("fcall_ro", Group::Scripting, "7.0.0", -3)
            .flags(&[READONLY, NOSCRIPT, STALE, SKIP_MONITOR, NO_MANDATORY_KEYS])
            .keys(&[counted(2, 1, &[RO, ACCESS])
                .notes("what the function does with its keys is not known")])
            .docs(
                "Call a read-only function of a loaded library.",
                "Depends on the function",
            )
            .syntax("function numkeys [key [key ...]] [arg [arg ...]]")
            .runs(Route::Script, Store(scripting::fcall_ro)),
        row("function", Group::Scripting, "7.0.0", -2)
            .docs(
                "Commands about function libraries.",
                "Depends on the subcommand",
            )
            .runs(Route::Home, Container)
            .subcommands(&[
                row("function|delete", Group::Scripting, "7.0.0", 3)
                    .flags(&[WRITE, NOSCRIPT])
                    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                    .docs("Remove a library with its functions.", "O(1)")
                    .syntax("library-name")
                    .runs(Route::Home, Home(scripting::function_delete)),
                row("function|dump", Group::Scripting, "7.0.0", 2)
                    .flags(&[NOSCRIPT])
                    .docs("Serialise all libraries.", "O(N) for N functions")
                    .runs(Route::Home, Home(scripting::function_dump)),
                row("function|flush", Group::Scripting, "7.0.0", -2)
                    .flags(&[WRITE, NOSCRIPT])
                    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                    .docs("Remove all libraries.", "O(N) for N functions")
                    .syntax("[ASYNC|SYNC]")
                    .runs(Route::Home, Home(scripting::function_flush)),
                row("function|help", Group::Scripting, "7.0.0", 2)
                    .flags(&[LOADING, STALE])
                    .docs("Explain the subcommands.", "O(1)")
                    .runs(Route::Home, Home(scripting::function_help)),
                row("function|kill", Group::Scripting, "7.0.0", 2)
                    .flags(&[NOSCRIPT, ALLOW_BUSY])
                    .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
                    .docs("Stop the function that is running.", "O(1)")
                    .runs(Route::Home, Home(scripting::function_kill)),
                row("function|list", Group::Scripting, "7.0.0", -2)
                    .flags(&[NOSCRIPT])
                    .tips(&["nondeterministic_output_order"])
                    .docs(
                        "Show libraries and their functions.",
                        "O(N) for N functions",
                    )
                    .syntax("[LIBRARYNAME library-name-pattern] [WITHCODE]")
                    .runs(Route::Home, Home(scripting::function_list)),
                row("function|load", Group::Scripting, "7.0.0", -3)
                    .flags(&[WRITE, DENYOOM, NOSCRIPT])
                    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                    .docs(
                        "Add a library of functions.",
                        "O(1), besides running its top-level code",
                    )
                    .syntax("[REPLACE] function-code")
                    .runs(Route::Home, Home(scripting::function_load)),
                row("function|restore", Group::Scripting, "7.0.0", -3)
                    .flags(&[WRITE, DENYOOM, NOSCRIPT])
                    .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                    .docs(
                        "Load libraries from what FUNCTION DUMP produced.",
                        "O(N) for N functions",
                    )
                    .syntax("serialized-value [FLUSH|APPEND|REPLACE]")
                    .runs(Route::Home, Home(scripting::function_restore)),
                row("function|stats", Group::Scripting, "7.0.0", 2)
                    .flags(&[NOSCRIPT, ALLOW_BUSY])
                    .tips(&[
                        "nondeterministic_output",
                        "request_policy:all_shards",
                        "response_policy:special",
                    ])
                    .docs("Show the running function and the engines.", "O(1)")
                    .runs(Route::Home, Home(scripting::function_stats)),
            ]),
        row("script", Group::Scripting, "2.6.0", -2)
            .docs("Commands about Lua scripts.", "Depends on the subcommand")
            .runs(Route::Home, Container)
            .subcommands(&[
                row("script|debug", Group::Scripting, "3.2.0", 3)
                    .flags(&[NOSCRIPT])
                    .docs(
                        "Choose how the next scripts of this connection are debugged.",
                        "O(1)",
                    )
                    .syntax("<YES|SYNC|NO>")
                    .runs(Route::Home, Home(scripting::script_debug)),
                row("script|exists", Group::Scripting, "2.6.0", -3)
                    .flags(&[NOSCRIPT])
                    .tips(&[
                        "request_policy:all_shards",
                        "response_policy:agg_logical_and",
                    ])
                    .docs("Check which scripts the server has.", "O(N) for N scripts")
                    .syntax("sha1 [sha1 ...]")
                    .runs(Route::Home, Home(scripting::script_exists)),
                row("script|flush", Group::Scripting, "2.6.0", -2)
                    .flags(&[NOSCRIPT])
                    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                    .docs("Forget all scripts.", "O(N) for N scripts")
                    .syntax("[ASYNC|SYNC]")
                    .runs(Route::Home, Home(scripting::script_flush)),
                row("script|help", Group::Scripting, "5.0.0", 2)
                    .flags(&[LOADING, STALE])
                    .docs("Explain the subcommands.", "O(1)")
                    .runs(Route::Home, Home(scripting::script_help)),
                row("script|kill", Group::Scripting, "2.6.0", 2)
                    .flags(&[NOSCRIPT, ALLOW_BUSY])
                    .tips(&["request_policy:all_shards", "response_policy:one_succeeded"])
                    .docs("Stop the script that is running.", "O(1)")
                    .runs(Route::Home, Home(scripting::script_kill)),
                row("script|load", Group::Scripting, "2.6.0", 3)
                    .flags(&[NOSCRIPT, STALE])
                    .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                    .docs("Keep a script for EVALSHA.", "O(N) for N bytes of script")
                    .syntax("script")
                    .runs(Route::Home, Home(scripting::script_load)),
                row("script|show", Group::Scripting, "8.0.0", 3)
                    .flags(&[NOSCRIPT])
                    .newer(Project::Valkey)
                    .docs("Print the source of a kept script.", "O(1)")
                    .syntax("sha1")
                    .runs(Route::Home, Home(scripting::script_show)),
            ]),
    ];
