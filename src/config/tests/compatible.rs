//! The table against the directives of the servers we are compatible with: each is there, with its default.

use crate::config::table::{DROPPED, FILE_ONLY};
use crate::config::{Config, Flags, SETTINGS, find, names};

#[test]
fn every_directive_is_there_with_its_default() {
    let config = Config::default();
    for line in DIRECTIVES.lines().map(str::trim) {
        match line.split_once('=') {
            Some((name, default)) => {
                let setting = find(name.as_bytes())
                    .unwrap_or_else(|| panic!("no {name}"))
                    .setting;
                let value = setting.get(&config);
                assert_eq!(setting.name, name);
                assert_eq!(String::from_utf8_lossy(&value), default, "{name}");
            }
            None => assert!(
                FILE_ONLY.contains(&line) || DROPPED.contains(&line),
                "{line}"
            ),
        }
    }
}

#[test]
fn names_are_unique_and_nothing_else_is_in_the_table() {
    let ours = ["io-backend", "shards", "shard-cpus"];
    for setting in SETTINGS {
        let is_theirs = DIRECTIVES.contains(&format!("{}=", setting.name));
        assert!(
            is_theirs || ours.contains(&setting.name),
            "{}",
            setting.name
        );
        assert_eq!(setting.name, setting.name.to_ascii_lowercase());
    }
    for named in names() {
        let found = find(named.name.to_ascii_uppercase().as_bytes()).expect("it is listed");
        assert_eq!(found.setting.name, named.setting.name, "{}", named.name);
    }
}

#[test]
fn what_works_already_is_marked() {
    let in_effect = |name: &str| {
        find(name.as_bytes()).is_some_and(|named| named.setting.flags.has(Flags::IN_EFFECT))
    };
    assert!(in_effect("maxclients") && in_effect("requirepass") && in_effect("shards"));
    assert!(in_effect("appendonly") && in_effect("save"));
    assert!(!in_effect("replicaof") && !in_effect("cluster-enabled") && !in_effect("tls-port"));
}

/// `name=default` of every setting, and the names of what only a file may say.
const DIRECTIVES: &str = "\
acl-pubsub-default=resetchannels
aclfile=
acllog-max-len=128
active-defrag-cycle-max=25
active-defrag-cycle-min=1
active-defrag-cycle-us=500
active-defrag-ignore-bytes=104857600
active-defrag-max-scan-fields=1000
active-defrag-threshold-lower=10
active-defrag-threshold-upper=100
active-expire-effort=1
activedefrag=no
activerehashing=yes
always-show-logo=no
aof-disable-auto-gc=no
aof-load-corrupt-tail-max-size=0
aof-load-truncated=yes
aof-rewrite-incremental-fsync=yes
aof-timestamp-enabled=no
aof-use-rdb-preamble=yes
aof_rewrite_cpulist=
appenddirname=appendonlydir
appendfilename=appendonly.aof
appendfsync=everysec
appendonly=no
array-slice-size=4096
array-sparse-kmax=10
array-sparse-kmin=5
auto-aof-rewrite-min-size=67108864
auto-aof-rewrite-percentage=100
availability-zone=
bgsave_cpulist=
bind=* -::*
bind-source-addr=
bio_cpulist=
busy-reply-threshold=5000
client-default-resp=2
client-output-buffer-limit=normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60
client-query-buffer-limit=1073741824
cluster-allow-pubsubshard-when-down=yes
cluster-allow-reads-when-down=no
cluster-allow-replica-migration=yes
cluster-announce-bus-port=0
cluster-announce-client-ipv4=
cluster-announce-client-ipv6=
cluster-announce-client-port=0
cluster-announce-client-tls-port=0
cluster-announce-hostname=
cluster-announce-human-nodename=
cluster-announce-ip=
cluster-announce-port=0
cluster-announce-tls-port=0
cluster-blacklist-ttl=60
cluster-compatibility-sample-ratio=0
cluster-config-file=nodes.conf
cluster-config-save-behavior=sync
cluster-databases=1
cluster-enabled=no
cluster-link-sendbuf-limit=0
cluster-manual-failover-timeout=5000
cluster-message-gossip-perc=10
cluster-migration-barrier=1
cluster-node-timeout=15000
cluster-ping-interval=0
cluster-port=0
cluster-preferred-endpoint-type=ip
cluster-replica-no-failover=no
cluster-replica-validity-factor=10
cluster-require-full-coverage=yes
cluster-slot-migration-handoff-max-lag-bytes=1048576
cluster-slot-migration-log-max-len=1000
cluster-slot-migration-max-archived-tasks=32
cluster-slot-migration-sync-buffer-drain-timeout=60000
cluster-slot-migration-write-pause-timeout=10000
cluster-slot-stats-enabled=no
commandlog-large-reply-max-len=128
commandlog-large-request-max-len=128
commandlog-reply-larger-than=1048576
commandlog-request-larger-than=1048576
crash-log-enabled=yes
crash-memcheck-enabled=yes
daemonize=no
databases=16
dbfilename=dump.rdb
debug-context=
dir=
disable-thp=yes
dual-channel-replication-enabled=no
dynamic-hz=yes
enable-debug-assert=no
enable-debug-command=no
enable-module-command=no
enable-protected-configs=no
events-per-io-thread=2
extended-redis-compatibility=no
gopher-enabled
hash-max-listpack-entries=512
hash-max-listpack-value=64
hash-seed=
hide-user-data-from-log=no
hll-sparse-max-bytes=3000
hz=10
ignore-warnings=
import-mode=no
include
io-threads=1
io-threads-always-active=no
io-threads-do-reads=no
jemalloc-bg-thread=yes
key-load-delay=0
key-memory-histograms=no
latency-monitor-threshold=0
latency-tracking=yes
latency-tracking-info-percentiles=50 99 99.9
lazyexpire-nested-arbitrary-keys=yes
lazyfree-lazy-eviction=no
lazyfree-lazy-expire=no
lazyfree-lazy-server-del=no
lazyfree-lazy-user-del=no
lazyfree-lazy-user-flush=no
lfu-decay-time=1
lfu-log-factor=10
list-compress-depth=0
list-max-listpack-size=-2
list-max-ziplist-entries
list-max-ziplist-value
loading-process-events-interval-bytes=2097152
loadmodule
locale-collate=
log-format=legacy
log-timestamp-format=legacy
logfile=
loglevel=notice
lookahead=16
lua-enable-deprecated-api=no
lua-replicate-commands
masterauth=
masteruser=
max-new-connections-per-cycle=10
max-new-tls-connections-per-cycle=1
maxclients=10000
maxmemory=0
maxmemory-clients=0
maxmemory-eviction-tenacity=10
maxmemory-policy=noeviction
maxmemory-samples=5
min-io-threads-avoid-copy-reply=7
min-replicas-max-lag=10
min-replicas-to-write=0
min-string-size-avoid-copy-reply=16384
min-string-size-avoid-copy-reply-threaded=65536
mptcp=no
no-appendfsync-on-rewrite=no
notify-keyspace-events=
oom-score-adj=no
oom-score-adj-values=0 200 800
pidfile=
port=6379
prefetch-batch-max-size=16
proc-title-template={title} {listen-addr} {server-mode}
propagation-error-behavior=ignore
protected-mode=yes
proto-max-bulk-len=536870912
rdb-del-sync-files=no
rdb-key-save-delay=0
rdb-save-incremental-fsync=yes
rdb-version-check=strict
rdbchecksum=yes
rdbcompression=yes
rdma-bind=
rdma-completion-vector=-1
rdma-port=0
rdma-rx-size=1048576
rename-command
repl-backlog-size=1048576
repl-backlog-ttl=3600
repl-disable-tcp-nodelay=no
repl-diskless-load=disabled
repl-diskless-sync=yes
repl-diskless-sync-delay=5
repl-diskless-sync-max-replicas=0
repl-mptcp=no
repl-ping-replica-period=10
repl-rdb-channel=yes
repl-timeout=60
replica-announce-ip=
replica-announce-port=0
replica-announced=yes
replica-full-sync-buffer-limit=0
replica-ignore-disk-write-errors=no
replica-ignore-maxmemory=yes
replica-lazy-flush=no
replica-priority=100
replica-read-only=yes
replica-serve-stale-data=yes
replicaof=
req-res-logfile=
requirepass=
sanitize-dump-payload=no
save=3600 1 300 100 60 10000
sentinel
server_cpulist=
set-max-intset-entries=512
set-max-listpack-entries=128
set-max-listpack-value=64
set-proc-title=yes
shutdown-on-sigint=default
shutdown-on-sigterm=default
shutdown-timeout=10
slot-migration-max-failover-repl-bytes=0
slowlog-entry-max-argc=32
slowlog-entry-max-string-len=128
slowlog-log-slower-than=10000
slowlog-max-len=128
socket-mark-id=0
stop-writes-on-bgsave-error=yes
stream-idmp-duration=100
stream-idmp-maxsize=100
stream-node-max-bytes=4096
stream-node-max-entries=100
supervised=no
syslog-enabled=no
syslog-facility=local0
syslog-ident=redis
tcp-backlog=511
tcp-keepalive=300
timeout=0
tls-auth-clients=yes
tls-auth-clients-user=off
tls-auto-reload-interval=0
tls-ca-cert-dir=
tls-ca-cert-file=
tls-cert-file=
tls-ciphers=
tls-ciphersuites=
tls-client-cert-file=
tls-client-key-file=
tls-client-key-file-pass=
tls-cluster=no
tls-dh-params-file=
tls-key-file=
tls-key-file-pass=
tls-port=0
tls-prefer-server-ciphers=no
tls-protocols=
tls-replication=no
tls-session-cache-size=20480
tls-session-cache-timeout=300
tls-session-caching=yes
tracking-table-max-keys=1000000
unixsocket=
unixsocketgroup=
unixsocketperm=0
use-exit-on-panic=no
user
watchdog-period=0
zset-max-listpack-entries=128
zset-max-listpack-value=64";
