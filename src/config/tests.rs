//! Tests of the room as a whole: start, CONFIG GET and SET, CONFIG REWRITE, and the table against the directives of
//! the servers we are compatible with.

mod compatible;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::*;
use crate::base::Rng;

#[derive(Default)]
struct FakeFiles {
    files: BTreeMap<PathBuf, Vec<u8>>,
    stdin: Vec<u8>,
}

impl Files for FakeFiles {
    fn read(&mut self, path: &Path) -> io::Result<Vec<u8>> {
        let missing = || io::Error::from_raw_os_error(2);
        self.files.get(path).cloned().ok_or_else(missing)
    }

    fn matching(&mut self, folder: &Path, pattern: &Path) -> Vec<PathBuf> {
        let pattern = folder.join(pattern);
        let pattern = pattern.as_os_str().as_encoded_bytes();
        let matches = |path: &&PathBuf| {
            crate::base::glob_match(pattern, path.as_os_str().as_encoded_bytes(), false)
        };
        self.files.keys().filter(matches).cloned().collect()
    }

    fn stdin(&mut self) -> io::Result<Vec<u8>> {
        Ok(std::mem::take(&mut self.stdin))
    }

    fn current_dir(&mut self) -> io::Result<PathBuf> {
        Ok("/cwd".into())
    }
}

fn files(files: &[(&str, &str)]) -> FakeFiles {
    let file = |(path, text): &(&str, &str)| (PathBuf::from(path), text.as_bytes().to_vec());
    FakeFiles {
        files: files.iter().map(file).collect(),
        stdin: Vec::new(),
    }
}

fn start(args: &[&str]) -> Loaded {
    match load(args, &mut FakeFiles::default()) {
        Ok(loaded) => loaded,
        Err(error) => panic!("{args:?}: {error}"),
    }
}

fn from_text(text: &str) -> Result<Loaded, ConfigError> {
    load(&["t.conf"], &mut files(&[("/cwd/t.conf", text)]))
}

/// `args` do not start; the message ends with `line` (number and text) and `reason`.
fn check_refused(args: &[&str], line: &str, reason: &str) {
    let error = load(args, &mut FakeFiles::default()).expect_err("refused");
    assert_eq!(
        error.to_string(),
        format!(
            "\n*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***\n\
             Reading the configuration file, at line 2\n>>> '{line}'\n{reason}\n"
        )
    );
}

fn get(config: &Config, name: &str) -> String {
    let reply = config_get(config, &[name.as_bytes()]);
    assert_eq!(reply.len(), 1, "{name}");
    String::from_utf8(reply[0].1.clone()).unwrap()
}

fn set(config: &Config, arguments: &str) -> Result<Changed, String> {
    let arguments: Vec<&[u8]> = arguments.split('|').map(str::as_bytes).collect();
    config_set(config, &arguments, SetContext::default())
        .map_err(|error| String::from_utf8(error.text()).unwrap())
}

#[test]
fn a_bare_start_is_protected() {
    let loaded = start(&[]);
    assert_eq!(loaded.config.bind, ["*", "-::*"]);
    assert_eq!(loaded.config.dir, "/cwd");
    assert_eq!(loaded.file, None);
    assert!(loaded.config.protected_mode);
}

#[test]
fn the_command_line_comes_after_the_file_and_stdin() {
    let mut files = files(&[("/cwd/sub/a.conf", "port 1\ntimeout 5\nmaxmemory 1mb")]);
    files.stdin = b"port 2\nmaxmemory 2mb".to_vec();
    let args = ["sub/a.conf", "--port", "3", "-"];
    let loaded = load(&args, &mut files).unwrap();
    assert_eq!(loaded.file, Some("/cwd/sub/a.conf".into()));
    assert_eq!(loaded.config.port, 3);
    assert_eq!(loaded.config.timeout, 5);
    assert_eq!(loaded.config.maxmemory, 2 << 20);
    for path in ["./x.conf", "../cwd/x.conf", "/cwd/x.conf", " x.conf "] {
        let mut files = self::files(&[("/cwd/x.conf", "port 9")]);
        let loaded = load(&[path], &mut files).unwrap();
        assert_eq!(loaded.file, Some("/cwd/x.conf".into()));
    }
}

#[test]
fn options_take_values_as_they_come() {
    let points = |args: &[&str]| get(&start(args).config, "save");
    assert_eq!(points(&["--save", "60", "1"]), "60 1");
    assert_eq!(points(&["--save", "60 1 30 2"]), "60 1 30 2");
    assert_eq!(
        points(&["--save", "60", "1", "--save", "30", "2"]),
        "60 1 30 2"
    );
    assert_eq!(points(&["--save", ""]), "");
    assert_eq!(points(&["--save"]), "");
    assert_eq!(points(&["--save", "--port", "1"]), "");
    assert_eq!(points(&["--save 60 1", "--port", "1"]), "60 1");
    assert_eq!(points(&["--port", "1"]), "3600 1 300 100 60 10000");
    let loaded = start(&[
        "--port 7000",
        "--requirepass",
        "--a\"b\\",
        "--bind",
        "1.1.1.1",
        "::1",
    ]);
    assert_eq!(loaded.config.port, 7000);
    assert_eq!(loaded.config.requirepass, b"--a\"b\\");
    assert_eq!(loaded.config.bind, ["1.1.1.1", "::1"]);
    assert_eq!(start(&["--bind", ""]).config.bind, Vec::<String>::new());
    let on = start(&["--shutdown-on-sigterm", "nosave force"]).config;
    assert_eq!(get(&on, "shutdown-on-sigterm"), "nosave force");
    assert_eq!(start(&["--hz", "9999", "--HZ", "0"]).config.hz, 1);
    let mut files = FakeFiles {
        stdin: b"port 4".to_vec(),
        ..FakeFiles::default()
    };
    assert_eq!(
        load(&["-", "--timeout", "1"], &mut files)
            .unwrap()
            .config
            .port,
        4
    );
}

#[test]
fn wrong_options_stop_the_start_and_say_why() {
    const DIRECTIVE: &str = "Bad directive or wrong number of arguments";
    const NUMBER: &str = "argument couldn't be parsed into an integer";
    for (args, line, reason) in [
        (
            &["--maxclients", "0"][..],
            "maxclients \"0\"",
            "argument must be between 1 and 4294967295 inclusive",
        ),
        (&["--port", "abc"], "port \"abc\"", NUMBER),
        (&["--port", "+1"], "port \"+1\"", NUMBER),
        (&["--port"], "port", "wrong number of arguments"),
        (
            &["--port", "1", "2"],
            "port \"1\" \"2\"",
            "wrong number of arguments",
        ),
        (
            &["--port", "--hz", "1"],
            "port \"--hz\" \"1\"",
            "wrong number of arguments",
        ),
        (&["--foo", "bar"], "foo \"bar\"", DIRECTIVE),
        (&["-port", "1"], "\"-port\" \"1\"", DIRECTIVE),
        (&["--", "1"], "\"1\"", DIRECTIVE),
        (
            &["--rename-command", "a"],
            "rename-command \"a\"",
            DIRECTIVE,
        ),
        (
            &["--port 'x"],
            "port 'x",
            "Unbalanced quotes in configuration line",
        ),
        (&["--save", "1"], "save \"1\"", "Invalid save parameters"),
        (
            &["--save", "0", "1"],
            "save \"0\" \"1\"",
            "Invalid save parameters",
        ),
        (
            &["--appendonly", "maybe"],
            "appendonly \"maybe\"",
            "argument must be 'yes' or 'no'",
        ),
        (
            &["--maxmemory-policy", "x"],
            "maxmemory-policy \"x\"",
            "argument(s) must be one of the following: volatile-lru, volatile-lfu, volatile-random, \
             volatile-ttl, allkeys-lru, allkeys-lfu, allkeys-random, noeviction",
        ),
        (
            &["--shutdown-on-sigint", "save", "nosave"],
            "shutdown-on-sigint \"save\" \"nosave\"",
            "shutdown options SAVE and NOSAVE can't be used simultaneously",
        ),
        (
            &["--unixsocketperm", "9"],
            "unixsocketperm \"9\"",
            "argument couldn't be parsed as an octal number",
        ),
        (
            &["--unixsocketperm", "1000"],
            "unixsocketperm \"1000\"",
            "argument must be between 0 and 777 inclusive",
        ),
        (
            &["--maxmemory", "1x"],
            "maxmemory \"1x\"",
            "argument must be a memory value",
        ),
        (
            &["--maxmemory-clients", "x"],
            "maxmemory-clients \"x\"",
            "argument must be a memory or percent value",
        ),
        (
            &["--maxmemory-clients", "101%"],
            "maxmemory-clients \"101%\"",
            "percentage argument must be less or equal to 100",
        ),
        (
            &["--client-output-buffer-limit", "normal", "1", "1"],
            "client-output-buffer-limit \"normal\" \"1\" \"1\"",
            "Wrong number of arguments in buffer limit configuration.",
        ),
        (
            &["--client-output-buffer-limit", "master 1 1 1"],
            "client-output-buffer-limit \"master 1 1 1\"",
            "Invalid client class specified in buffer limit configuration.",
        ),
        (
            &["--client-output-buffer-limit", "pubsub 1 1 -1"],
            "client-output-buffer-limit \"pubsub 1 1 -1\"",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.",
        ),
        (
            &["--oom-score-adj-values", "1", "2"],
            "oom-score-adj-values \"1\" \"2\"",
            "wrong number of arguments",
        ),
        (
            &["--oom-score-adj-values", "1 2 3000"],
            "oom-score-adj-values \"1 2 3000\"",
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.",
        ),
        (
            &["--bind", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"],
            "bind \"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\"",
            "Too many bind addresses specified.",
        ),
        (
            &["--notify-keyspace-events", "q"],
            "notify-keyspace-events \"q\"",
            "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.",
        ),
        (
            &["--latency-tracking-info-percentiles", "x"],
            "latency-tracking-info-percentiles \"x\"",
            "Invalid latency-tracking-info-percentiles parameters",
        ),
        (
            &["--latency-tracking-info-percentiles", "101"],
            "latency-tracking-info-percentiles \"101\"",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]",
        ),
        (
            &["--replicaof", "a"],
            "replicaof \"a\"",
            "wrong number of arguments",
        ),
        (
            &["--replicaof", "a", "b"],
            "replicaof \"a\" \"b\"",
            "Invalid master port",
        ),
        (
            &["--loadmodule", "x.so"],
            "loadmodule \"x.so\"",
            "Modules can't be loaded: this server has no module API",
        ),
        (
            &["--mod.x", "1"],
            "mod.x \"1\"",
            "Module config specified, but this server has no module API",
        ),
        (
            &["--sentinel", "monitor"],
            "sentinel \"monitor\"",
            "sentinel directive while not in sentinel mode",
        ),
        (
            &["--sentinel"],
            "sentinel",
            "this server can't run as a Sentinel",
        ),
        (
            &["--shards", "1025"],
            "shards \"1025\"",
            "argument must be between 0 and 1024 inclusive",
        ),
        (
            &["--shard-cpus", "3-1"],
            "shard-cpus \"3-1\"",
            "argument must be a list of CPUs, like 0-3,5",
        ),
        (
            &["--io-backend", "kqueue"],
            "io-backend \"kqueue\"",
            "argument(s) must be one of the following: auto, uring, epoll",
        ),
    ] {
        check_refused(args, line, reason);
    }
}

#[test]
fn a_file_s_errors_name_its_line() {
    let error = from_text("# one\n\n  port x \t\nfoo\n").err().unwrap();
    assert!(
        error.to_string().contains("at line 3\n>>> 'port x'\n"),
        "{error}"
    );
    let mut two = files(&[
        ("/cwd/a.conf", "port 1\n\ninclude /b.conf\n"),
        ("/b.conf", "\nhz x"),
    ]);
    let error = load(&["a.conf"], &mut two).err().unwrap();
    assert!(
        error.to_string().contains("at line 2\n>>> 'hz x'\n"),
        "{error}"
    );
    let error = load(&["none.conf"], &mut two).err().unwrap();
    assert_eq!(
        error.to_string(),
        "Fatal error, can't open config file '/cwd/none.conf': No such file or directory\n"
    );
    let error = from_text("cluster-enabled yes\nreplicaof h 1")
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "\n*** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***\nreplicaof directive not allowed in cluster mode\n"
    );
}

#[test]
fn what_the_server_refuses_names_the_line_too() {
    let loaded = from_text("dir /a\nrename-command x y\nuser u on").unwrap();
    let error = loaded
        .refuse("dir", "No such file or directory")
        .to_string();
    assert!(
        error.ends_with("at line 1\n>>> 'dir /a'\nNo such file or directory\n"),
        "{error}"
    );
    let error = ConfigError::at(&loaded.renames[0].line, "No such command in rename-command");
    assert!(
        error
            .to_string()
            .contains("at line 2\n>>> 'rename-command x y'\n")
    );
    let error = loaded
        .refuse("logfile", "Can't open the log file: x")
        .to_string();
    assert!(
        error.ends_with("***\nCan't open the log file: x\n"),
        "{error}"
    );
}

#[test]
fn renames_and_users_are_collected_in_order() {
    let loaded = from_text(
        "rename-command CONFIG \"\"\nuser alice on >x ~*\nRENAME-COMMAND get g\nuser bob\n\
         lua-replicate-commands yes\nlist-max-ziplist-value 3\n",
    )
    .unwrap();
    let renames: Vec<(&[u8], &[u8])> = loaded
        .renames
        .iter()
        .map(|rename| (&rename.from[..], &rename.to[..]))
        .collect();
    assert_eq!(renames, [(&b"CONFIG"[..], &b""[..]), (b"get", b"g")]);
    assert_eq!(loaded.users[0].words.join(&b' '), b"alice on >x ~*");
    assert_eq!(loaded.users[1].words, [b"bob".to_vec()]);
}

#[test]
fn includes_nest_match_patterns_and_end() {
    let mut files = files(&[
        (
            "/cwd/a.conf",
            "port 1\ninclude conf.d/*.conf\ninclude nothing*\ndir /x\ninclude c",
        ),
        ("/cwd/conf.d/1.conf", "port 2"),
        ("/cwd/conf.d/2.conf", "port 3\ntimeout 4"),
        ("/x/c", "hz 44"),
        ("/cwd/loop.conf", "include loop.conf\ninclude loop.conf\n"),
    ]);
    let config = load(&["a.conf"], &mut files).unwrap().config;
    assert_eq!((config.port, config.timeout, config.hz), (3, 4, 44));
    let error = load(&["loop.conf"], &mut files).err().unwrap();
    assert_eq!(error.reason(), "Too many nested include directives");
}

#[test]
fn get_lists_matches_once_and_hidden_ones_by_name_only() {
    let config = Config::default();
    let names = |patterns: &[&str]| -> Vec<String> {
        let patterns: Vec<&[u8]> = patterns.iter().map(|pattern| pattern.as_bytes()).collect();
        let reply = config_get(&config, &patterns);
        reply
            .into_iter()
            .map(|(name, _)| String::from_utf8(name).unwrap())
            .collect()
    };
    assert_eq!(names(&["maxmemory*", "MAXMEMORY"]).len(), 5);
    assert_eq!(names(&["MaxMemory", "maxmemory"]), ["MaxMemory"]);
    assert_eq!(names(&["key-load-dela?"]), Vec::<String>::new());
    assert_eq!(names(&["key-load-delay"]), ["key-load-delay"]);
    assert_eq!(
        names(&["*-read-only", "nothing", "por[t]"]),
        ["replica-read-only", "slave-read-only", "port"]
    );
    assert_eq!(
        get(&config, "client-output-buffer-limit"),
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60"
    );
    assert!(!names(&["*"]).contains(&"watchdog-period".to_owned()));
}

#[test]
fn set_is_all_or_nothing() {
    let config = Config::default();
    let changed = set(&config, "MAXMEMORY|2mb|save|1 2 3 4|timeout|0").unwrap();
    assert_eq!(changed.config.maxmemory, 2 << 20);
    assert_eq!(get(&changed.config, "save"), "1 2 3 4");
    let names: Vec<&str> = changed
        .settings
        .iter()
        .map(|setting| setting.name)
        .collect();
    assert_eq!(names, ["maxmemory", "save"], "timeout was 0 before");
    assert!(set(&config, "timeout|0").unwrap().settings.is_empty());
    assert_eq!(
        set(&config, "tls-cert-file|").unwrap().settings.len(),
        1,
        "volatile"
    );
    assert_eq!(set(&config, "hz|0").unwrap().config.hz, 1);
    let changed = set(&config, "slave-read-only|no|replica-read-only|yes").unwrap();
    assert!(
        changed.settings.is_empty(),
        "names differ, so the last one counts"
    );
    assert_eq!(get(&set(&config, "save|").unwrap().config, "save"), "");
    assert_eq!(
        get(&set(&config, "bind|a b").unwrap().config, "bind"),
        "a b"
    );
    assert!(
        set(&config, "client-output-buffer-limit|")
            .unwrap()
            .settings
            .is_empty()
    );
}

#[test]
fn refused_sets_say_which_argument_and_why() {
    let config = Config::default();
    let about = |name: &str, reason: &str| {
        format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
    };
    let unknown =
        |name: &str| format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'");
    for (arguments, text) in [
        ("port", "ERR syntax error".to_owned()),
        ("Foo|1", unknown("Foo")),
        ("port|x|foo|1|bar|2", unknown("foo")),
        (
            "Databases|1",
            about("Databases", "can't set immutable config"),
        ),
        (
            "databases|1|DIR|x|foo|1",
            about("databases", "can't set immutable config"),
        ),
        (
            "DIR|x|databases|1",
            about("DIR", "can't set protected config"),
        ),
        ("shards|7", about("shards", "can't set immutable config")),
        ("hz|1|hz|2|databases|3", about("hz", "duplicate parameter")),
        ("hz|1|HZ|2", about("HZ", "duplicate parameter")),
        (
            "hz|1|TIMEOUT|x",
            about("timeout", "argument couldn't be parsed into an integer"),
        ),
        (
            "lua-time-limit|-1",
            about(
                "lua-time-limit",
                "argument must be between 0 and 9223372036854775807 inclusive",
            ),
        ),
        (
            "activedefrag|yes",
            about(
                "activedefrag",
                "Active defragmentation cannot be enabled: it \
            requires a Redis server compiled with a modified Jemalloc like the one shipped by \
            default with the Redis source distribution",
            ),
        ),
        ("save|1", about("save", "Invalid save parameters")),
        (
            "shutdown-on-sigterm|",
            about(
                "shutdown-on-sigterm",
                "argument(s) must be one of the following: default, save, nosave, now, force",
            ),
        ),
    ] {
        assert_eq!(set(&config, arguments).err(), Some(text), "{arguments}");
    }
    let loading = SetContext {
        is_loading: true,
        is_local: true,
    };
    let pair: [&[u8]; 4] = [b"appendonly", b"yes", b"foo", b"1"];
    let error = config_set(&config, &pair, loading).err().unwrap();
    assert_eq!(error, ConfigSetError::Loading);
    let open = start(&["--enable-protected-configs", "local"]).config;
    let local = SetContext {
        is_local: true,
        is_loading: false,
    };
    assert_eq!(
        config_set(&open, &[b"dir", b"/x"], local)
            .unwrap()
            .config
            .dir,
        "/x"
    );
    assert!(config_set(&open, &[b"dir", b"/x"], SetContext::default()).is_err());
    let arguments: [&[u8]; 5] = [b"hz", b"1", b"MasterAuth", b"secret", b"x"];
    assert_eq!(sensitive_positions(&arguments).collect::<Vec<_>>(), [3]);
    assert!(!format!("{:?}", start(&["--requirepass", "geheim"]).config).contains("geheim"));
}

fn rewritten(old: &str, config: &Config) -> String {
    let new = rewrite(old.as_bytes(), config, None);
    assert_eq!(
        rewrite(&new, config, None),
        new,
        "a second time changes nothing"
    );
    String::from_utf8(new).unwrap()
}

#[test]
fn rewrite_keeps_what_the_author_wrote() {
    let mut config = from_text("slave-read-only no\nsave 1 2\nsave 3 4\ntimeout 5")
        .unwrap()
        .config;
    config.save = vec![SavePoint {
        seconds: 9,
        changes: 8,
    }];
    config.timeout = 0;
    config.maxmemory = 3 << 20;
    config.requirepass = b"a \xff\"b".to_vec();
    let old = "  # mine\n\n\nslave-read-only yes\nsave 1 2\nsave 3 4\ntimeout 5\nTimeout 6\n\
               include x\nunknown 1\nrename-command a b\nport \"\n# end";
    let new = rewritten(old, &config);
    assert_eq!(
        new,
        "# mine\n\nreplica-read-only no\nsave 9 8\n\ntimeout 0\n\ninclude x\n# ??? unknown 1\n\
         rename-command a b\n# ??? port \"\n# end\n# Generated by CONFIG REWRITE\n\
         dir \"/cwd\"\nrequirepass \"a \\xff\\\"b\"\nmaxmemory 3mb\n\
         latency-tracking-info-percentiles 50 99 99.9\n"
    );
    let again = load(
        &["t.conf"],
        &mut FakeFiles {
            files: [(
                "/cwd/t.conf".into(),
                new.replace("include x", "").into_bytes(),
            )]
            .into(),
            ..FakeFiles::default()
        },
    );
    assert!(
        again.unwrap().config == config,
        "it reads back as what was written"
    );
}

#[test]
fn rewrite_merges_lines_of_one_directive() {
    let mut config = Config::default();
    config.client_output_buffer_limit[2].soft_seconds = 7;
    let old = "client-output-buffer-limit pubsub 1 2 3\nsave 1 1\nsave 2 2\nsave 3 3\nsave 4 4";
    let new = rewritten(old, &config);
    assert!(
        new.starts_with(
            "client-output-buffer-limit pubsub 32mb 8mb 7\nsave 3600 1\nsave 300 100\nsave 60 10000\n\n\
         # Generated by CONFIG REWRITE\nlatency"
        ),
        "{new}"
    );
    config.save.clear();
    assert!(rewritten("", &config).contains("\nsave \"\"\n"));
    config.unixsocket.clear();
    assert!(!rewritten("unixsocket /x", &config).contains("unixsocket"));
    let users = [b"default on nopass ~* +@all".to_vec(), b"bob off".to_vec()];
    let text = |config: &Config| {
        let new = rewrite(b"user old\nuser x\nuser y\nhz 10", config, Some(&users));
        String::from_utf8(new).unwrap()
    };
    assert!(text(&config).starts_with("user default on nopass ~* +@all\nuser bob off\n\nhz 10\n"));
    config.aclfile = "users.acl".into();
    assert!(!text(&config).contains("user default"));
}

#[test]
fn a_value_never_becomes_a_line_of_its_own() {
    for value in [
        "1.1.1.1\nrename-command GET x",
        "a\"b",
        "'",
        "\\",
        "#",
        "a\tb",
        "a b\nc",
        "\u{b}",
    ] {
        let config = set(&start(&[]).config, &format!("bind|{value}"))
            .unwrap()
            .config;
        let text = rewrite(b"port 1\nbind x", &config, None);
        let loaded = from_text(str::from_utf8(&text).unwrap()).unwrap();
        assert!(loaded.renames.is_empty(), "{value:?}");
        assert_eq!(loaded.config.bind, config.bind, "{value:?}");
    }
    let config = start(&["--replicaof", "a b\nuser x", "1", "--bind", "\"a b\""]).config;
    let text = rewrite(b"", &config, None);
    let loaded = from_text(str::from_utf8(&text).unwrap()).unwrap();
    assert!(loaded.users.is_empty());
    assert!(loaded.config.replicaof == config.replicaof);
    assert_eq!(loaded.config.bind, ["a b"]);
    let config = set(
        &config,
        "latency-tracking-info-percentiles|0.00000012 99.999999999",
    )
    .unwrap()
    .config;
    let text = rewrite(b"", &config, None);
    let loaded = from_text(str::from_utf8(&text).unwrap()).unwrap();
    assert_eq!(
        loaded.config.latency_tracking_info_percentiles,
        [0.00000012, 99.999999999]
    );
}

#[test]
fn any_snapshot_reads_back_after_a_rewrite() {
    let mut rng = Rng::new(3);
    for round in 0..200 {
        let mut config = start(&[]).config;
        for _ in 0..30 {
            let setting = &SETTINGS[rng.index(SETTINGS.len())];
            let value = VALUES[rng.index(VALUES.len())];
            let words: Vec<Vec<u8>> = value.split(' ').map(Into::into).collect();
            let words = if setting.flags.has(Flags::MULTI_ARG) {
                words
            } else {
                vec![value.into()]
            };
            // Refusals are as good as anything here.
            let _ = setting.set(&mut config, &words, setting::Origin::Runtime);
        }
        if config.cluster_enabled {
            config.replicaof = None;
            config.databases = 1;
        }
        config.hz = config.hz.clamp(1, 500);
        config.repl_backlog_size = config.repl_backlog_size.max(16 * 1024);
        let text = rewrite(
            b"# begin\nport 5\nmaxmemory-policy noeviction",
            &config,
            None,
        );
        let mut files = FakeFiles::default();
        files.files.insert("/cwd/t.conf".into(), text.clone());
        let loaded = load(&["t.conf"], &mut files);
        let text = String::from_utf8_lossy(&text);
        let back = loaded
            .unwrap_or_else(|error| panic!("round {round}: {error}\n{text}"))
            .config;
        assert!(
            back == config,
            "round {round}: {back:?}\n{config:?}\n{text}"
        );
    }
}

const VALUES: &[&str] = &[
    "yes",
    "no",
    "0",
    "1",
    "7",
    "-1",
    "100",
    "65536",
    "1mb",
    "3gb",
    "50%",
    "777",
    "x y",
    "",
    "\"q\" 'r'\n",
    "K$x",
    "127.0.0.1 1",
    "300 10 20 30",
    "normal 1mb 2kb 3 slave 0 0 1",
    "force now",
    "cpu mem",
    "always",
    "allkeys-lru",
    "1 2 3",
    "0.5 99.123",
    "no one",
    "0-3",
    "::1",
    "/tmp",
];

#[test]
fn random_bytes_never_panic() {
    let mut rng = Rng::new(11);
    let pieces: Vec<&[u8]> = names()
        .map(|named| named.name.as_bytes())
        .chain(VALUES.iter().map(|value| value.as_bytes()))
        .chain([
            &b"\n"[..],
            b" ",
            b"\"",
            b"'",
            b"\\x4",
            b"include ",
            b"user ",
            b"\0",
            b"#",
            b"--",
        ])
        .collect();
    for _ in 0..3000 {
        let mut text = Vec::new();
        for _ in 0..rng.index(12) {
            if rng.chance(1, 6) {
                let mut noise = [0; 5];
                rng.fill(&mut noise);
                text.extend(noise);
            } else {
                text.extend(pieces[rng.index(pieces.len())]);
                text.push(b" \n"[rng.index(2)]);
            }
        }
        let mut files = FakeFiles::default();
        files.files.insert("/cwd/t.conf".into(), text.clone());
        if let Ok(loaded) = load(&["t.conf"], &mut files) {
            let new = rewrite(&text, &loaded.config, None);
            assert_eq!(rewrite(&new, &loaded.config, None), new);
        }
        let arguments: Vec<&[u8]> = text.split(|byte| *byte == b' ').collect();
        let _ = config_set(&Config::default(), &arguments, SetContext::default());
        config_get(&Config::default(), &arguments);
    }
}

#[test]
fn time_grows_with_the_text_and_not_faster() {
    // Each would take minutes if any step were quadratic.
    let many = "save 1 1\n".repeat(200_000);
    let loaded = from_text(&many).unwrap();
    let new = rewrite(many.as_bytes(), &loaded.config, None);
    assert!(new.starts_with(b"save 1 1\nsave 1 1\n"));
    let long = format!("requirepass \"{}\"", "\\x41".repeat(1_000_000));
    assert_eq!(
        from_text(&long).unwrap().config.requirepass.len(),
        1_000_000
    );
    let words = format!("user {}", "a ".repeat(1_000_000));
    assert_eq!(from_text(&words).unwrap().users[0].words.len(), 1_000_000);
    let comments = "#\n\n".repeat(500_000);
    assert!(from_text(&comments).is_ok());
}

#[test]
fn files_are_replaced_whole() {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!("tessera-config-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("d")).unwrap();
    let path = folder.join("a.conf");
    write_atomically(&path, b"one").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.join("link.conf");
    std::os::unix::fs::symlink("a.conf", &link).unwrap();
    write_atomically(&link, b"two").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"two");
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o640
    );
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert!(write_atomically(&folder.join("none/a.conf"), b"x").is_err());
    std::fs::write(folder.join("d/.hidden.conf"), "").unwrap();
    std::fs::write(folder.join("d/b.conf"), "").unwrap();
    let names = |pattern: &str| RealFiles.matching(&folder, Path::new(pattern));
    assert_eq!(names("d/*.conf"), [folder.join("d/b.conf")]);
    assert_eq!(names("[!x]/[a-b].conf"), [folder.join("d/b.conf")]);
    assert_eq!(names("*.conf"), [folder.join("a.conf"), link.clone()]);
    assert_eq!(names("d/c?").len(), 0);
    assert_eq!(RealFiles.read(&link).unwrap(), b"two");
    std::fs::remove_dir_all(&folder).unwrap();
}
