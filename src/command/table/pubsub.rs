//! Rows: publish and subscribe.

use super::prelude::*;
use crate::command::spec::Channels;

pub(super) const ROWS: &[Row] = &[
    row("psubscribe", Group::PubSub, "2.0.0", -2)
        .flags(&[WHILE_SUBSCRIBED, PUBSUB, NOSCRIPT, LOADING, STALE, SENTINEL])
        .channels(Channels::SubscribePatterns)
        .docs(
            "Listen to all channels whose names fit patterns.",
            "O(N) for N patterns",
        )
        .syntax("pattern [pattern ...]")
        .runs(Route::Home, Home(super::super::pubsub::psubscribe)),
    row("publish", Group::PubSub, "2.0.0", 3)
        .flags(&[PUBSUB, LOADING, STALE, FAST, MAY_REPLICATE, SENTINEL])
        .channels(Channels::Publish)
        .docs(
            "Send a message to a channel.",
            "O(N + M) for N subscribers and M patterns",
        )
        .syntax("channel message")
        .runs(Route::Home, Home(super::super::pubsub::publish)),
    row("pubsub", Group::PubSub, "2.8.0", -2)
        .docs(
            "Commands about channels and subscriptions.",
            "Depends on the subcommand",
        )
        .runs(Route::Home, Container)
        .subcommands(&[
            row("pubsub|channels", Group::PubSub, "2.8.0", -2)
                .flags(&[PUBSUB, LOADING, STALE])
                .docs(
                    "List the channels that somebody listens to.",
                    "O(N) for N channels",
                )
                .syntax("[pattern]")
                .runs(Route::Home, Home(super::super::pubsub::channels)),
            row("pubsub|help", Group::PubSub, "6.2.0", 2)
                .flags(&[LOADING, STALE])
                .docs("Explain the subcommands.", "O(1)")
                .runs(Route::Home, Home(super::super::pubsub::help)),
            row("pubsub|numpat", Group::PubSub, "2.8.0", 2)
                .flags(&[PUBSUB, LOADING, STALE])
                .docs("Count the patterns that clients listen to.", "O(1)")
                .runs(Route::Home, Home(super::super::pubsub::numpat)),
            row("pubsub|numsub", Group::PubSub, "2.8.0", -2)
                .flags(&[PUBSUB, LOADING, STALE])
                .docs(
                    "Count the listeners of channels.",
                    "O(N) for N channels asked for",
                )
                .syntax("[channel [channel ...]]")
                .runs(Route::Home, Home(super::super::pubsub::numsub)),
            row("pubsub|shardchannels", Group::PubSub, "7.0.0", -2)
                .flags(&[PUBSUB, LOADING, STALE])
                .docs(
                    "List the shard channels that somebody listens to.",
                    "O(N) for N shard channels",
                )
                .syntax("[pattern]")
                .runs(Route::Home, Home(super::super::pubsub::shardchannels)),
            row("pubsub|shardnumsub", Group::PubSub, "7.0.0", -2)
                .flags(&[PUBSUB, LOADING, STALE])
                .docs(
                    "Count the listeners of shard channels.",
                    "O(N) for N shard channels asked for",
                )
                .syntax("[shardchannel [shardchannel ...]]")
                .runs(Route::Home, Home(super::super::pubsub::shardnumsub)),
        ]),
    row("punsubscribe", Group::PubSub, "2.0.0", -1)
        .flags(&[WHILE_SUBSCRIBED, PUBSUB, NOSCRIPT, LOADING, STALE, SENTINEL])
        .docs(
            "Stop listening to patterns, or to all of them.",
            "O(N) for N patterns",
        )
        .syntax("[pattern [pattern ...]]")
        .runs(Route::Home, Home(super::super::pubsub::punsubscribe)),
    row("spublish", Group::PubSub, "7.0.0", 3)
        .flags(&[PUBSUB, LOADING, STALE, FAST, MAY_REPLICATE])
        .keys(&[at(1, &[NOT_KEY])])
        .channels(Channels::Publish)
        .docs(
            "Send a message to a shard channel.",
            "O(N) for N subscribers",
        )
        .syntax("shardchannel message")
        .runs(Route::Home, Home(super::super::pubsub::spublish)),
    row("ssubscribe", Group::PubSub, "7.0.0", -2)
        .flags(&[WHILE_SUBSCRIBED, PUBSUB, NOSCRIPT, LOADING, STALE])
        .keys(&[range(1, -1, 1, &[NOT_KEY])])
        .channels(Channels::Subscribe)
        .docs("Listen to shard channels.", "O(N) for N shard channels")
        .syntax("shardchannel [shardchannel ...]")
        .runs(Route::Home, Home(super::super::pubsub::ssubscribe)),
    row("subscribe", Group::PubSub, "2.0.0", -2)
        .flags(&[WHILE_SUBSCRIBED, PUBSUB, NOSCRIPT, LOADING, STALE, SENTINEL])
        .channels(Channels::Subscribe)
        .docs("Listen to channels.", "O(N) for N channels")
        .syntax("channel [channel ...]")
        .runs(Route::Home, Home(super::super::pubsub::subscribe)),
    row("sunsubscribe", Group::PubSub, "7.0.0", -1)
        .flags(&[WHILE_SUBSCRIBED, PUBSUB, NOSCRIPT, LOADING, STALE])
        .keys(&[range(1, -1, 1, &[NOT_KEY])])
        .docs(
            "Stop listening to shard channels, or to all of them.",
            "O(N) for N shard channels",
        )
        .syntax("[shardchannel [shardchannel ...]]")
        .runs(Route::Home, Home(super::super::pubsub::sunsubscribe)),
    row("unsubscribe", Group::PubSub, "2.0.0", -1)
        .flags(&[WHILE_SUBSCRIBED, PUBSUB, NOSCRIPT, LOADING, STALE, SENTINEL])
        .docs(
            "Stop listening to channels, or to all of them.",
            "O(N) for N channels",
        )
        .syntax("[channel [channel ...]]")
        .runs(Route::Home, Home(super::super::pubsub::unsubscribe)),
];
