//! ACL categories: which command families a rule like `+@read` names.
//!
//! Most categories of a command follow from what the row says anyway: `@write` from the write flag,
//! `@string` from the group, `@slow` from the lack of `fast`. Only the rest is written in the row, so a
//! row cannot contradict itself. `implied` holds these rules.

use crate::command::bits::bits;
use crate::command::spec::{CommandSpec, Flags, Group, flag};
use crate::command::table;

bits! {
    /// A set of ACL categories.
    pub struct Categories(u32) in category {
        /// Works on keys of any type.
        KEYSPACE "keyspace",
        /// Reads keys (values or metadata).
        READ "read",
        /// Writes keys (values or metadata).
        WRITE "write",
        /// Set commands.
        SET "set",
        /// Sorted set commands.
        SORTEDSET "sortedset",
        /// List commands.
        LIST "list",
        /// Hash commands.
        HASH "hash",
        /// String commands.
        STRING "string",
        /// Bitmap commands.
        BITMAP "bitmap",
        /// HyperLogLog commands.
        HYPERLOGLOG "hyperloglog",
        /// Geo commands.
        GEO "geo",
        /// Stream commands.
        STREAM "stream",
        /// Publish/subscribe commands.
        PUBSUB "pubsub",
        /// For the operator, not for applications.
        ADMIN "admin",
        /// O(1), or close to it.
        FAST "fast",
        /// Everything that is not fast.
        SLOW "slow",
        /// May hold the connection until something happens.
        BLOCKING "blocking",
        /// Worth a second thought before it is granted.
        DANGEROUS "dangerous",
        /// About the connection itself.
        CONNECTION "connection",
        /// MULTI, EXEC and friends.
        TRANSACTION "transaction",
        /// Scripts and functions.
        SCRIPTING "scripting",
        /// Array commands (newer than Redis 7.2, shown once one of them is built).
        ARRAY "array",
    }
}

/// The category called `name` (without `@`, any case). `all` is a rule word, not a category.
pub fn category_by_name(name: &[u8]) -> Option<Categories> {
    visible_categories()
        .find(|(_, text)| name.eq_ignore_ascii_case(text.as_bytes()))
        .map(|(c, _)| c)
}

/// Every category with its name, in the order in which ACL CAT lists them.
///
/// A category whose commands are all unknown here is left out.
pub fn visible_categories() -> impl Iterator<Item = (Categories, &'static str)> {
    Categories::ALL
        .iter()
        .copied()
        .filter(|(c, _)| commands_in(*c).next().is_some())
}

/// Every known command and subcommand in one of `categories`, in table order.
pub fn commands_in(categories: Categories) -> impl Iterator<Item = &'static CommandSpec> {
    table::all()
        .iter()
        .filter(move |spec| spec.is_known() && spec.acl.has(categories))
}

/// The categories that follow from a command's group and flags.
pub(in crate::command) const fn implied(
    group: Group,
    flags: Flags,
    is_container: bool,
) -> Categories {
    use category::*;
    let mut set = Categories::NONE;
    if flags.has(flag::WRITE) {
        set = set.or(WRITE);
    }
    // Script commands carry the readonly flag for what their script may do; they read no key themselves.
    if flags.has(flag::READONLY) && !matches!(group, Group::Scripting) {
        set = set.or(READ);
    }
    if flags.has(flag::ADMIN) {
        set = set.or(ADMIN).or(DANGEROUS);
    }
    if flags.has(flag::PUBSUB) {
        set = set.or(PUBSUB);
    }
    if flags.has(flag::BLOCKING) {
        set = set.or(BLOCKING);
    }
    set = set.or(if flags.has(flag::FAST) { FAST } else { SLOW });
    // A container does nothing itself, so it belongs to no family; its subcommands do.
    if !is_container {
        set = set.or(family(group));
    }
    set
}

/// The category a group's commands belong to by being in the group.
const fn family(group: Group) -> Categories {
    use category::*;
    match group {
        Group::Array => ARRAY,
        Group::Bitmap => BITMAP,
        Group::Connection => CONNECTION,
        Group::Geo => GEO,
        Group::Hash => HASH,
        Group::HyperLogLog => HYPERLOGLOG,
        Group::List => LIST,
        Group::Scripting => SCRIPTING,
        Group::Set => SET,
        Group::SortedSet => SORTEDSET,
        Group::Stream => STREAM,
        Group::String => STRING,
        Group::Transactions => TRANSACTION,
        // Pub/sub commands get theirs from the flag; the others spread over several families.
        Group::Cluster | Group::Generic | Group::PubSub | Group::Sentinel | Group::Server => {
            Categories::NONE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn category_names_ignore_case_and_do_not_include_all() {
        assert_eq!(category_by_name(b"SortedSet"), Some(category::SORTEDSET));
        assert_eq!(category_by_name(b"all"), None);
        assert_eq!(category_by_name(b"@read"), None);
    }

    #[test]
    fn categories_print_in_the_order_of_acl_cat() {
        let names: Vec<_> = visible_categories().map(|(_, name)| name).collect();
        assert_eq!(
            names,
            "keyspace read write set sortedset list hash string bitmap hyperloglog geo stream pubsub \
             admin fast slow blocking dangerous connection transaction scripting"
                .split(' ')
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn commands_of_a_category_include_subcommands() {
        let names: Vec<_> = commands_in(category::PUBSUB)
            .map(|spec| spec.name)
            .collect();
        assert!(names.contains(&"publish") && names.contains(&"pubsub|numsub"));
        assert!(
            !names.contains(&"pubsub"),
            "the container itself is in no family"
        );
    }
}
