//! CLUSTER, READONLY, READWRITE, ASKING without a cluster.

use crate::support::{check, check_both};

#[test]
fn there_is_no_cluster() {
    check_both(
        r#"
        CLUSTER INFO => ERR This instance has cluster support disabled
        cluster nodes => ERR This instance has cluster support disabled
        CLUSTER SLOTS => ERR This instance has cluster support disabled; CLUSTER SHARDS => ERR This instance has cluster support disabled
        CLUSTER MYID => ERR This instance has cluster support disabled; CLUSTER HELP => ERR This instance has cluster support disabled
        CLUSTER KEYSLOT k => ERR This instance has cluster support disabled
        CLUSTER COUNTKEYSINSLOT 5 => ERR This instance has cluster support disabled
        CLUSTER COUNTKEYSINSLOT x => ERR This instance has cluster support disabled
        CLUSTER GETKEYSINSLOT 99999 3 => ERR This instance has cluster support disabled
        CLUSTER ADDSLOTS 1 2 3 => ERR This instance has cluster support disabled
        CLUSTER MEET 127.0.0.1 1 => ERR This instance has cluster support disabled
        CLUSTER ADDSLOTSRANGE 1 2 => ERR This instance has cluster support disabled; CLUSTER DELSLOTS 1 => ERR This instance has cluster support disabled
        CLUSTER DELSLOTSRANGE 1 2 => ERR This instance has cluster support disabled; CLUSTER FLUSHSLOTS => ERR This instance has cluster support disabled
        CLUSTER SETSLOT 1 STABLE => ERR This instance has cluster support disabled; CLUSTER FORGET x => ERR This instance has cluster support disabled
        CLUSTER BUMPEPOCH => ERR This instance has cluster support disabled; CLUSTER SET-CONFIG-EPOCH 1 => ERR This instance has cluster support disabled
        CLUSTER COUNT-FAILURE-REPORTS x => ERR This instance has cluster support disabled; CLUSTER FAILOVER => ERR This instance has cluster support disabled
        CLUSTER LINKS => ERR This instance has cluster support disabled; CLUSTER SAVECONFIG => ERR This instance has cluster support disabled
        [7.2] CLUSTER MYSHARDID => ERR This instance has cluster support disabled; CLUSTER REPLICATE x => ERR This instance has cluster support disabled
        CLUSTER REPLICAS x => ERR This instance has cluster support disabled; CLUSTER SLAVES x => ERR This instance has cluster support disabled
        CLUSTER RESET HARD => ERR This instance has cluster support disabled
        READONLY => ERR This instance has cluster support disabled
        READWRITE => ERR This instance has cluster support disabled
        ASKING => ERR This instance has cluster support disabled
        CLUSTER => ERR wrong number of arguments for 'cluster' command
        CLUSTER INFO x => ERR wrong number of arguments for 'cluster|info' command
        CLUSTER KEYSLOT => ERR wrong number of arguments for 'cluster|keyslot' command
        CLUSTER FOO => ERR unknown subcommand 'FOO'. Try CLUSTER HELP.
        READONLY x => ERR wrong number of arguments for 'readonly' command
        "#,
    );
}

#[test]
fn in_transactions_and_scripts() {
    check(
        r#"
        MULTI => OK; CLUSTER COUNTKEYSINSLOT 5 => QUEUED; CLUSTER INFO => QUEUED; READONLY => QUEUED
        EXEC => [-"ERR This instance has cluster support disabled", -"ERR This instance has cluster support disabled", -"ERR This instance has cluster support disabled"]
        "#,
    );
}
