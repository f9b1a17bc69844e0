//! Rows: the server.

use super::prelude::*;

pub(super) const ROWS: &[Row] = &[
    row("acl", Group::Server, "6.0.0", -2)
        .flags(&[SENTINEL])
        .docs(
            "Commands about users and their rights.",
            "Depends on the subcommand",
        )
        .runs(Route::Home, Container)
        .subcommands(&[
            row("acl|cat", Group::Server, "6.0.0", -2)
                .flags(&[NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs(
                    "List command categories, or the commands of one.",
                    "O(N) for N categories or commands",
                )
                .syntax("[category]")
                .runs(Route::Home, Home(super::super::acl::commands::cat)),
            row("acl|deluser", Group::Server, "6.0.0", -3)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .docs(
                    "Delete users and close their connections.",
                    "O(N) for N connections",
                )
                .syntax("username [username ...]")
                .runs(Route::Home, Home(super::super::acl::commands::deluser)),
            row("acl|dryrun", Group::Server, "7.0.0", -4)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs(
                    "Tell whether a user might run a command, without running it.",
                    "O(1)",
                )
                .syntax("username command [arg [arg ...]]")
                .runs(Route::Home, Home(super::super::acl::commands::dryrun)),
            row("acl|genpass", Group::Server, "6.0.0", -2)
                .flags(&[NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs("Make up a strong password.", "O(1)")
                .syntax("[bits]")
                .runs(Route::Home, Home(super::super::acl::commands::genpass)),
            row("acl|getuser", Group::Server, "6.0.0", 3)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs("Show the rules of a user.", "O(N) for N rules")
                .syntax("username")
                .runs(Route::Home, Home(super::super::acl::commands::getuser)),
            row("acl|help", Group::Server, "6.0.0", 2)
                .flags(&[LOADING, STALE, SENTINEL])
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(super::super::acl::commands::help)),
            row("acl|list", Group::Server, "6.0.0", 2)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs(
                    "Print all users as lines of an ACL file.",
                    "O(N) for N users",
                )
                .runs(Route::Home, Home(super::super::acl::commands::list)),
            row("acl|load", Group::Server, "6.0.0", 2)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs(
                    "Read the users from the ACL file again.",
                    "O(N) for N users",
                )
                .runs(Route::Home, Home(super::super::acl::commands::load)),
            row("acl|log", Group::Server, "6.0.0", -2)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs(
                    "Show, or clear, the record of refused commands and logins.",
                    "O(N) for N entries shown",
                )
                .syntax("[count|RESET]")
                .runs(Route::Home, Home(super::super::acl::commands::log)),
            row("acl|save", Group::Server, "6.0.0", 2)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .docs("Write the users to the ACL file.", "O(N) for N users")
                .runs(Route::Home, Home(super::super::acl::commands::save)),
            row("acl|setuser", Group::Server, "6.0.0", -3)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .docs("Create a user or change its rules.", "O(N) for N rules")
                .syntax("username [rule [rule ...]]")
                .secrets(super::super::acl::commands::setuser_secrets)
                .runs(Route::Home, Home(super::super::acl::commands::setuser)),
            row("acl|users", Group::Server, "6.0.0", 2)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs("List the names of all users.", "O(N) for N users")
                .runs(Route::Home, Home(super::super::acl::commands::users)),
            row("acl|whoami", Group::Server, "6.0.0", 2)
                .flags(&[NOSCRIPT, LOADING, STALE, SENTINEL])
                .docs("Tell the user of this connection.", "O(1)")
                .runs(Route::Home, Home(super::super::acl::commands::whoami)),
        ]),
    row("backup", Group::Server, "8.10.0", 2)
        .newer(Project::Redis)
        .docs(
            "Commands that make an online backup.",
            "Depends on the subcommand",
        )
        .runs(Route::Home, Container)
        .subcommands(&[
            row("backup|abort", Group::Server, "8.10.0", 2)
                .flags(&[ADMIN, NOSCRIPT])
                .newer(Project::Redis)
                .docs("Give up the running backup.", "O(1)")
                .runs(Route::Home, NotBuilt),
            row("backup|cleanup", Group::Server, "8.10.0", 2)
                .flags(&[ADMIN, NOSCRIPT])
                .newer(Project::Redis)
                .docs("Remove what finished backups left.", "O(N) for N backups")
                .runs(Route::Home, NotBuilt),
            row("backup|help", Group::Server, "8.10.0", 2)
                .flags(&[LOADING, STALE])
                .newer(Project::Redis)
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, NotBuilt),
            row("backup|list", Group::Server, "8.10.0", 2)
                .flags(&[ADMIN, STALE])
                .newer(Project::Redis)
                .docs("Show the backups there are.", "O(N) for N backups")
                .runs(Route::Home, NotBuilt),
            row("backup|seal", Group::Server, "8.10.0", 2)
                .flags(&[ADMIN, NOSCRIPT])
                .newer(Project::Redis)
                .docs("Finish a backup so that it may be copied.", "O(1)")
                .runs(Route::Home, NotBuilt),
            row("backup|start", Group::Server, "8.10.0", 2)
                .flags(&[ADMIN, NOSCRIPT])
                .newer(Project::Redis)
                .docs("Begin a backup.", "O(1)")
                .runs(Route::Home, NotBuilt),
            row("backup|status", Group::Server, "8.10.0", 2)
                .flags(&[ADMIN, STALE])
                .newer(Project::Redis)
                .docs("Show how the current backup gets on.", "O(1)")
                .runs(Route::Home, NotBuilt),
        ]),
    row("bgrewriteaof", Group::Server, "1.0.0", 1)
        .flags(&[ADMIN, NOSCRIPT, NO_ASYNC_LOADING])
        .docs(
            "Rewrite the append-only files in the background.",
            "O(1) to start",
        )
        .runs(Route::Home, Home(crate::command::persistence::bgrewriteaof)),
    row("bgsave", Group::Server, "1.0.0", -1)
        .flags(&[ADMIN, NOSCRIPT, NO_ASYNC_LOADING])
        .docs("Write a snapshot in the background.", "O(1) to start")
        .syntax("[SCHEDULE]")
        .runs(Route::Home, Home(super::super::persistence::bgsave)),
    row("command", Group::Server, "2.8.13", -1)
        .flags(&[LOADING, STALE, SENTINEL])
        .acl(&[category::CONNECTION])
        .tips(&["nondeterministic_output_order"])
        .docs("Describe all commands.", "O(N) for N commands")
        .runs(Route::Home, Home(super::super::commands::command))
        .subcommands(&[
            row("command|count", Group::Server, "2.8.13", 2)
                .flags(&[LOADING, STALE, SENTINEL])
                .acl(&[category::CONNECTION])
                .docs("Count the commands of this server.", "O(1)")
                .runs(Route::Home, Home(super::super::commands::count)),
            row("command|docs", Group::Server, "7.0.0", -2)
                .flags(&[LOADING, STALE, SENTINEL])
                .acl(&[category::CONNECTION])
                .tips(&["nondeterministic_output_order"])
                .docs(
                    "Print the documentation of commands.",
                    "O(N) for N commands asked for",
                )
                .syntax("[command-name [command-name ...]]")
                .runs(Route::Home, Home(super::super::commands::docs)),
            row("command|getkeys", Group::Server, "2.8.13", -3)
                .flags(&[LOADING, STALE, SENTINEL])
                .acl(&[category::CONNECTION])
                .docs("Find the keys in a full command.", "O(N) for N arguments")
                .syntax("command [arg [arg ...]]")
                .runs(Route::Home, Home(super::super::commands::getkeys)),
            row("command|getkeysandflags", Group::Server, "7.0.0", -3)
                .flags(&[LOADING, STALE, SENTINEL])
                .acl(&[category::CONNECTION])
                .docs(
                    "Find the keys in a full command, and how each is used.",
                    "O(N) for N arguments",
                )
                .syntax("command [arg [arg ...]]")
                .runs(Route::Home, Home(super::super::commands::getkeysandflags)),
            row("command|help", Group::Server, "5.0.0", 2)
                .flags(&[LOADING, STALE, SENTINEL])
                .acl(&[category::CONNECTION])
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(super::super::commands::help)),
            row("command|info", Group::Server, "2.8.13", -2)
                .flags(&[LOADING, STALE, SENTINEL])
                .acl(&[category::CONNECTION])
                .tips(&["nondeterministic_output_order"])
                .docs(
                    "Describe some commands, or all.",
                    "O(N) for N commands asked for",
                )
                .syntax("[command-name [command-name ...]]")
                .runs(Route::Home, Home(super::super::commands::info)),
            row("command|list", Group::Server, "7.0.0", -2)
                .flags(&[LOADING, STALE, SENTINEL])
                .acl(&[category::CONNECTION])
                .tips(&["nondeterministic_output_order"])
                .docs(
                    "List the names of all commands, or of some.",
                    "O(N) for N commands",
                )
                .syntax("[FILTERBY <MODULE module-name|ACLCAT category|PATTERN pattern>]")
                .runs(Route::Home, Home(super::super::commands::list)),
        ]),
    row("commandlog", Group::Server, "8.1.0", -2)
        .newer(Project::Valkey)
        .docs(
            "Commands about the record of remarkable commands.",
            "Depends on the subcommand",
        )
        .runs(Route::Home, Container)
        .subcommands(&[
            row("commandlog|get", Group::Server, "8.1.0", 4)
                .flags(&[ADMIN, LOADING, STALE])
                .tips(&["nondeterministic_output", "request_policy:all_nodes"])
                .newer(Project::Valkey)
                .docs(
                    "Show recent entries of one of the logs.",
                    "O(N) for N entries",
                )
                .syntax("count <slow|large-request|large-reply>")
                .runs(Route::Home, Home(super::super::server::commandlog::get)),
            row("commandlog|help", Group::Server, "8.1.0", 2)
                .flags(&[LOADING, STALE])
                .newer(Project::Valkey)
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(super::super::server::commandlog::help)),
            row("commandlog|len", Group::Server, "8.1.0", 3)
                .flags(&[ADMIN, LOADING, STALE])
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:agg_sum",
                ])
                .newer(Project::Valkey)
                .docs("Count the entries of one of the logs.", "O(1)")
                .syntax("<slow|large-request|large-reply>")
                .runs(Route::Home, Home(super::super::server::commandlog::len)),
            row("commandlog|reset", Group::Server, "8.1.0", 3)
                .flags(&[ADMIN, LOADING, STALE])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .newer(Project::Valkey)
                .docs("Clear one of the logs.", "O(N) for N entries")
                .syntax("<slow|large-request|large-reply>")
                .runs(Route::Home, Home(super::super::server::commandlog::reset)),
        ]),
    row("config", Group::Server, "2.0.0", -2)
        .docs("Commands about settings.", "Depends on the subcommand")
        .runs(Route::Home, Container)
        .subcommands(&[
            row("config|get", Group::Server, "2.0.0", -3)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE])
                .docs(
                    "Read settings whose names fit patterns.",
                    "O(N) for N settings",
                )
                .syntax("parameter [parameter ...]")
                .runs(Route::Home, Home(super::super::server::config::get)),
            row("config|help", Group::Server, "5.0.0", 2)
                .flags(&[LOADING, STALE])
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(super::super::server::config::help)),
            row("config|resetstat", Group::Server, "2.0.0", 2)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .docs("Set the counters of INFO back to zero.", "O(1)")
                .runs(Route::Home, Home(super::super::server::config::resetstat)),
            row("config|rewrite", Group::Server, "2.8.0", 2)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .docs(
                    "Write the current settings into the configuration file.",
                    "O(N) for N settings",
                )
                .runs(Route::Home, Home(super::super::server::config::rewrite)),
            row("config|set", Group::Server, "2.0.0", -4)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .docs(
                    "Change settings while the server runs.",
                    "O(N) for N settings",
                )
                .syntax("parameter value [parameter value ...]")
                .secrets(super::super::server::config::set_secrets)
                .runs(Route::Home, Home(super::super::server::config::set)),
        ]),
    row("dbsize", Group::Server, "1.0.0", 1)
        .flags(&[READONLY, FAST])
        .acl(&[category::KEYSPACE])
        .tips(&["request_policy:all_shards", "response_policy:agg_sum"])
        .docs("Count the keys of the database.", "O(1)")
        .runs(
            Route::All(Sum),
            Store(crate::command::generic::databases::dbsize),
        ),
    row("debug", Group::Server, "1.0.0", -2)
        .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, PROTECTED, SYSCMD])
        .docs(
            "Commands for testing the server.",
            "Depends on the subcommand",
        )
        .runs(Route::Home, Home(super::super::server::debug::debug)),
    row("failover", Group::Server, "6.2.0", -1)
        .flags(&[ADMIN, NOSCRIPT, STALE])
        .docs("Hand the role of master over to a replica.", "O(1)")
        .syntax("[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]")
        .runs(Route::Home, NotBuilt),
    row("flushall", Group::Server, "1.0.0", -1)
        .flags(&[WRITE, EMPTIES_ALL])
        .acl(&[category::KEYSPACE, category::DANGEROUS])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .docs("Delete every key of every database.", "O(N) for N keys")
        .syntax("[ASYNC|SYNC]")
        .runs(
            Route::All(FirstOk),
            Store(crate::command::generic::databases::flushall),
        ),
    row("flushdb", Group::Server, "1.0.0", -1)
        .flags(&[WRITE])
        .acl(&[category::KEYSPACE, category::DANGEROUS])
        .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
        .docs("Delete every key of the database.", "O(N) for N keys")
        .syntax("[ASYNC|SYNC]")
        .runs(
            Route::All(FirstOk),
            Store(crate::command::generic::databases::flushdb),
        ),
    row("hotkeys", Group::Server, "8.6.0", -2)
        .newer(Project::Redis)
        .docs(
            "Commands that find the most used keys.",
            "Depends on the subcommand",
        )
        .runs(Route::Home, Container)
        .subcommands(&[
            row("hotkeys|get", Group::Server, "8.6.0", 2)
                .flags(&[ADMIN, NOSCRIPT])
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:special",
                    "response_policy:special",
                ])
                .newer(Project::Redis)
                .docs(
                    "Show the most used keys found so far.",
                    "O(N) for N keys shown",
                )
                .runs(Route::Home, Home(super::super::server::hotkeys::get)),
            row("hotkeys|help", Group::Server, "8.6.1", 2)
                .flags(&[LOADING, STALE])
                .newer(Project::Redis)
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(super::super::server::hotkeys::help)),
            row("hotkeys|reset", Group::Server, "8.6.0", 2)
                .flags(&[ADMIN, NOSCRIPT])
                .tips(&["request_policy:special"])
                .newer(Project::Redis)
                .docs("Drop what was found.", "O(1)")
                .runs(Route::Home, Home(super::super::server::hotkeys::reset)),
            row("hotkeys|start", Group::Server, "8.6.0", -2)
                .flags(&[ADMIN, NOSCRIPT])
                .tips(&["request_policy:special"])
                .newer(Project::Redis)
                .docs("Begin to look for the most used keys.", "O(1)")
                .syntax(
                    "METRICS count [CPU] [NET] [COUNT k] [DURATION seconds] [SAMPLE ratio] \
                     [SLOTS count slot [slot ...]]",
                )
                .runs(Route::Home, Home(super::super::server::hotkeys::start)),
            row("hotkeys|stop", Group::Server, "8.6.0", 2)
                .flags(&[ADMIN, NOSCRIPT])
                .tips(&["request_policy:special"])
                .newer(Project::Redis)
                .docs("Stop looking for the most used keys.", "O(1)")
                .runs(Route::Home, Home(super::super::server::hotkeys::stop)),
        ]),
    row("info", Group::Server, "1.0.0", -1)
        .flags(&[LOADING, STALE, SENTINEL])
        .acl(&[category::DANGEROUS])
        .tips(&[
            "nondeterministic_output",
            "request_policy:all_shards",
            "response_policy:special",
        ])
        .docs("Report the state and figures of the server.", "O(1)")
        .syntax("[section [section ...]]")
        .runs(Route::Home, Home(super::super::server::info::info)),
    row("lastsave", Group::Server, "1.0.0", 1)
        .flags(&[LOADING, STALE, FAST])
        .acl(&[category::ADMIN, category::DANGEROUS])
        .tips(&["nondeterministic_output"])
        .docs("Tell the Unix time of the last good snapshot.", "O(1)")
        .runs(Route::Home, Home(super::super::server::lastsave)),
    row("latency", Group::Server, "2.8.13", -2)
        .docs(
            "Commands about recorded delays.",
            "Depends on the subcommand",
        )
        .runs(Route::Home, Container)
        .subcommands(&[
            row("latency|doctor", Group::Server, "2.8.13", 2)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE])
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .docs("Explain the recorded delays in words.", "O(N) for N events")
                .runs(Route::Home, Home(super::super::server::latency::doctor)),
            row("latency|graph", Group::Server, "2.8.13", 3)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE])
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .docs("Draw the delays of an event.", "O(1)")
                .syntax("event")
                .runs(Route::Home, Home(super::super::server::latency::graph)),
            row("latency|help", Group::Server, "2.8.13", 2)
                .flags(&[LOADING, STALE])
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(super::super::server::latency::help)),
            row("latency|histogram", Group::Server, "7.0.0", -2)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE])
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .docs(
                    "Show how the run times of commands are distributed.",
                    "O(N) for N commands",
                )
                .syntax("[command [command ...]]")
                .runs(Route::Home, Home(super::super::server::latency::histogram)),
            row("latency|history", Group::Server, "2.8.13", 3)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE])
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .docs("List the recorded delays of an event.", "O(1)")
                .syntax("event")
                .runs(Route::Home, Home(super::super::server::latency::history)),
            row("latency|latest", Group::Server, "2.8.13", 2)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE])
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_nodes",
                    "response_policy:special",
                ])
                .docs("List the last delay of each event.", "O(N) for N events")
                .runs(Route::Home, Home(super::super::server::latency::latest)),
            row("latency|reset", Group::Server, "2.8.13", -2)
                .flags(&[ADMIN, NOSCRIPT, LOADING, STALE])
                .tips(&["request_policy:all_nodes", "response_policy:agg_sum"])
                .docs(
                    "Forget the delays of events, or of all.",
                    "O(N) for N events",
                )
                .syntax("[event [event ...]]")
                .runs(Route::Home, Home(super::super::server::latency::reset)),
        ]),
    row("lolwut", Group::Server, "5.0.0", -1)
        .flags(&[READONLY, FAST])
        .docs("Paint something, and tell the version.", "O(1)")
        .syntax("[VERSION version]")
        .runs(Route::Home, Home(super::super::server::lolwut::lolwut)),
    row("memory", Group::Server, "4.0.0", -2)
        .docs("Commands about memory.", "Depends on the subcommand")
        .runs(Route::Home, Container)
        .subcommands(&[
            row("memory|doctor", Group::Server, "4.0.0", 2)
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_shards",
                    "response_policy:special",
                ])
                .docs("Judge the memory use in words.", "O(1)")
                .runs(Route::Home, Home(super::super::server::memory::doctor)),
            row("memory|help", Group::Server, "4.0.0", 2)
                .flags(&[LOADING, STALE])
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(super::super::server::memory::help)),
            row("memory|malloc-stats", Group::Server, "4.0.0", 2)
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_shards",
                    "response_policy:special",
                ])
                .docs("Print the allocator's own report.", "O(1)")
                .runs(
                    Route::Home,
                    Home(super::super::server::memory::malloc_stats),
                ),
            row("memory|purge", Group::Server, "4.0.0", 2)
                .tips(&["request_policy:all_shards", "response_policy:all_succeeded"])
                .docs("Have the allocator give unused memory back.", "O(1)")
                .runs(Route::Home, Home(super::super::server::memory::purge)),
            row("memory|stats", Group::Server, "4.0.0", 2)
                .tips(&[
                    "nondeterministic_output",
                    "request_policy:all_shards",
                    "response_policy:special",
                ])
                .docs("Report what memory is used for.", "O(1)")
                .runs(Route::Home, Home(super::super::server::memory::stats)),
            row("memory|usage", Group::Server, "4.0.0", -3)
                .flags(&[READONLY])
                .keys(&[at(2, &[RO])])
                .docs(
                    "Estimate the bytes that a key and its value take.",
                    "O(N) for N sampled elements",
                )
                .syntax("key [SAMPLES count]")
                .runs(Route::Keys, Store(super::super::server::memory::usage)),
        ]),
    row("module", Group::Server, "4.0.0", -2)
        .docs("Commands about modules.", "Depends on the subcommand")
        .runs(Route::Home, Container)
        .subcommands(&[
            row("module|help", Group::Server, "5.0.0", 2)
                .flags(&[LOADING, STALE])
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(super::super::server::module_help)),
            row("module|list", Group::Server, "4.0.0", 2)
                .flags(&[ADMIN, NOSCRIPT])
                .tips(&["nondeterministic_output_order"])
                .docs("List the loaded modules.", "O(N) for N modules")
                .runs(Route::Home, Home(super::super::server::module_list)),
            row("module|load", Group::Server, "4.0.0", -3)
                .flags(&[ADMIN, NOSCRIPT, NO_ASYNC_LOADING, PROTECTED])
                .docs("Load a module.", "O(1)")
                .syntax("path [arg [arg ...]]")
                .runs(Route::Home, NotBuilt),
            row("module|loadex", Group::Server, "7.0.0", -3)
                .flags(&[ADMIN, NOSCRIPT, NO_ASYNC_LOADING, PROTECTED])
                .docs("Load a module with settings and arguments.", "O(1)")
                .syntax("path [CONFIG name value [CONFIG name value ...]] [ARGS args [args ...]]")
                .runs(Route::Home, NotBuilt),
            row("module|unload", Group::Server, "4.0.0", 3)
                .flags(&[ADMIN, NOSCRIPT, NO_ASYNC_LOADING, PROTECTED])
                .docs("Unload a module.", "O(1)")
                .syntax("name")
                .runs(Route::Home, NotBuilt),
        ]),
    row("monitor", Group::Server, "1.0.0", 1)
        .flags(&[ADMIN, NOSCRIPT, LOADING, STALE])
        .docs(
            "Show every command that the server runs, as it happens.",
            "O(1) to start",
        )
        .runs(Route::Home, Home(super::super::client::monitor)),
    row("psync", Group::Server, "2.8.0", -3)
        .flags(&[ADMIN, NOSCRIPT, NO_ASYNC_LOADING, NO_MULTI])
        .docs(
            "Internal: ask a master for its changes, from an offset on if possible.",
            "O(1) to start",
        )
        .syntax("replicationid offset")
        .runs(Route::Home, NotBuilt),
    row("replconf", Group::Server, "3.0.0", -1)
        .flags(&[ADMIN, NOSCRIPT, LOADING, STALE, ALLOW_BUSY, SYSCMD])
        .docs(
            "Internal: talk between replica and master about the link.",
            "O(1)",
        )
        .runs(Route::Home, NotBuilt),
    row("replicaof", Group::Server, "5.0.0", 3)
        .flags(&[ADMIN, NOSCRIPT, STALE, NO_ASYNC_LOADING])
        .docs("Follow a master, or stop following.", "O(1)")
        .syntax("<host port|NO ONE>")
        .runs(Route::Home, NotBuilt),
    row("restore-asking", Group::Server, "3.0.0", -4)
        .flags(&[WRITE, DENYOOM, ASKING, SYSCMD])
        .acl(&[category::KEYSPACE, category::DANGEROUS])
        .keys(&[at(1, &[OW, UPDATE])])
        .docs(
            "Internal: RESTORE into a slot that is being imported.",
            "O(N) for N bytes, O(N log N) for sorted sets",
        )
        .syntax(
            "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ \
             frequency]",
        )
        .runs(Route::Keys, Store(crate::command::generic::dump::restore)),
    row("role", Group::Server, "2.8.12", 1)
        .flags(&[NOSCRIPT, LOADING, STALE, FAST, SENTINEL])
        .acl(&[category::ADMIN, category::DANGEROUS])
        .docs("Tell the replication role and its state.", "O(1)")
        .runs(Route::Home, Home(super::super::server::role)),
    row("save", Group::Server, "1.0.0", 1)
        .flags(&[ADMIN, NOSCRIPT, NO_ASYNC_LOADING, NO_MULTI])
        .docs(
            "Write a snapshot now, while nothing else runs.",
            "O(N) for N keys",
        )
        .runs(Route::Home, Home(super::super::persistence::save)),
    row("sflush", Group::Server, "8.0.0", -3)
        .flags(&[WRITE, EXPERIMENTAL])
        .acl(&[category::KEYSPACE, category::DANGEROUS])
        .newer(Project::Redis)
        .docs("Delete the keys of slot ranges.", "O(N) for N keys")
        .syntax("slot-start slot-last [slot-start slot-last ...] [ASYNC|SYNC]")
        .runs(Route::All(Concat), NotBuilt),
    row("shutdown", Group::Server, "1.0.0", -1)
        .flags(&[
            ADMIN, NOSCRIPT, LOADING, STALE, NO_MULTI, ALLOW_BUSY, SENTINEL,
        ])
        .docs(
            "Stop the server, saving if configured.",
            "O(N) for N keys when saving",
        )
        .syntax("[NOSAVE|SAVE] [NOW] [FORCE] [ABORT]")
        .runs(Route::Home, Home(super::super::server::shutdown)),
    row("slaveof", Group::Server, "1.0.0", 3)
        .flags(&[ADMIN, NOSCRIPT, STALE, NO_ASYNC_LOADING])
        .deprecated("5.0.0", "REPLICAOF")
        .docs("Old name of REPLICAOF.", "O(1)")
        .syntax("<host port|NO ONE>")
        .runs(Route::Home, NotBuilt),
    row("slowlog", Group::Server, "2.2.12", -2)
        .docs(
            "Commands about the record of slow commands.",
            "Depends on the subcommand",
        )
        .runs(Route::Home, Container)
        .subcommands(&[
            row("slowlog|get", Group::Server, "2.2.12", -2)
                .flags(&[ADMIN, LOADING, STALE])
                .tips(&["request_policy:all_nodes", "nondeterministic_output"])
                .docs("Show the recent slow commands.", "O(N) for N entries")
                .syntax("[count]")
                .runs(Route::Home, Home(super::super::server::slowlog::get)),
            row("slowlog|help", Group::Server, "6.2.0", 2)
                .flags(&[LOADING, STALE])
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(super::super::server::slowlog::help)),
            row("slowlog|len", Group::Server, "2.2.12", 2)
                .flags(&[ADMIN, LOADING, STALE])
                .tips(&[
                    "request_policy:all_nodes",
                    "response_policy:agg_sum",
                    "nondeterministic_output",
                ])
                .docs("Count the recorded slow commands.", "O(1)")
                .runs(Route::Home, Home(super::super::server::slowlog::len)),
            row("slowlog|reset", Group::Server, "2.2.12", 2)
                .flags(&[ADMIN, LOADING, STALE])
                .tips(&["request_policy:all_nodes", "response_policy:all_succeeded"])
                .docs("Clear the record of slow commands.", "O(N) for N entries")
                .runs(Route::Home, Home(super::super::server::slowlog::reset)),
        ]),
    row("swapdb", Group::Server, "4.0.0", 3)
        .flags(&[WRITE, FAST])
        .acl(&[category::KEYSPACE, category::DANGEROUS])
        .docs(
            "Exchange the contents of two databases.",
            "O(N) for N clients that watch or wait on their keys",
        )
        .syntax("index1 index2")
        .runs(
            Route::All(FirstOk),
            Store(crate::command::generic::databases::swapdb),
        ),
    row("sync", Group::Server, "1.0.0", 1)
        .flags(&[ADMIN, NOSCRIPT, NO_ASYNC_LOADING, NO_MULTI])
        .docs(
            "Internal: ask a master for everything, the old way.",
            "O(1) to start",
        )
        .runs(Route::Home, NotBuilt),
    row("time", Group::Server, "2.6.0", 1)
        .flags(&[LOADING, STALE, FAST])
        .tips(&["nondeterministic_output"])
        .docs(
            "Tell the server's clock, in seconds and microseconds.",
            "O(1)",
        )
        .runs(Route::Home, Home(super::super::server::time)),
    row("trimslots", Group::Server, "8.4.0", -5)
        .flags(&[WRITE])
        .acl(&[category::KEYSPACE, category::DANGEROUS])
        .newer(Project::Redis)
        .docs("Drop the keys of slots that moved away.", "O(N) for N keys")
        .syntax("RANGES numranges startslot endslot [startslot endslot ...]")
        .runs(Route::All(FirstOk), NotBuilt),
];
