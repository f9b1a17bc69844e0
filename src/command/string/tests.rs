//! Transcripts of the string family.

use crate::command::testing::check;

#[test]
fn get_and_set() {
    check(
        r#"
        GET a => nil
        SET a hello => OK
        GET a => hello
        SET a 12 => OK
        GET a => "12"
        @encoding a => int
        SET a "" => OK
        GET a => ""
        @dirty => 3
        "#,
    );
}
